"""Operators of ONNX files that torch has not under one name; all others are counted as the ATen ones they are."""

from __future__ import annotations

from lwprof.costs.cost import Cost, Rule, numel, product
from lwprof.costs.elementwise import normalization, pointwise
from lwprof.graph import Operator


def matrix_product(operator: Operator) -> Cost:
    """Two matrices made from data, or batches of them: one mult-add per output element and inner index.

    >>> from lwprof.graph import operator
    >>> made = operator("onnx::MatMul", (1, 4, 10, 6), self=(1, 4, 10, 8), other=(1, 4, 8, 6), inner=8)
    >>> matrix_product(made).mult_adds  # 4*10*6 * 8
    1920
    """
    bias = operator.arguments.get("bias")
    return product(operator, "matmul", numel(operator.outputs[0]) * operator.arguments["inner"], (bias,))


def recurrent(operator: Operator) -> Cost:
    """Every token meets every weight once; element-wise operations as for the recurrent layers of torch.

    >>> from lwprof.graph import operator
    >>> layer = dict(weight=(1, 16, 3), recurrent_weight=(1, 16, 4), bias=(1, 32), hidden_size=4)
    >>> cost = recurrent(operator("onnx::LSTM", (5, 1, 1, 4), input=(5, 1, 3), **layer))
    >>> cost.mult_adds, cost.elementwise_ops  # 5 * (16*3 + 16*4); 5 * 4 units * 9
    (560, 180)
    """
    arguments = operator.arguments
    tokens = arguments["input"].shape[0] * arguments["input"].shape[1]
    weight, again = arguments["weight"], arguments["recurrent_weight"]
    units = arguments["hidden_size"] * weight.shape[0]
    operations = 1 if operator.name == "onnx::RNN" else 9
    mult_adds = tokens * (numel(weight) + numel(again))
    return product(operator, "recurrent", mult_adds, (arguments.get("bias"),), tokens * units * operations)


RULES: dict[str, Rule] = {
    **dict.fromkeys(("onnx::MatMul", "onnx::Gemm"), matrix_product),
    **dict.fromkeys(("onnx::LSTM", "onnx::GRU", "onnx::RNN"), recurrent),
    **dict.fromkeys(("onnx::QuantizeLinear", "onnx::DequantizeLinear", "onnx::DynamicQuantizeLinear"), pointwise),
    **dict.fromkeys(("onnx::LRN", "onnx::MeanVarianceNormalization", "onnx::LpNormalization"), normalization),
}
