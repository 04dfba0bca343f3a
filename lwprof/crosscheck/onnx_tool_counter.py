"""onnx-tool: a counter of ONNX files. Mult-adds with bias additions, and all other work by its price in them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from math import prod
from typing import TYPE_CHECKING, Any

from lwprof.analyses import costed
from lwprof.crosscheck.isolation import silence
from lwprof.crosscheck.ledger import accounted
from lwprof.crosscheck.tool import Count, Term
from lwprof.graph import OpGraph
from lwprof.results.crosscheck import CrosscheckRow
from lwprof.results.networks import TensorSpec

if TYPE_CHECKING:
    from lwprof.onnx_files.inference import Inference
    from lwprof.onnx_files.nodes import Node

NAME = PACKAGE = "onnx-tool"

_FAMILIES: dict[str, dict[str, int]] = {
    "activations": {
        "Relu": 1, "Clip": 2, "HardSigmoid": 4, "HardSwish": 5, "Sigmoid": 32, "LeakyRelu": 2, "PRelu": 2, "Elu": 35,
        "Softplus": 76, "Tanh": 76, "Softmax": 36, "LogSoftmax": 80, "Exp": 32, "Log": 43, "Gelu": 34, "Hardmax": 1,
    },
    "arithmetic": {
        "Add": 1, "Sub": 1, "Mul": 1, "Div": 4, "Max": 1, "Min": 1, "Neg": 1, "Abs": 1, "Ceil": 1, "Floor": 1,
        "Sqrt": 24, "Pow": 32, "Reciprocal": 4, "Less": 1, "Greater": 1, "Equal": 1, "Not": 1, "And": 1, "Or": 1,
        "Mod": 1, "Sin": 39, "Cos": 39, "Sign": 1, "Round": 1, "CumSum": 1,
        "QuantizeLinear": 2, "DequantizeLinear": 2,
    },
    "normalisation": {"BatchNormalization": 31, "InstanceNormalization": 7, "LpNormalization": 33},
}  # fmt: skip
"""Mult-adds for each element written, by type of node."""

_READ = {"ReduceMean": 1, "ReduceSum": 1, "ReduceMax": 1, "ReduceMin": 1, "ReduceProd": 1, "ReduceL2": 25,
         "GlobalAveragePool": 1}  # fmt: skip
"""Mult-adds for each element read."""

_DIVISION = 4

_THEIR_NAME = "MAC".lower() + "s"
"""What onnx-tool calls mult-adds, and lwprof memory access."""

_WHY = {
    "activations": "onnx-tool prices an activation in mult-adds: 1 for a comparison, 32 for an exponential",
    "arithmetic": "onnx-tool counts arithmetic in mult-adds: 1 for each element written, 4 for a division",
    "normalisation": "onnx-tool counts 31 for each element of a batch norm, the square root and the division included",
    "pooling and reduction": "onnx-tool counts 1 for each element that a window or a reduction reads",
    "resampling": "onnx-tool counts 4 for each element of a linear resampling, 8 of a cubic one",
    "bias additions": "onnx-tool counts the addition of a bias as a mult-add",
    "transposed convolutions": "onnx-tool takes a whole filter for every output element; a transposed convolution "
    "spreads every input element over one filter",
    "work before the first call": "onnx-tool counts operators on sizes and stored tensors, which no call runs",
}


def row(file: str, inputs: Sequence[TensorSpec], graph: OpGraph) -> CrosscheckRow:
    """Run onnx-tool on a file and account for every unit that it differs by.

    Args:
        inputs: sizes of the file's inputs, in its order, with the batch.
        graph: our capture of it.
    """
    from lwprof.onnx_files import inferred

    rows = tuple(costed(graph))
    inference = inferred(file, inputs, batch=None)
    return accounted(NAME, PACKAGE, graph, rows, lambda: _count(file, inputs, inference), lambda: _terms(inference))


def _count(file: str, inputs: Sequence[TensorSpec], inference: Inference) -> Count:
    import numpy
    import onnx_tool

    with silence():
        graph = onnx_tool.Model(file).graph
        arrays = {
            name: numpy.zeros(spec.shape, spec.dtype) for name, spec in zip(inference.inputs, inputs, strict=True)
        }
        graph.shape_infer(arrays)
        graph.profile()
    early = sum(
        _counted(node)
        for node in graph.nodemap.values()
        if node.output and node.output[0] in inference.known and inference.known[node.output[0]].fixed
    )
    name = "work before the first call"
    return Count(_counted(graph), (Term(name, early, _WHY[name]),))


def _counted(of: Any) -> int:
    """What it counted for the forward pass of a node or a graph; the backward pass comes after it."""
    forward, *_ = getattr(of, _THEIR_NAME)
    return int(forward)


def _terms(inference: Inference) -> Iterator[Term]:
    """What onnx-tool counts besides mult-adds, by the nodes that every call runs."""
    for node in inference.nodes:
        for name, amount in _priced(node, inference):
            yield Term(name, amount, _WHY[name], wrong=name == "transposed convolutions")


def _priced(node: Node, inference: Inference) -> Iterable[tuple[str, int]]:
    known = inference.known
    read, written = known[node.inputs[0]].elements if node.input(0) else 0, known[node.outputs[0]].elements
    if node.domain:
        return
    for family, prices in _FAMILIES.items():
        if node.type in prices:
            yield family, prices[node.type] * written
    if node.type in _READ:
        yield "pooling and reduction", _READ[node.type] * read
    if node.type == "GlobalAveragePool":
        yield "pooling and reduction", _DIVISION * written
    if node.type in ("MaxPool", "AveragePool"):
        yield "pooling and reduction", prod(node.attributes["kernel_shape"]) * written
    if node.type in ("Resize", "Upsample"):
        mode = str(node.attributes.get("mode", "nearest"))
        yield "resampling", {"linear": 4, "cubic": 8}.get(mode, 0) * written
    if node.type in ("Conv", "ConvTranspose", "Gemm") and node.input(2):
        yield "bias additions", written
    if node.type == "ConvTranspose":
        yield "transposed convolutions", (written - read) * prod((known[node.inputs[1]].sizes or ())[1:])
