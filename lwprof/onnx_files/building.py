"""Building: the operator graph of a file, in the vocabulary that costs and analyses know."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

from lwprof.graph import Call, GraphBuilder, Module, OpGraph, Value
from lwprof.onnx_files.inference import Inference
from lwprof.onnx_files.nodes import RECURRENT, Node
from lwprof.onnx_files.rules import Translation
from lwprof.onnx_files.tensors import Known
from lwprof.onnx_files.translation import translate, unknown
from lwprof.onnx_files.weights import CONSTANT, PARAMETER, role

Output = tuple[tuple[int, ...], str, int, Value | None]


class Building:
    """Makes one graph."""

    def __init__(self, inference: Inference, nodes: Sequence[Node]) -> None:
        self.known, self.folded = inference.known, inference.folded
        self.nodes, self.inputs, self.results = nodes, inference.inputs, inference.results
        self.builder = GraphBuilder()
        self._values: dict[str, Value] = {}
        self._weights: dict[str, Value] = {}
        self._viewed: set[str] = set()
        self._read = {name for node in nodes for name in node.inputs} | set(self.results)
        self._names = _layer_names(nodes)

    def graph(self) -> OpGraph:
        """Build it: stored tensors first, then what each call runs, then what none does."""
        for name in self.inputs:
            self._values[name] = self.builder.value(*_described(self.known[name]), "input")
        modules, calls = [Module("", "ONNX", False)], [Call(-1, "", 0, 0, (), ())]
        read = [self._arguments(node, name) for node, name in zip(self.nodes, self._names, strict=True)]
        for node, (translation, tensors, plain), name in zip(self.nodes, read, self._names, strict=True):
            call = 0
            if translation.effect != "view":
                call = len(calls)
                modules.append(Module(name, node.type, False))
            inputs = self._operator(node, translation, tensors, plain, call)
            if call:
                place = len(self.builder.operators)
                made = self.builder.operators[-1].outputs
                shapes = tuple(value.shape for value in inputs if value.source in ("input", "operator"))
                calls.append(Call(0, name, place - 1, place, shapes, tuple(value.shape for value in made)))
        for folded in self.folded:
            if not self._viewed.intersection(folded.outputs):
                self.builder.operator(folded.name, {"reason": folded.reason}, (), (), "view")
        for name in self.results:
            if name not in self._values:
                self._values[name] = self._constant(name)
        inputs = tuple(self._values[name] for name in self.inputs)
        outputs = tuple(self._values[name] for name in self.results)
        calls[0] = Call(-1, "", 0, len(self.builder.operators), tuple(v.shape for v in inputs),
                        tuple(v.shape for v in outputs))  # fmt: skip
        return OpGraph(tuple(self.builder.operators), tuple(self.builder.values), inputs, outputs,
                       tuple(self.builder.weights), tuple(modules), tuple(calls))  # fmt: skip

    def _arguments(
        self, node: Node, layer: str
    ) -> tuple[Translation, dict[str, tuple[str, ...] | str], dict[str, Any]]:
        """Translate a node, and make values of the stored tensors that it reads."""
        given = [self.known[name] if name else None for name in node.inputs]
        known = [self.known[name] for name in (*node.inputs, *node.outputs) if name]
        translation = translate(node, given) if all(one.sizes is not None for one in known) else unknown(node)
        tensors: dict[str, tuple[str, ...] | str] = {}
        plain = dict(translation.plain)
        for argument, places in translation.tensors.items():
            if isinstance(places, tuple):
                names = tuple(node.inputs[place] for place in places if node.inputs[place])
                for place in places:
                    if node.inputs[place]:
                        self._stored(node, place, layer, always=True)
                tensors[argument] = names
            elif node.input(places):
                name = node.input(places)
                if self._stored(node, places, layer):
                    tensors[argument] = name
                else:
                    plain[argument] = self.known[name].number
        return translation, tensors, plain

    def _stored(self, node: Node, place: int, layer: str, always: bool = False) -> bool:
        """Whether the node reads a tensor here, and not a plain number; a stored one gets its value."""
        name = node.inputs[place]
        known = self.known[name]
        if not known.fixed:
            return True
        origin = self.known[known.origins[0]] if known.origins else known
        what = role(node, place, known, origin)
        if not what and not always:
            return False
        if name not in self._values:
            self._values[name] = self._constant(name, what or CONSTANT, layer)
        return True

    def _constant(self, name: str, what: str = CONSTANT, module: str = "") -> Value:
        """The value of a tensor that is the same in every call."""
        known = self.known[name]
        shape, dtype = _described(known)
        if what == CONSTANT or not known.origins:
            return self.builder.value(shape, dtype, "constant")
        roots = [self._weight(origin, what, module) for origin in known.origins]
        if known.origins == (name,):
            return roots[0]
        if len(roots) > 1:
            return self.builder.value(shape, dtype, "constant")
        quantised = not self.known[known.origins[0]].floating
        output: Output = (shape, roots[0].dtype if quantised else dtype, known.elements, roots[0])
        reason = {"reason": known.fixed}
        maker = next((folded for folded in self.folded if name in folded.outputs), None)
        self._viewed.add(name)
        label = maker.name if maker else "onnx::Identity"
        return self.builder.operator(label, reason, (roots[0],), [output], "view")[0]

    def _weight(self, name: str, what: str, module: str) -> Value:
        if name not in self._weights:
            shape, dtype = _described(self.known[name])
            trainable = what == PARAMETER and self.known[name].floating
            self._weights[name] = self.builder.weight(name, module, shape, dtype, what, trainable)
        return self._weights[name]

    def _operator(
        self,
        node: Node,
        translation: Translation,
        tensors: Mapping[str, tuple[str, ...] | str],
        plain: Mapping[str, Any],
        call: int,
    ) -> tuple[Value, ...]:
        """Append an operator; return what it reads."""
        arguments: dict[str, Any] = dict(plain)
        inputs: list[Value] = []
        for argument, names in tensors.items():
            values = tuple(self._values[name] for name in ((names,) if isinstance(names, str) else names))
            arguments[argument] = values[0] if isinstance(names, str) else values
            inputs.extend(values)
        wanted = [name for name in node.outputs if name and (name in self._read or node.type in RECURRENT)]
        wanted = wanted or [name for name in node.outputs[:1] if name]
        name, effect, pointwise = translation.name, translation.effect, translation.pointwise
        base = inputs[0] if effect == "view" and inputs else None
        outputs: list[Output] = []
        for output in wanted:
            shape, dtype = _described(self.known[output])
            elements = min(prod(shape), base.elements) if base is not None else prod(shape)
            outputs.append((shape, dtype, elements, base))
        made = self.builder.operator(name, arguments, tuple(inputs), outputs, effect, call, pointwise)
        self._values.update(zip(wanted, made, strict=True))
        return tuple(inputs)


def _described(known: Known) -> tuple[tuple[int, ...], str]:
    """Shape and dtype; a size that is not known counts as none."""
    return tuple(size or 0 for size in known.shape or (0,)) if known.shape != () else (), known.dtype


def _layer_names(nodes: Sequence[Node]) -> list[str]:
    """A name for each node: its own, or its type, numbered where it is not the first; dots would nest it."""
    taken: dict[str, int] = {}
    names = []
    for node in nodes:
        name = (node.name or node.type).strip("/").replace(".", "_")
        taken[name] = taken.get(name, 0) + 1
        names.append(name if taken[name] == 1 else f"{name} ({taken[name]})")
    return names
