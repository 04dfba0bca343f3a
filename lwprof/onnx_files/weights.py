"""Weights: which of a file's stored tensors are parameters, which are statistics, which only settings.

A file keeps all of them alike. A parameter is a stored tensor that an operator takes as its weight or bias, or
that has several elements with fractions and meets data. Statistics of a normalisation, scales and zero points
of a quantisation are buffers. A single number in arithmetic, and what says sizes, axes or bounds, is neither.
"""

from __future__ import annotations

from lwprof.onnx_files.nodes import Node
from lwprof.onnx_files.tensors import STORED, Known

PARAMETER, BUFFER, CONSTANT, NUMBER = ROLES = ("parameter", "buffer", "constant", "")
"""What a stored tensor can be; one that is several things to several nodes is the first of these."""

_WEIGHTS: dict[str, tuple[int, ...]] = {
    "Conv": (1, 2), "ConvTranspose": (1, 2), "Gemm": (0, 1, 2), "MatMul": (0, 1), "PRelu": (1,), "Gather": (0,),
    "BatchNormalization": (1, 2), "InstanceNormalization": (1, 2), "GroupNormalization": (1, 2),
    "LayerNormalization": (1, 2), "RMSNormalization": (1,), "LSTM": (1, 2, 3, 7), "GRU": (1, 2, 3), "RNN": (1, 2, 3),
}  # fmt: skip
_STATISTICS: dict[str, tuple[int, ...]] = {
    "BatchNormalization": (3, 4), "QuantizeLinear": (1, 2), "DequantizeLinear": (1, 2),
}  # fmt: skip
_STARTS: dict[str, tuple[int, ...]] = {"LSTM": (5, 6), "GRU": (5,), "RNN": (5,)}


def role(node: Node, place: int, origin: Known, known: Known) -> str:
    """Say what a stored tensor is to the node that reads it: "parameter", "buffer", "constant", or "" for a number.

    Args:
        origin: the stored tensor.
        known: what was made of it before the first call, which the node reads.
    """

    def stands(table: dict[str, tuple[int, ...]]) -> bool:
        return not node.domain and place in table.get(node.type, ())

    if stands(_WEIGHTS):
        return PARAMETER
    if stands(_STATISTICS):
        return BUFFER
    if stands(_STARTS):
        return CONSTANT
    if known.elements == 1 or origin.elements == 1:
        return NUMBER
    return PARAMETER if origin.floating and origin.fixed == STORED else CONSTANT
