"""Translation: each type of node as the ATen operator that does its work, under that operator's argument names.

So costs, fusion and building blocks are decided in one place for both captures. A type without a translation
keeps its own name, ``domain::Type``, and is counted only if there is a cost rule of that name.
"""

from __future__ import annotations

from lwprof.onnx_files.nodes import Node
from lwprof.onnx_files.rules import (
    REDUCTIONS,
    Rule,
    Translation,
    batch_norm,
    cast,
    clip,
    concatenation,
    convolution,
    einsum,
    gather,
    gemm,
    matmul,
    named,
    pad,
    part,
    pool,
    recurrent,
    reduction,
    resize,
    transpose,
)
from lwprof.onnx_files.shapes import Given

_ONE = {
    "Relu": "relu", "LeakyRelu": "leaky_relu", "Elu": "elu", "Selu": "selu", "Celu": "celu", "Sigmoid": "sigmoid",
    "HardSigmoid": "hardsigmoid", "HardSwish": "hardswish", "Swish": "silu", "Gelu": "gelu", "Mish": "mish",
    "Tanh": "tanh", "Softplus": "softplus", "Softsign": "softsign", "ThresholdedRelu": "threshold",
    "Abs": "abs", "Neg": "neg", "Exp": "exp", "Log": "log", "Sqrt": "sqrt", "Reciprocal": "reciprocal",
    "Floor": "floor", "Ceil": "ceil", "Round": "round", "Sign": "sign", "Erf": "erf", "Not": "logical_not",
    "Sin": "sin", "Cos": "cos", "Tan": "tan", "Asin": "asin", "Acos": "acos", "Atan": "atan", "Sinh": "sinh",
    "Cosh": "cosh", "Asinh": "asinh", "Acosh": "acosh", "Atanh": "atanh", "IsNaN": "isnan", "IsInf": "isinf",
    "BitwiseNot": "bitwise_not", "Shrink": "hardshrink",
}  # fmt: skip
_TWO = {
    "Add": "add", "Sub": "sub", "Mul": "mul", "Div": "div", "Pow": "pow", "Mod": "remainder", "Max": "maximum",
    "Min": "minimum", "Equal": "eq", "Greater": "gt", "GreaterOrEqual": "ge", "Less": "lt", "LessOrEqual": "le",
    "And": "logical_and", "Or": "logical_or", "Xor": "logical_xor", "BitwiseAnd": "bitwise_and",
    "BitwiseOr": "bitwise_or", "BitwiseXor": "bitwise_xor", "BitShift": "bitwise_left_shift",
}  # fmt: skip
_VIEWS = {
    "Identity": "alias", "Dropout": "alias", "Reshape": "view", "Flatten": "view", "Squeeze": "squeeze",
    "Unsqueeze": "unsqueeze", "Split": "split_with_sizes", "Expand": "expand",
}  # fmt: skip
_MADE = {
    "RandomNormal": "randn", "RandomUniform": "rand", "RandomNormalLike": "randn_like",
    "RandomUniformLike": "rand_like", "EyeLike": "eye", "ConstantOfShape": "full", "Range": "arange",
}  # fmt: skip

RULES: dict[str, Rule] = {
    **{kind: named(f"aten::{name}", "self", pointwise=True) for kind, name in _ONE.items()},
    **{kind: named(f"aten::{name}", "self", "other", pointwise=True) for kind, name in _TWO.items()},
    **{kind: named(f"aten::{name}", "self", effect="view") for kind, name in _VIEWS.items()},
    **{kind: named(f"aten::{name}") for kind, name in _MADE.items()},
    **dict.fromkeys(REDUCTIONS, reduction),
    **dict.fromkeys(("Conv", "ConvTranspose"), convolution),
    **dict.fromkeys(("LSTM", "GRU", "RNN"), recurrent),
    **dict.fromkeys(("MaxPool", "GlobalMaxPool"), pool("max")),
    **dict.fromkeys(("AveragePool", "GlobalAveragePool"), pool("avg")),
    **dict.fromkeys(("Resize", "Upsample"), resize),
    "LpPool": pool("lp"),
    "Gemm": gemm,
    "MatMul": matmul,
    "BatchNormalization": batch_norm,
    "LayerNormalization": named("aten::layer_norm", "input", "weight", "bias"),
    "RMSNormalization": named("aten::rms_norm", "input", "weight"),
    "GroupNormalization": named("aten::group_norm", "input", "weight", "bias"),
    "InstanceNormalization": named("aten::instance_norm", "input", "weight", "bias"),
    "Softmax": named("aten::softmax", "self"),
    "LogSoftmax": named("aten::log_softmax", "self"),
    "PRelu": named("aten::prelu", "self", "weight", pointwise=True),
    "Where": named("aten::where", "condition", "self", "other", pointwise=True),
    "Clip": clip,
    "ArgMax": named("aten::argmax", "self"),
    "ArgMin": named("aten::argmin", "self"),
    "CumSum": named("aten::cumsum", "self"),
    "CumProd": named("aten::cumprod", "self"),
    "TopK": named("aten::topk", "self"),
    "Trilu": named("aten::tril", "self"),
    "Scatter": named("aten::scatter", "self", "index", "src"),
    "ScatterElements": named("aten::scatter", "self", "index", "src"),
    "ScatterND": named("aten::index_put", "self", "indices", "values"),
    "Concat": concatenation,
    "Einsum": einsum,
    "Attention": named("aten::scaled_dot_product_attention", "query", "key", "value", "attn_mask"),
    "Transpose": transpose,
    "Pad": pad,
    "Tile": named("aten::repeat", "self"),
    "Gather": gather,
    "GatherND": named("aten::index", "self", "indices"),
    "GatherElements": named("aten::gather", "self", "index"),
    "Slice": part,
    "Cast": cast,
    "CastLike": named("aten::_to_copy", "self"),
    "Col2Im": named("aten::col2im", "self"),
    "ReverseSequence": named("aten::flip", "self"),
    "DepthToSpace": named("aten::pixel_shuffle", "self"),
    "SpaceToDepth": named("aten::pixel_unshuffle", "self"),
    "GridSample": named("aten::grid_sampler", "input", "grid"),
    "QuantizeLinear": named("onnx::QuantizeLinear", "self", "scale", "zero_point"),
    "DequantizeLinear": named("onnx::DequantizeLinear", "self", "scale", "zero_point"),
    "DynamicQuantizeLinear": named("onnx::DynamicQuantizeLinear", "self"),
    "LRN": named("onnx::LRN", "self"),
    "MeanVarianceNormalization": named("onnx::MeanVarianceNormalization", "self"),
    "LpNormalization": named("onnx::LpNormalization", "self"),
}
"""By type, for ONNX's own domain."""


def translate(node: Node, given: Given) -> Translation:
    """Return the operator that a node is."""
    rule = None if node.domain else RULES.get(node.type)
    return rule(node, given) if rule is not None else Translation(node.qualified, _every(node))


def unknown(node: Node) -> Translation:
    """Return what stands for a node whose sizes only running would tell."""
    return Translation(f"{node.qualified} (shape not known)", _every(node))


def _every(node: Node) -> dict[str, int | tuple[int, ...]]:
    return {f"input_{place}": place for place in range(len(node.inputs))}
