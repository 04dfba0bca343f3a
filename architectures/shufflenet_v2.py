"""ShuffleNetV2: built by four guidelines for speed, with a channel split instead of group convolutions.

Paper: Ma et al., "ShuffleNet V2: Practical Guidelines for Efficient CNN Architecture Design", arXiv 1807.11164;
Table 5, and for the large forms the appendix's table of large models.

Published: 2.3M parameters, 146M mult-adds, 69.4 % top-1 at 1.0x and 224x224 (Tables 5 and 8); 2.3G mult-adds and 77.2 %
with 50 layers, 12.7G and 81.44 % with 164, squeeze-and-excite and residuals (Table 6).

Deviations:

- The paper leaves the widths of the stride-2 unit's branches open. ``unit="paper"`` is the authors' code, which the
  printed mult-adds fit: the side branch keeps its input channels. ``unit="symmetric"`` is torchvision's: both branches
  end at half of the output. They differ in stage 2 only.
- Squeeze-and-excite gates the branch that works, before the residual add, and squeezes to half of the unit's channels:
  the appendix says so of 164 layers; its figure was not read in the paper itself. At 2.0x the printed 597M would fit a
  gate on all channels of a unit.
- The residual form adds its input to the branch of a stride-1 unit, before the last ReLU.
- The appendix leaves open how the first unit of the large forms widens its input without a stride: here it is the
  stride-2 unit at stride 1. With 164 layers, the authors' release is another network, whose 140.7M parameters are not
  those of the paper's table.
- The classifier has a bias, which the authors' code leaves out (1,000 parameters).
- The shuffle ends a unit, as in the paper; in the authors' code it begins the next: the same function but for the order
  of the channels before the last convolution.
- Dropout (0.2, at 2.0x only) and initialisation are those of the authors' code; batch normalisation has torch's
  defaults, as theirs.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, cat, nn

from lwprof.architectures.attention import SqueezeExcite
from lwprof.architectures.blocks import ConvNorm, channel_shuffle, check_flag, check_options
from lwprof.architectures.shufflenet_v1 import initialise_as_megvii


@dataclass(frozen=True, slots=True)
class Shape:
    """The columns of the paper's tables: channels, units and the stride of each stage's first unit."""

    conv1: tuple[int, ...]
    """Channels of the 3x3 convolutions before the max-pooling, the first with stride 2."""
    stages: tuple[tuple[int, int, int], ...]
    """Output channels, repeat, stride."""
    last: int
    """Channels of the last 1x1 convolution."""


# fmt: off
CONV1 = 24
REPEAT = (4, 8, 4)  # units of stages 2, 3, 4; the first of each has stride 2
OUTPUT_CHANNELS = {
    # width: Stage2, Stage3, Stage4, Conv5
    0.5:    (48,     96,     192,    1024),
    1.0:    (116,    232,    464,    1024),
    1.5:    (176,    352,    704,    1024),
    2.0:    (244,    488,    976,    2048),
}
LARGE = {
    # layers    conv1            conv2_x to conv5_x: output channels, repeat, stride of the first            conv6
    50:  Shape((64,),         ((244, 3, 1),  (488, 4, 2),  (976, 6, 2),   (1952, 3, 2)),  2048),
    164: Shape((64, 64, 128), ((340, 10, 1), (680, 10, 2), (1360, 23, 2), (2720, 10, 2)), 2048),
}
# fmt: on


class ShuffleUnit(nn.Module):
    """Split the channels; one half passes, the other runs 1x1, 3x3 depthwise, 1x1; join and shuffle (Figure 3 c).

    The appendix's Figure 2 adds squeeze-and-excite to the end of the branch, and its input as a ``residual``.
    """

    def __init__(self, channels: int, squeeze_excite: bool = False, residual: bool = False) -> None:
        super().__init__()
        half = channels // 2
        self.branch = nn.Sequential(
            ConvNorm(half, half, 1),
            ConvNorm(half, half, 3, groups=half, activation=None),
            ConvNorm(half, half, 1, activation=None if residual else nn.ReLU),
        )
        if squeeze_excite:
            self.branch.append(SqueezeExcite(half, half))
        self.activation = nn.ReLU(inplace=True) if residual else None

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, H, W) to (N, C, H, W)."""
        passed, worked = x.chunk(2, dim=1)
        made: Tensor = self.branch(worked)
        if self.activation is not None:
            made = self.activation(worked + made)
        return channel_shuffle(cat((passed, made), dim=1), 2)


class DownsamplingUnit(nn.Module):
    """Run two branches on all channels, of stride 2 where not told otherwise; join and shuffle (Figure 3 d).

    ``side_channels`` of the output come from the branch without the first 1x1 convolution.
    """

    def __init__(
        self, in_channels: int, out_channels: int, side_channels: int, stride: int = 2, squeeze_excite: bool = False
    ) -> None:
        super().__init__()
        half = out_channels // 2
        self.side = nn.Sequential(
            ConvNorm(in_channels, in_channels, 3, stride, groups=in_channels, activation=None),
            ConvNorm(in_channels, side_channels, 1),
        )
        self.branch = nn.Sequential(
            ConvNorm(in_channels, half, 1),
            ConvNorm(half, half, 3, stride, groups=half, activation=None),
            ConvNorm(half, out_channels - side_channels, 1),
        )
        if squeeze_excite:
            self.branch.append(SqueezeExcite(out_channels - side_channels, half))

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, in, H, W) to (N, out, H / stride, W / stride)."""
        return channel_shuffle(cat((self.side(x), self.branch(x)), dim=1), 2)


class ShuffleNetV2(nn.Module):
    """Stem, max-pooling, stages of units, 1x1 convolution, global average pooling, classifier."""

    def __init__(
        self,
        shape: Shape,
        num_classes: int,
        unit: str = "paper",
        squeeze_excite: bool = False,
        residual: bool = False,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        check_options(num_classes)
        check_flag("squeeze_excite", squeeze_excite)
        check_flag("residual", residual)
        if unit not in ("paper", "symmetric"):
            raise ValueError(f"unit={unit!r}: the stride-2 unit of ShuffleNetV2 is 'paper' or 'symmetric'")

        channels = shape.conv1[0]
        self.conv1: nn.Module = ConvNorm(3, channels, 3, stride=2)
        if len(shape.conv1) > 1:
            self.conv1 = nn.Sequential(self.conv1)
            for out in shape.conv1[1:]:
                self.conv1.append(ConvNorm(channels, out, 3))
                channels = out
        self.pool = nn.MaxPool2d(3, stride=2, padding=1)
        self.stages = nn.Sequential()
        for out, repeat, stride in shape.stages:
            side = channels if unit == "paper" else out // 2
            units = nn.Sequential(DownsamplingUnit(channels, out, side, stride, squeeze_excite))
            units.extend(ShuffleUnit(out, squeeze_excite, residual) for _ in range(repeat - 1))
            self.stages.append(units)
            channels = out
        self.conv5 = ConvNorm(channels, shape.last, 1)
        self.global_pool = nn.AdaptiveAvgPool2d(1)
        self.dropout = nn.Dropout(dropout)
        self.classifier = nn.Linear(shape.last, num_classes)
        initialise_as_megvii(self)

    def forward(self, x: Tensor) -> Tensor:
        """Map images (N, 3, H, W) to class scores (N, num_classes)."""
        x = self.conv5(self.stages(self.pool(self.conv1(x))))
        scores: Tensor = self.classifier(self.dropout(self.global_pool(x).flatten(1)))
        return scores


def shufflenetv2(
    num_classes: int = 1000,
    width: float = 1.0,
    unit: str = "paper",
    squeeze_excite: bool = False,
    residual: bool = False,
) -> ShuffleNetV2:
    """Build ShuffleNetV2 at one of the paper's four widths, with the stride-2 ``unit`` "paper" or "symmetric"."""
    check_options(num_classes, width)
    if width not in OUTPUT_CHANNELS:
        raise ValueError(f"width={width}: the ShuffleNetV2 paper gives channels for 0.5, 1.0, 1.5 and 2.0 only")
    *channels, last = OUTPUT_CHANNELS[width]
    stages = tuple((out, repeat, 2) for out, repeat in zip(channels, REPEAT, strict=True))
    shape = Shape((CONV1,), stages, last)
    return ShuffleNetV2(shape, num_classes, unit, squeeze_excite, residual, dropout=0.2 if width == 2 else 0.0)


def shufflenetv2_large(num_classes: int = 1000, layers: int = 50) -> ShuffleNetV2:
    """Build ShuffleNetV2 with 50 ``layers``, or with 164, squeeze-and-excite and residuals."""
    if layers not in LARGE or isinstance(layers, bool):
        raise ValueError(f"layers={layers!r}: the large ShuffleNetV2 of the paper has 50 or 164 layers")
    gated = layers == 164
    return ShuffleNetV2(LARGE[layers], num_classes, squeeze_excite=gated, residual=gated)
