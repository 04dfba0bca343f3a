"""Convolutions of any rank, grouped and transposed."""

from __future__ import annotations

from math import prod

from lwprof.costs.cost import Cost, Rule, product
from lwprof.graph import Operator


def convolution(operator: Operator) -> Cost:
    """Every output element takes one mult-add per weight of its filter: ``h·w·c1·c2·k·k / g``.

    ShuffleNetV2 (1807.11164), section 2: memory access ``hw(c1 + c2) + c1·c2`` for a 1x1 convolution.

    >>> from lwprof.graph import operator
    >>> cost = convolution(operator("aten::conv2d", (1, 128, 56, 56), input=(1, 128, 56, 56), weight=(128, 128, 1, 1)))
    >>> cost.kind, cost.mult_adds, cost.paper_elements  # 56*56 * 128*128; 56*56*(128 + 128) + 128*128
    ('pointwise', 51380224, 819200)
    >>> cost = convolution(operator("aten::conv2d", (1, 64, 14, 14), input=(1, 64, 14, 14), weight=(64, 1, 3, 3)))
    >>> cost.kind, cost.mult_adds, cost.paper_elements  # 14*14*64 * 9; 2 * 14*14*64 + 64*9
    ('depthwise', 112896, 25664)
    """
    arguments = operator.arguments
    weight = arguments["weight"].shape
    output = operator.outputs[0]
    rank = len(weight) - 2
    channels = arguments["input"].shape[-rank - 1]
    kind = _kind(channels, weight[1], weight[2:])
    return product(operator, kind, prod(output.shape) * prod(weight[1:]), (arguments.get("bias"),))


def transposed_convolution(operator: Operator) -> Cost:
    """Every input element is spread over one filter: mult-adds = inputs x weights per input channel.

    >>> from lwprof.graph import operator
    >>> made = operator("aten::conv_transpose2d", (1, 8, 8, 8), input=(1, 16, 4, 4), weight=(16, 8, 2, 2))
    >>> transposed_convolution(made).mult_adds  # 4*4*16 * 8*2*2
    8192
    """
    arguments = operator.arguments
    data, weight = arguments["input"].shape, arguments["weight"].shape
    groups = operator.outputs[0].shape[-(len(weight) - 2) - 1] // weight[1]
    kind = _kind(weight[0], weight[0] // groups, weight[2:])
    return product(operator, kind, prod(data) * prod(weight[1:]), (arguments.get("bias"),))


def either_convolution(operator: Operator) -> Cost:
    """The general form that tracing leaves, with a flag for transposed."""
    return transposed_convolution(operator) if operator.arguments.get("transposed") else convolution(operator)


def time_first_convolution(operator: Operator) -> Cost:
    """``conv_tbc``: data (T, B, C1), weight (k, C1, C2), no groups.

    >>> from lwprof.graph import operator
    >>> made = operator("aten::conv_tbc", (6, 2, 5), self=(8, 2, 4), weight=(3, 4, 5), bias=(5,), pad=0)
    >>> cost = time_first_convolution(made)
    >>> cost.kind, cost.mult_adds, cost.paper_elements  # 6*2*5 * 3*4; 8*2*4 + 3*4*5 + 6*2*5
    ('dense conv', 720, 184)
    """
    arguments = operator.arguments
    weight = arguments["weight"].shape
    kind = "pointwise" if weight[0] == 1 else "dense conv"
    return product(operator, kind, prod(operator.outputs[0].shape) * prod(weight[:2]), (arguments.get("bias"),))


def _kind(channels: int, per_group: int, kernel: tuple[int, ...]) -> str:
    """Name the convolution by its connections, as the light-network papers do."""
    if per_group == 1 and channels > 1:
        return "depthwise"
    if per_group < channels:
        return "grouped"
    return "pointwise" if prod(kernel) == 1 else "dense conv"


RULES: dict[str, Rule] = {
    "aten::conv1d": convolution,
    "aten::conv2d": convolution,
    "aten::conv3d": convolution,
    "aten::conv_transpose1d": transposed_convolution,
    "aten::conv_transpose2d": transposed_convolution,
    "aten::conv_transpose3d": transposed_convolution,
    "aten::conv_tbc": time_first_convolution,
    "aten::convolution": either_convolution,
    "aten::_convolution": either_convolution,
}
