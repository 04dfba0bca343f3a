"""Normalisation, activation, arithmetic, pooling, reduction and interpolation: no mult-adds, but traffic."""

from __future__ import annotations

from lwprof.costs.cost import Cost, Rule, numel
from lwprof.graph import Operator

ACTIVATIONS = frozenset(
    "relu relu6 hardtanh sigmoid hardsigmoid hardswish silu gelu tanh elu selu celu leaky_relu prelu _prelu_kernel "
    "mish softplus softsign logsigmoid log_sigmoid hardshrink softshrink threshold rrelu glu".split()
)
"""Names without ``aten::`` and without the in-place underscore."""

_REDUCTIONS = (
    "sum nansum prod amax amin max min aminmax argmax argmin var std var_mean std_mean median norm linalg_vector_norm "
    "logsumexp any all cumsum cumprod cummax cummin count_nonzero topk sort kthvalue mode"
).split()

_POOLINGS = [
    f"{kind}_pool{rank}d" for kind in ("max", "avg", "adaptive_avg", "adaptive_max", "lp") for rank in (1, 2, 3)
] + (
    "_adaptive_avg_pool2d _adaptive_avg_pool3d max_pool2d_with_indices max_pool3d_with_indices "
    "fractional_max_pool2d fractional_max_pool3d"
).split()

_NORMALISATIONS = (
    "batch_norm layer_norm group_norm instance_norm rms_norm native_batch_norm native_layer_norm native_group_norm "
    "_native_batch_norm_legit _native_batch_norm_legit_no_training softmax log_softmax _softmax _log_softmax "
    "_weight_norm_interface"
).split()

_INTERPOLATIONS = (
    "upsample_nearest1d upsample_nearest2d upsample_nearest3d _upsample_nearest_exact1d _upsample_nearest_exact2d "
    "_upsample_nearest_exact3d upsample_linear1d upsample_bilinear2d upsample_bicubic2d upsample_trilinear3d "
    "_upsample_bilinear2d_aa _upsample_bicubic2d_aa grid_sampler grid_sampler_2d grid_sampler_3d affine_grid_generator"
).split()


def pointwise(operator: Operator) -> Cost:
    """Activation and arithmetic: one operation per element written.

    >>> from lwprof.graph import operator
    >>> cost = pointwise(operator("aten::add", (16, 14, 14), self=(16, 14, 14), other=(16, 14, 14)))
    >>> cost.kind, cost.elementwise_ops
    ('arithmetic', 3136)
    """
    name = operator.name.rpartition("::")[2]
    name = name[:-1] if name.endswith("_") else name
    kind = "activation" if name in ACTIVATIONS else "arithmetic"
    return Cost(kind, elementwise_ops=numel(operator.outputs[0]) if operator.outputs else 0)


def normalization(operator: Operator) -> Cost:
    """One operation per element written; a batch norm also reads its four channel vectors.

    >>> from lwprof.graph import operator
    >>> normalization(operator("aten::batch_norm", (1, 8, 4, 4), input=(1, 8, 4, 4), weight=(8,))).elementwise_ops
    128
    """
    return Cost("normalization", elementwise_ops=numel(operator.outputs[0]))


def pooling(operator: Operator) -> Cost:
    """One operation per element read.

    >>> from lwprof.graph import operator
    >>> pooling(operator("aten::adaptive_avg_pool2d", (1, 1280, 1, 1), self=(1, 1280, 7, 7))).elementwise_ops
    62720
    """
    return Cost("pooling", elementwise_ops=numel(operator.inputs[0]))


def reduction(operator: Operator) -> Cost:
    """One operation per element read, sorting included; the maximum of two tensors is arithmetic.

    >>> from lwprof.graph import operator
    >>> reduction(operator("aten::topk", [(4, 2), (4, 2)], self=(4, 10), k=2)).elementwise_ops
    40
    """
    if operator.pointwise:
        return pointwise(operator)
    return Cost("reduction", elementwise_ops=numel(operator.inputs[0]))


def mean(operator: Operator) -> Cost:
    """A mean over spatial dimensions of a batch of maps is a pooling, any other a reduction.

    >>> from lwprof.graph import operator
    >>> mean(operator("aten::mean", (1, 8), self=(1, 8, 7, 7), dim=[2, 3])).kind
    'pooling'
    >>> mean(operator("aten::mean", (1, 7, 7), self=(1, 8, 7, 7), dim=[1])).kind
    'reduction'
    """
    rank = len(operator.inputs[0].shape)
    dims = operator.arguments.get("dim") or ()
    spatial = {place % rank for place in dims} if rank else set()
    return pooling(operator) if rank in (4, 5) and spatial and min(spatial) >= 2 else reduction(operator)


def interpolation(operator: Operator) -> Cost:
    """One operation per element written."""
    return Cost("interpolation", elementwise_ops=numel(operator.outputs[0]))


RULES: dict[str, Rule] = {
    "aten::mean": mean,
    **{f"aten::{name}": normalization for name in _NORMALISATIONS},
    **{f"aten::{name}": pooling for name in _POOLINGS},
    **{f"aten::{name}": reduction for name in _REDUCTIONS},
    **{f"aten::{name}": interpolation for name in _INTERPOLATIONS},
    **{f"aten::{name}": pointwise for name in ACTIVATIONS},
    **{f"aten::{name}_": pointwise for name in ACTIVATIONS},
    "aten::masked_fill_": pointwise,  # not tagged as pointwise by torch, unlike the form that is not in place
}
