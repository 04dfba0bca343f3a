"""MobileNeXt: sandglass blocks, with the shortcut and the depthwise convolutions at the wide ends.

Paper: Zhou et al., "Rethinking Bottleneck Structure for Efficient Mobile Network Design", arXiv 2007.02269. With
coordinate attention: Hou et al., arXiv 2103.02907.

Published: 3.4M parameters (3.5M in the authors' README), 300M mult-adds, 74.0 % top-1 at width 1.0 and 224x224; with
coordinate attention 4.09M, 330M, 75.2 %.

Deviations:

- The network is that of the authors' code, which has 3.54M parameters and 311M mult-adds; the paper's table of layers
  was not read. Ports with both depthwise convolutions in every block and two of 960 channels have 3.24M and 303M.
- A block that is not the only one of its stage and changes the number of channels has no first depthwise convolution,
  and at stride 1 no last one either, as in the authors' code.
- Where narrow widths make such a block end with the channels that it has, the authors' code drops its stride; here it
  keeps the stride and has no shortcut.
- The identity tensor multiplier is given as its inverse. The authors' README has four of them, of which the last may
  stand for 1/4 or for 1/6; this could not be verified.
- The code of MobileNeXt with coordinate attention is not public. Here the attention stands after the first depthwise
  convolution, where a block has one: 3.97M parameters and 316M mult-adds. With both depthwise convolutions in every
  block there would be 4.07M and 325M; with the attention after the last one, 4.09M and 318M.
"""

from __future__ import annotations

from math import ceil, sqrt

from torch import Tensor, nn

from lwprof.architectures.attention import Attention, CoordinateAttention
from lwprof.architectures.blocks import ConvNorm, check_options, make_divisible

# fmt: off
STEM = 32
SANDGLASSES = (
    # t, c,    n, s
    (2,  96,   1, 2),
    (6,  144,  1, 1),
    (6,  192,  3, 2),
    (6,  288,  3, 2),
    (6,  384,  4, 1),
    (6,  576,  4, 2),
    (6,  960,  3, 1),
    (6,  1280, 1, 1),
)
IDENTITY_DIVISORS = (1, 2, 3, 4, 6)
# fmt: on


class Sandglass(nn.Module):
    """3x3 depthwise, 1x1 linear reduction, 1x1 expansion, 3x3 linear depthwise; a shortcut between the wide ends.

    A block that is not ``alone`` in its stage and changes the number of channels lacks the first depthwise convolution,
    and at stride 1 the last. ``attention`` stands after the first. The shortcut carries the first
    1 / ``identity_divisor`` of the channels.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        stride: int,
        reduction: int,
        alone: bool,
        identity_divisor: int = 1,
        attention: Attention | None = None,
    ) -> None:
        super().__init__()
        narrow = narrow_channels(in_channels, out_channels, reduction)
        begins = alone or in_channels == out_channels
        ends = begins or stride == 2
        self.first = depthwise(in_channels, 1, nn.ReLU6) if begins else nn.Identity()
        self.attention = attention(in_channels) if attention is not None and begins else nn.Identity()
        self.reduce = ConvNorm(in_channels, narrow, 1, activation=None)
        self.expand = ConvNorm(narrow, out_channels, 1, activation=nn.ReLU6)
        self.last = depthwise(out_channels, stride, None) if ends else nn.Identity()
        self.shortcut = not alone and stride == 1 and in_channels == out_channels
        self.carried = out_channels // identity_divisor

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, in, H, W) to (N, out, H / stride, W / stride)."""
        out: Tensor = self.last(self.expand(self.reduce(self.attention(self.first(x)))))
        if not self.shortcut:
            return out
        if self.carried == out.shape[1]:
            return x + out
        out[:, : self.carried].add_(x[:, : self.carried])
        return out


def depthwise(channels: int, stride: int, activation: type[nn.Module] | None) -> ConvNorm:
    """3x3 depthwise convolution with BN."""
    return ConvNorm(channels, channels, 3, stride, groups=channels, activation=activation)


def narrow_channels(in_channels: int, out_channels: int, reduction: int) -> int:
    """Channels at the waist: the input over ``reduction``, or a sixth of the output in sixteens where that is more.

    >>> narrow_channels(192, 192, 6), narrow_channels(144, 192, 6), narrow_channels(960, 1280, 6)
    (32, 32, 208)
    """
    narrow = in_channels // reduction
    return narrow if narrow >= out_channels / 6 else make_divisible(ceil(out_channels / 6), 16)


class MobileNeXt(nn.Module):
    """Stem, 20 sandglass blocks, global average pooling, classifier."""

    def __init__(
        self, num_classes: int, width: float, identity_divisor: int = 1, attention: Attention | None = None
    ) -> None:
        super().__init__()
        check_options(num_classes, width)
        if isinstance(identity_divisor, bool) or identity_divisor not in IDENTITY_DIVISORS:
            raise ValueError(
                f"identity_divisor={identity_divisor!r}: the shortcuts of MobileNeXt carry 1/1, 1/2, 1/3, 1/4 or 1/6 "
                "of the channels"
            )
        channels = make_divisible(STEM * width)
        self.stem = ConvNorm(3, channels, 3, stride=2, activation=nn.ReLU6)
        self.blocks = nn.Sequential()
        for t, c, n, s in SANDGLASSES:
            out = c if c == 1280 and width < 1 else make_divisible(c * width)
            alone = n == 1
            for i in range(n):
                stride = s if i == 0 else 1
                self.blocks.append(Sandglass(channels, out, stride, t, alone, identity_divisor, attention))
                channels = out
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.dropout = nn.Dropout(0.2)
        self.classifier = nn.Linear(channels, num_classes)
        initialise(self)

    def forward(self, x: Tensor) -> Tensor:
        """Map images (N, 3, H, W) to class scores (N, num_classes)."""
        x = self.blocks(self.stem(x))
        scores: Tensor = self.classifier(self.dropout(self.pool(x).flatten(1)))
        return scores


def initialise(network: nn.Module) -> None:
    """Initialise as the authors' code: convolutions by their output channels and kernel, whatever their groups."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.normal_(module.weight, std=sqrt(2 / (module.out_channels * module.weight[0, 0].numel())))
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, std=0.01)
            nn.init.zeros_(module.bias)


def mobilenext(num_classes: int = 1000, width: float = 1.0, identity_divisor: int = 1) -> MobileNeXt:
    """Build MobileNeXt; ``width`` multiplies the channel counts (1280 only upwards), rounded to multiples of 8."""
    return MobileNeXt(num_classes, width, identity_divisor)


def mobilenext_ca(num_classes: int = 1000, width: float = 1.0) -> MobileNeXt:
    """Build MobileNeXt with coordinate attention after the first depthwise convolution of a block."""
    return MobileNeXt(num_classes, width, attention=CoordinateAttention)
