"""What three or more networks share: channel counts, checks, conv-BN-activation, channel shuffle, initialisation."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable

from torch import Tensor, nn


def make_divisible(channels: float, divisor: int = 8) -> int:
    """Round to a multiple of ``divisor``, at least one of them and never more than 10 % down.

    Source: ``make_divisible`` of the TensorFlow MobileNet code.

    >>> make_divisible(16 * 0.75), make_divisible(24 * 0.75), make_divisible(0.1 * 32, 4)
    (16, 24, 4)
    """
    rounded = max(divisor, int(channels + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * channels else rounded


def check_options(num_classes: int, width: float = 1.0) -> None:
    """Refuse what no network can be built with.

    Raises:
        ValueError: ``num_classes`` is no positive integer, or ``width`` no positive number.
    """
    if not isinstance(num_classes, int) or isinstance(num_classes, bool) or num_classes < 1:
        raise ValueError(f"num_classes={num_classes!r}: the number of classes must be a positive integer")
    if not isinstance(width, int | float) or isinstance(width, bool) or not 0 < width < math.inf:
        raise ValueError(f"width={width!r}: the width multiplier must be a positive number")


def check_flag(name: str, value: bool) -> None:
    """Refuse what is neither True nor False for the option ``name``.

    Raises:
        ValueError: it is something else.
    """
    if not isinstance(value, bool):
        raise ValueError(f"{name}={value!r}: it is on or off, so the value must be true or false")


class ConvNorm(nn.Sequential):
    """Convolution without bias, batch normalisation and, unless ``activation`` is None, an activation.

    (N, in_channels, H, W) -> (N, out_channels, ceil(H / stride), ceil(W / stride)) for an odd ``kernel``.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: int,
        stride: int = 1,
        groups: int = 1,
        activation: Callable[..., nn.Module] | None = nn.ReLU,
    ) -> None:
        conv = nn.Conv2d(in_channels, out_channels, kernel, stride, kernel // 2, groups=groups, bias=False)
        layers: OrderedDict[str, nn.Module] = OrderedDict(conv=conv, norm=nn.BatchNorm2d(out_channels))
        if activation is not None:
            layers["activation"] = activation(inplace=True)
        super().__init__(layers)


def channel_shuffle(x: Tensor, groups: int) -> Tensor:
    """Interleave the channels of the groups: (N, g * c, H, W) read as (g, c) and written as (c, g)."""
    n, channels, height, width = x.shape
    return x.view(n, groups, channels // groups, height, width).transpose(1, 2).reshape(n, channels, height, width)


def initialise_as_slim(network: nn.Module, momentum: float) -> None:
    """Initialise as the TensorFlow slim MobileNets: weights from a normal cut at two deviations of 0.09, BN eps 1e-3.

    ``momentum`` is that of batch normalisation in torch's sense, 1 minus TensorFlow's decay.
    """
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.trunc_normal_(module.weight, std=0.09, a=-0.18, b=0.18)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.BatchNorm2d):
            module.eps, module.momentum = 1e-3, momentum
