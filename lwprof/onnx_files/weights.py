"""Weights: which of a file's stored tensors are parameters, which are statistics, which only settings.

A file keeps all of them alike. A parameter is a stored tensor that an operator takes as its weight or bias, or
that has several elements with fractions and meets data. Statistics of a normalisation, scales and zero points
of a quantisation are buffers. A single number in arithmetic, and what says sizes, axes or bounds, is neither.
"""

from __future__ import annotations

from lwprof.onnx_files.nodes import Node
from lwprof.onnx_files.tensors import Known

PARAMETER, BUFFER, CONSTANT = "parameter", "buffer", "constant"

_WEIGHTS: dict[str, tuple[int, ...]] = {
    "Conv": (1, 2), "ConvTranspose": (1, 2), "Gemm": (0, 1, 2), "MatMul": (0, 1), "PRelu": (1,), "Gather": (0,),
    "BatchNormalization": (1, 2), "InstanceNormalization": (1, 2), "GroupNormalization": (1, 2),
    "LayerNormalization": (1, 2), "RMSNormalization": (1,), "LSTM": (1, 2, 3, 7), "GRU": (1, 2, 3), "RNN": (1, 2, 3),
}  # fmt: skip
_STATISTICS: dict[str, tuple[int, ...]] = {
    "BatchNormalization": (3, 4), "QuantizeLinear": (1, 2), "DequantizeLinear": (1, 2),
}  # fmt: skip
_STARTS: dict[str, tuple[int, ...]] = {"LSTM": (5, 6), "GRU": (5,), "RNN": (5,)}


def role(node: Node, place: int, known: Known, origin: Known) -> str:
    """Say what a stored tensor is to the node that reads it: "parameter", "buffer", "constant", or "" for a number.

    Args:
        known: the tensor as the node reads it.
        origin: the stored one that it comes from.
    """
    if place in _WEIGHTS.get(node.type, ()) and not node.domain:
        return PARAMETER
    if place in _STATISTICS.get(node.type, ()) and not node.domain:
        return BUFFER
    if place in _STARTS.get(node.type, ()) and not node.domain:
        return CONSTANT
    if known.elements == 1 or origin.elements == 1:
        return ""
    return PARAMETER if origin.floating else CONSTANT
