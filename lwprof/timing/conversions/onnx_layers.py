"""Layers of an optimised ONNX graph: which layers of the network each node runs.

A runtime that fuses, moves and renames nodes keeps the names of the tensors between them, or makes new ones of those.
So a node of the optimised graph runs every node of the file that lies between its inputs and its outputs; what lies
between no two such tensors was fused to what makes its input. Nodes that only lay data out anew belong to the layer
that they feed, and to the one that feeds them at the end.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lwprof.inputs import Values

Layers = tuple[str, ...]

LEADING = frozenset(
    "Conv ConvTranspose ConvInteger QLinearConv FusedConv Gemm FusedGemm QGemm MatMul FusedMatMul MatMulInteger "
    "QLinearMatMul Einsum Attention LSTM GRU RNN".split()
)
"""Operators that a layer is known for; what they are fused with comes after them."""

_LAYOUT = frozenset(
    "ReorderInput ReorderOutput Transpose Cast QuantizeLinear DequantizeLinear Identity Dropout Reshape Flatten "
    "Squeeze Unsqueeze".split()
)
_QUANTISES = ("QuantizeLinear", "DequantizeLinear")
_NOTHING = frozenset("Identity Dropout Reshape Flatten Squeeze Unsqueeze QuantizeLinear DequantizeLinear Cast".split())
"""What costs nothing once it is fused with something else."""
_NUMBERED = re.compile(r"_token_\d+$")
"""What it adds to names that are taken."""
_DERIVED = re.compile(r"_nchwc(?:_token_\d+|_\d+)?$")
"""What ONNX Runtime adds to a tensor's name to make that of the node which makes it in blocks of channels."""


class Graph:
    """Nodes of an ONNX file, and the layer that each belongs to."""

    def __init__(self, model: Any) -> None:
        """Read a model, of whose weights only the names are wanted."""
        self.renamed = b""
        """The model with names for all nodes, where some had none."""
        graph = model.graph
        self.nodes: Sequence[Any] = list(graph.node)
        self.layers: list[Layers] = [()] * len(self.nodes)
        self.makers = {name: place for place, node in enumerate(self.nodes) for name in node.output if name}
        self.readers: dict[str, list[int]] = {}
        for place, node in enumerate(self.nodes):
            for name in node.input:
                self.readers.setdefault(name, []).append(place)
        self.tensors = {*self.makers, *(item.name for item in graph.input)}
        stored = {item.name for item in graph.initializer} | {item.values.name for item in graph.sparse_initializer}
        self.fixed: set[str] = set(stored)
        """Tensors that are the same in every call on inputs of one shape."""
        for node in self.nodes:
            if node.op_type == "Shape" or all(name in self.fixed for name in node.input if name):
                self.fixed.update(node.output)

    def runs(self, place: int) -> bool:
        """Whether a node makes other numbers in every call."""
        return not all(name in self.fixed for name in self.nodes[place].output if name)

    def works(self, place: int) -> bool:
        """Whether a node is more than numbers and views."""
        return self.nodes[place].op_type not in _NOTHING and self.runs(place)


def of_module(model: Any, module: Any, values: Values) -> Graph:
    """Read the graph that a module was exported to; layers go by the modules' qualified names."""
    from lwprof.timing.conversions import onnx_scopes

    graph, modules = Graph(model), onnx_scopes.Modules(module)
    for place, node in enumerate(graph.nodes):
        name = modules.of(node)
        if name is not None and graph.runs(place) and node.op_type not in _QUANTISES:
            graph.layers[place] = (name,)
    for place in reversed(range(len(graph.nodes))):  # parts of an operator that was taken apart belong to its last one
        readers = (reader for name in graph.nodes[place].output for reader in graph.readers.get(name, ()))
        if not graph.layers[place] and graph.works(place):
            graph.layers[place] = next((graph.layers[reader] for reader in readers), ())
    present = {name for layers in graph.layers for name in layers}
    leading = {
        layers[0] for node, layers in zip(graph.nodes, graph.layers, strict=True) if layers and node.op_type in LEADING
    }
    hidden = onnx_scopes.hosts(module, values, present)
    for place, layers in enumerate(graph.layers):
        leads = layers and (layers[0] not in leading or graph.nodes[place].op_type in LEADING)
        if leads and (others := hidden.get(layers[0])):
            graph.layers[place] = (*layers, *others)
    graph.renamed = _with_names(model)
    return graph


def of_file(model: Any) -> Graph:
    """Read the graph of a file; every node is a layer of its own, under the name that its profile gives it."""
    graph = Graph(model)
    taken: dict[str, int] = {}
    names: set[str] = set()
    for place, node in enumerate(graph.nodes):
        if not graph.runs(place):
            continue
        name = base = (node.name.strip("/") or node.op_type).replace(".", "_")
        while name in names:
            taken[base] = taken.get(base, 1) + 1
            name = f"{base} ({taken[base]})"
        names.add(name)
        if graph.works(place):
            graph.layers[place] = (name,)
    graph.renamed = _with_names(model)
    return graph


class Mapped:
    """Layers that each node of an optimised graph runs."""

    def __init__(self, original: Graph, optimised: Any) -> None:
        """Trace every node of the optimised graph back to the file's."""
        nodes: Sequence[Any] = list(optimised.graph.node)
        self.nodes = len(nodes)
        images = _images(original, nodes)
        found = [_named(original, cover) for cover in _covers(original, nodes, images)]
        _laid_out(nodes, found, images)
        self.layers: dict[tuple[str, str], Layers] = {}
        """By name and type of the node; empty where it is not known, or several nodes are called so."""
        self._nameless: dict[str, list[Layers]] = {}
        for node, own in zip(nodes, found, strict=True):
            if node.name:
                key = node.name, node.op_type
                self.layers[key] = own if self.layers.get(key, own) == own else ()
            else:
                self._nameless.setdefault(node.op_type, []).append(own)

    def of(self, ran: Sequence[tuple[str, str]]) -> list[Layers]:
        """Layers of the nodes of one call, given as names and types in the order in which they ran.

        Nodes without a name go by a type and a number; they run in the graph's order.
        """
        nameless = {kind: iter(rows) for kind, rows in self._nameless.items()}
        found: list[Layers] = []
        for name, kind in ran:
            layers = self.layers.get((name, kind))
            if layers is None and name.startswith(f"{kind}_"):
                layers = next(nameless.get(kind, iter(())), None)
            found.append(layers or ())
        return found


def _images(original: Graph, nodes: Sequence[Any]) -> dict[str, str]:
    """Tensors of the file that tensors of the optimised graph are, in whatever layout."""
    names = {node.name: node for node in original.nodes if node.name}
    images: dict[str, str] = {}
    certain: dict[str, str] = {}
    for node in nodes:
        certain.update({name: name for name in (*node.input, *node.output) if name in original.tensors})
        made = _DERIVED.sub("", node.name)
        if made != node.name and made in original.tensors:
            images[node.output[0]] = _advanced(original, node, made)
        elif node.output[0] not in original.tensors and node.op_type not in _LAYOUT:
            source = names.get(node.name) or names.get(_NUMBERED.sub("", node.name))
            if source is not None:
                images[node.output[0]] = _advanced(original, node, source.output[0])
    for node in nodes:
        if node.op_type == "ReorderOutput" and node.output[0] in certain:
            certain.setdefault(node.input[0], certain[node.output[0]])
    images.update(certain)
    for node in nodes:
        if node.op_type == "ReorderInput" and node.input[0] in images:
            images.setdefault(node.output[0], images[node.input[0]])
    return images


def _advanced(original: Graph, node: Any, made: str) -> str:
    """The tensor that a node really makes, whose name is that before an addition, an activation or a quantisation."""

    def next_of(types: tuple[str, ...]) -> str:
        maker = original.makers.get(made)
        if maker is not None and original.nodes[maker].op_type in types:
            return made
        after = [original.nodes[place] for place in original.readers.get(made, ()) if original.runs(place)]
        return next((one.output[0] for one in after if one.op_type in types), made)

    if node.op_type == "Conv" and len(node.input) > 3 and node.input[3]:
        made = next_of(("Add", "Sum"))
    for attribute in node.attribute:
        if attribute.name == "activation":
            made = next_of((attribute.s.decode(),))
    if node.op_type.startswith("QLinear"):
        made = next_of(("QuantizeLinear",))
    return made


def _covers(original: Graph, nodes: Sequence[Any], images: Mapping[str, str]) -> list[list[int]]:
    """Places of the file's nodes that each node of the optimised graph runs, in order."""
    found: list[set[int]] = []
    runners: dict[int, int] = {}
    there = {images[name] for node in nodes for name in node.output if name in images}
    for number, node in enumerate(nodes):
        made = {images[name] for name in node.output if name in images}
        taken = {images[name] for name in node.input if name in images}
        cover: set[int] = set()
        waiting = list(made - taken)
        while waiting:
            name = waiting.pop()
            place = original.makers.get(name)
            if place is None or place in cover:
                continue
            cover.add(place)
            waiting += [one for one in original.nodes[place].input if one not in there and one not in original.fixed]
        if any(map(original.works, cover)):
            cover = set(filter(original.works, cover))
        found.append(cover)
        for place in cover:
            runners[place] = number
    for place, old in enumerate(original.nodes):  # fused beyond the tensor that its name is made of
        if place not in runners and original.runs(place):
            makers = (original.makers.get(name) for name in old.input)
            numbers = [runners[maker] for maker in makers if maker in runners]
            if numbers:
                runners[place] = max(numbers)
                if original.works(place):
                    found[max(numbers)].add(place)
    return [sorted(cover) for cover in found]


def _named(original: Graph, cover: Sequence[int]) -> Layers:
    """Their layers, once each, the one that leads first."""
    order = sorted(cover, key=lambda place: original.nodes[place].op_type not in LEADING)
    return tuple(dict.fromkeys(name for place in order for name in original.layers[place]))


def _laid_out(nodes: Sequence[Any], found: list[Layers], images: Mapping[str, str]) -> None:
    """Give what lays data out anew the layers that it feeds first, or else that feed it.

    Likewise what makes a tensor that the file does not have: the node that reads it was taken apart.
    """
    readers: dict[str, int] = {}
    for number, node in reversed(list(enumerate(nodes))):
        readers.update(dict.fromkeys(node.input, number))
    makers = {name: number for number, node in enumerate(nodes) for name in node.output}
    for order, ends in ((reversed(range(len(nodes))), readers), (range(len(nodes)), makers)):
        for number in order:
            node = nodes[number]
            if not found[number] and (node.op_type in _LAYOUT or node.output[0] not in images):
                near = node.output if ends is readers else node.input
                found[number] = next((found[ends[name]] for name in near if name in ends), ())


def _with_names(model: Any) -> bytes:
    """Name the nodes that have no name; nothing where all have one, which ONNX Runtime wants to be different."""
    if all(node.name for node in model.graph.node):
        return b""
    for place, node in enumerate(model.graph.node):
        node.name = node.name or f"lwprof.{place}.{node.op_type}"
    return bytes(model.SerializeToString())


def read(file: Path) -> Any:
    """Read a model without the weights that lie beside it."""
    import onnx

    return onnx.load(str(file), load_external_data=False)
