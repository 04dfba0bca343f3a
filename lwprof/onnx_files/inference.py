"""Inference: walk a file's nodes, find the shape of everything, and set aside what no call computes.

Each node's result is inferred by ONNX's own rules from the sizes and small constants before it, so sizes that
the file works out step by step (``Shape``, ``Gather``, ``Concat``) are numbers by the time they are needed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import onnx

from lwprof.errors import InputError
from lwprof.onnx_files import branches, folding
from lwprof.onnx_files.nodes import Node
from lwprof.onnx_files.plain import plain
from lwprof.onnx_files.shapes import Given, Shapes, misfit
from lwprof.onnx_files.tensors import SIZES, STORED, Known, of_array, of_type, stored


@dataclass(frozen=True, slots=True)
class Folded:
    """A node that no call runs."""

    name: str
    outputs: tuple[str, ...]
    reason: str


class Inference:
    """Everything that is known of a file's tensors once its inputs have sizes."""

    def __init__(
        self, path: str, folder: str, opsets: Mapping[str, int], inputs: Mapping[str, Known], bound: dict[str, int]
    ) -> None:
        self.path, self.folder, self.opsets, self.bound = path, folder, dict(opsets), bound
        self.inputs = tuple(inputs)
        self.results: tuple[str, ...] = ()
        """Names of what the file returns, once all of it was walked."""
        self.known: dict[str, Known] = dict(inputs)
        self.nodes: list[Node] = []
        """What every call runs, in order."""
        self.folded: list[Folded] = []
        self.handed_on: dict[str, str] = {}
        """Names of tensors that nodes hand on unchanged, to the names those had before."""
        self._declared: dict[str, onnx.TypeProto] = {}
        self._shapes = Shapes(opsets)

    def walk(self, graph: onnx.GraphProto) -> None:
        """Go through a graph, or a branch of one.

        Raises:
            InputError: a node cannot work on these sizes, or reads what nothing makes.
        """
        for tensor in graph.initializer:
            self.known[tensor.name] = stored(tensor, self.folder)
        for sparse in graph.sparse_initializer:
            name = sparse.values.name
            self.known[name] = Known(sparse.values.data_type, tuple(sparse.dims), None, STORED, (name,))
        for value in (*graph.value_info, *graph.output):
            self._declared[value.name] = value.type
        read = branches.reads(graph) | {value.name for value in graph.output}
        for proto in graph.node:
            node = Node.of(proto).wanted(read)
            if node.type == "If" and self._choose(node):
                continue
            for part, number, like in plain(node):
                part = part.changed(inputs=tuple(self.handed_on.get(name, name) for name in part.inputs))
                self._add(part, number or (self.known[like].type if like in self.known else 0))

    def _choose(self, node: Node) -> bool:
        """Follow the branch of an ``If`` whose condition is known."""
        condition = self._given(node)[0]
        if condition is None or condition.number is None:
            return False
        chosen = node.attributes["then_branch" if condition.number else "else_branch"]
        graph, results = branches.renamed(chosen, f"{node.outputs[0]}/")
        self.walk(graph)
        self.folded.append(Folded(node.qualified, (), "its condition is known before the first call"))
        for result, output in zip(results, node.outputs, strict=False):
            self._add(Node("Identity", (self.handed_on.get(result, result),), (output,)))
        return True

    def _add(self, node: Node, number: int = 0) -> None:
        """Take in one ordinary node; ``number`` is the element type of its result, where inference cannot tell."""
        given = self._given(node)
        made = self._constant(node) or self._inferred(node, given)
        if number:
            made = [replace(known, type=number) for known in made]
        reason = _reason(node, given)
        if reason:
            made = [replace(known, fixed=reason) for known in self._folded(node, given, made)]
            self.folded.append(Folded(node.qualified, node.outputs, reason))
        elif self._hands_on(node, given):
            self.folded.append(Folded(node.qualified, node.outputs, "hands on what it is given"))
            self.handed_on[node.outputs[0]] = node.inputs[0]
        else:
            self.nodes.append(node)
        self.known.update((name, known) for name, known in zip(node.outputs, made, strict=True) if name)

    def _given(self, node: Node) -> list[Known | None]:
        try:
            return [self.known[name] if name else None for name in node.inputs]
        except KeyError as error:
            raise InputError(f"{self.path}: {node.label} reads {error}, which nothing makes") from None

    def _hands_on(self, node: Node, given: Given) -> bool:
        """Whether a node returns its first input and does nothing else."""
        training = given[2] if len(given) > 2 else None
        dropped = node.type == "Dropout" and len(node.outputs) == 1 and not (training and training.number)
        return not node.domain and (node.type == "Identity" or dropped)

    def _constant(self, node: Node) -> list[Known]:
        """The tensor of a ``Constant`` node; nothing for any other."""
        if node.type != "Constant" or node.domain:
            return []
        name, value = next(iter(node.attributes.items()))
        output = node.outputs[0]
        if name == "value":
            return [stored(value, self.folder, output)]
        if name == "sparse_value":
            return [Known(value.values.data_type, tuple(value.dims), None, STORED, (output,))]
        number = {"f": onnx.TensorProto.FLOAT, "i": onnx.TensorProto.INT64}.get(name.removeprefix("value_")[0])
        if number is None:
            return [Known(onnx.TensorProto.STRING, (), None, STORED, (output,))]
        items = value if isinstance(value, list) else [value]
        shape = (len(items),) if isinstance(value, list) else ()
        return [stored(onnx.helper.make_tensor(output, number, shape, items), self.folder, output)]

    def _inferred(self, node: Node, given: Given) -> list[Known]:
        """What a node makes, by ONNX's rules; by what the file declares where those do not reach."""
        types, failure = self._shapes.infer(node, given)
        made = []
        for output in node.outputs:
            found = of_type(types[output], {}) if output in types else Known(0, None)
            if found.sizes is None and output in self._declared:
                declared = of_type(self._declared[output], self.bound)
                found = declared if declared.sizes is not None or found.shape is None else found
            made.append(found)
        reached = not made or made[0].sizes is not None
        failure = misfit(node, given, made) if reached else failure
        if failure:
            raise InputError(f"{self.path}: {node.label} cannot work on these sizes ({failure})")
        return made

    def _folded(self, node: Node, given: Given, made: Sequence[Known]) -> list[Known]:
        """What a node makes that no call runs: its content if it is small, and what it comes from."""
        if node.type == "Constant" and not node.domain:
            return list(made)
        if node.type in ("Shape", "Size") and given and given[0] is not None:
            size = folding.size_of(node, given[0])
            return list(made) if size is None else [of_array(size, SIZES)]
        origins = _origins(node, given)
        contents: Sequence[Any] = folding.computed(node, given, made, self.opsets) or [None] * len(made)
        return [
            replace(known, data=content, origins=origins or (name,))
            for name, known, content in zip(node.outputs, made, contents, strict=False)
        ]


def _reason(node: Node, given: Given) -> str:
    """Why no call runs a node; empty for one that works on data."""
    if node.type in ("Shape", "Size") and not node.domain:
        return SIZES
    present = [known for known in given if known is not None]
    subgraph = any(isinstance(value, onnx.GraphProto) for value in node.attributes.values())
    if subgraph or not folding.repeatable(node) or not all(known.fixed for known in present):
        return ""
    return SIZES if any(known.fixed == SIZES for known in present) else STORED


def _origins(node: Node, given: Given) -> tuple[str, ...]:
    """Stored tensors that a fixed one stems from: of what is joined all, otherwise those of the largest operands."""
    present = [known for known in given if known is not None and known.origins]
    if node.type == "ConstantOfShape" or not present:
        return ()
    if node.type != "Concat":
        numbers = [known for known in present if known.floating] or present
        if node.type == "DequantizeLinear":
            numbers = present[:1]
        most = max(known.elements for known in numbers)
        present = [known for known in numbers if known.elements == most]
    return tuple(dict.fromkeys(name for known in present for name in known.origins))
