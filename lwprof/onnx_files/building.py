"""Building: the operator graph of a file, in the vocabulary that costs and analyses know."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

from lwprof.graph import Call, GraphBuilder, Module, OpGraph, Value
from lwprof.onnx_files.inference import Inference
from lwprof.onnx_files.nodes import RECURRENT, Node
from lwprof.onnx_files.rules import Translation
from lwprof.onnx_files.tensors import Known
from lwprof.onnx_files.translation import translate, unknown
from lwprof.onnx_files.weights import BUFFER, NUMBER, PARAMETER, ROLES, role

Output = tuple[tuple[int, ...], str, int, Value | None]


_KEPT = (PARAMETER, BUFFER)
_NOTHING = (NUMBER, "")


class Building:
    """Makes one graph."""

    def __init__(self, inference: Inference, nodes: Sequence[Node]) -> None:
        self.known, self.folded = inference.known, inference.folded
        self.nodes, self.inputs, self.results = nodes, inference.inputs, inference.results
        self.builder = GraphBuilder()
        self._values: dict[str, Value] = {}
        self._weights: dict[str, Value] = {}
        self._roles: dict[str, tuple[str, str]] = {}
        """Of each stored tensor that is read: what it is, and whose."""
        self._makers = {name: folded for folded in self.folded for name in folded.outputs}
        self._viewed: set[str] = set()
        self._read = {name for node in nodes for name in node.inputs} | set(self.results)
        self._names = _layer_names(nodes)

    def graph(self) -> OpGraph:
        """Build it: stored tensors first, then what each call runs, then what none does."""
        for name in self.inputs:
            self._values[name] = self.builder.value(*_described(self.known[name]), "input")
        modules, calls = [Module("", "ONNX", False)], [Call(-1, "", 0, 0, (), ())]
        translations = [self._translated(node) for node in self.nodes]
        for node, translation, name in zip(self.nodes, translations, self._names, strict=True):
            self._assign(node, translation, name)
        for node, translation in zip(self.nodes, translations, strict=True):
            for places in translation.tensors.values():
                for place in places if isinstance(places, tuple) else (places,):
                    if node.input(place):
                        self._stored(node, place, always=isinstance(places, tuple))
        for node, translation, name in zip(self.nodes, translations, self._names, strict=True):
            call = 0
            if translation.effect != "view":
                call = len(calls)
                modules.append(Module(name, node.type, False))
            inputs = self._operator(node, translation, call)
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

    def _translated(self, node: Node) -> Translation:
        given = [self.known[name] if name else None for name in node.inputs]
        known = [self.known[name] for name in (*node.inputs, *node.outputs) if name]
        return translate(node, given) if all(one.sizes is not None for one in known) else unknown(node)

    def _assign(self, node: Node, translation: Translation, layer: str) -> None:
        """Note what the stored tensors are that a node reads; the first reader is whose weight it is."""
        for place in translation.places:
            name = node.input(place)
            known = self.known[name] if name else None
            if known is None or not known.fixed:
                continue
            for origin in known.origins or (name,):
                found = role(node, place, self.known[origin], known)
                before, owner = self._roles.get(origin, (NUMBER, layer))
                self._roles[origin] = (min(before, found, key=ROLES.index), owner if before else layer)

    def _stored(self, node: Node, place: int, always: bool = False) -> bool:
        """Whether a node reads a tensor here, and not a plain number; a stored one gets its value."""
        name = node.inputs[place]
        known = self.known[name]
        if not known.fixed:
            return True
        origins = known.origins or (name,)
        if not always and role(node, place, self.known[origins[0]], known) == NUMBER:
            return False
        if name not in self._values:
            self._values[name] = self._constant(name)
        return True

    def _constant(self, name: str) -> Value:
        """The value of a tensor that is the same in every call."""
        known = self.known[name]
        shape, dtype = _described(known)
        roots = [self._weight(origin) for origin in known.origins if self._roles.get(origin, _NOTHING)[0] in _KEPT]
        if roots and known.origins == (name,):
            return roots[0]
        if len(roots) != 1:
            return self.builder.value(shape, dtype, "constant")
        quantised = not self.known[known.origins[0]].floating
        output: Output = (shape, roots[0].dtype if quantised else dtype, known.elements, roots[0])
        label = self._makers[name].name if name in self._makers else "onnx::Identity"
        self._viewed.add(name)
        return self.builder.operator(label, {"reason": known.fixed}, (roots[0],), [output], "view")[0]

    def _weight(self, name: str) -> Value:
        if name not in self._weights:
            what, layer = self._roles[name]
            shape, dtype = _described(self.known[name])
            trainable = what == PARAMETER and self.known[name].floating
            self._weights[name] = self.builder.weight(name, layer, shape, dtype, what, trainable)
        return self._weights[name]

    def _operator(self, node: Node, translation: Translation, call: int) -> tuple[Value, ...]:
        """Append an operator; return what it reads."""
        arguments: dict[str, Any] = dict(translation.plain)
        inputs: list[Value] = []
        for argument, places in translation.tensors.items():
            if isinstance(places, tuple):
                arguments[argument] = tuple(self._values[node.inputs[place]] for place in places if node.inputs[place])
                inputs.extend(arguments[argument])
            elif node.input(places) in self._values and self._stored(node, places):
                arguments[argument] = self._values[node.input(places)]
                inputs.append(arguments[argument])
            elif node.input(places):
                arguments[argument] = self.known[node.input(places)].number
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
    names: dict[str, None] = {}
    for node in nodes:
        name = base = (node.name.strip("/") or node.type).replace(".", "_")
        while name in names:
            taken[base] = taken.get(base, 1) + 1
            name = f"{base} ({taken[base]})"
        names[name] = None
    return list(names)
