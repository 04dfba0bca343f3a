"""ShuffleNetV2: built by four guidelines for speed, with a channel split instead of group convolutions.

Paper: Ma et al., "ShuffleNet V2: Practical Guidelines for Efficient CNN Architecture Design", arXiv 1807.11164;
Table 5.

Published: 2.3M parameters, 146M mult-adds, 69.4 % top-1 at 1.0x and 224x224 (Tables 5 and 8).

Deviations:

- The paper leaves the widths of the stride-2 unit's branches open. ``unit="paper"`` is the authors' code, which the
  printed mult-adds fit: the side branch keeps its input channels. ``unit="symmetric"`` is torchvision's: both branches
  end at half of the output. They differ in stage 2 only.
- The classifier has a bias, which the authors' code leaves out (1,000 parameters).
- The shuffle ends a unit, as in the paper; in the authors' code it begins the next: the same function but for the order
  of the channels before the last convolution.
- Dropout (0.2, at 2.0x only) and initialisation are those of the authors' code; batch normalisation has torch's
  defaults, as theirs.
"""

from __future__ import annotations

from torch import Tensor, cat, nn

from lwprof.architectures.blocks import ConvNorm, check_options
from lwprof.architectures.shufflenet_v1 import channel_shuffle, initialise_as_megvii

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
# fmt: on


class ShuffleUnit(nn.Module):
    """Split the channels; one half passes, the other runs 1x1, 3x3 depthwise, 1x1; join and shuffle (Figure 3 c)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        half = channels // 2
        self.branch = nn.Sequential(
            ConvNorm(half, half, 1),
            ConvNorm(half, half, 3, groups=half, activation=None),
            ConvNorm(half, half, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, H, W) to (N, C, H, W)."""
        passed, worked = x.chunk(2, dim=1)
        return channel_shuffle(cat((passed, self.branch(worked)), dim=1), 2)


class DownsamplingUnit(nn.Module):
    """Run two branches of stride 2 on all channels; join and shuffle (Figure 3 d).

    ``side_channels`` of the output come from the branch without the first 1x1 convolution.
    """

    def __init__(self, in_channels: int, out_channels: int, side_channels: int) -> None:
        super().__init__()
        half = out_channels // 2
        self.side = nn.Sequential(
            ConvNorm(in_channels, in_channels, 3, stride=2, groups=in_channels, activation=None),
            ConvNorm(in_channels, side_channels, 1),
        )
        self.branch = nn.Sequential(
            ConvNorm(in_channels, half, 1),
            ConvNorm(half, half, 3, stride=2, groups=half, activation=None),
            ConvNorm(half, out_channels - side_channels, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, in, H, W) to (N, out, H / 2, W / 2)."""
        return channel_shuffle(cat((self.side(x), self.branch(x)), dim=1), 2)


class ShuffleNetV2(nn.Module):
    """Stem, max-pooling, three stages of units, 1x1 convolution, global average pooling, classifier."""

    def __init__(self, num_classes: int, width: float, unit: str) -> None:
        super().__init__()
        check_options(num_classes, width)
        if width not in OUTPUT_CHANNELS:
            raise ValueError(f"width={width}: the ShuffleNetV2 paper gives channels for 0.5, 1.0, 1.5 and 2.0 only")
        if unit not in ("paper", "symmetric"):
            raise ValueError(f"unit={unit!r}: the stride-2 unit of ShuffleNetV2 is 'paper' or 'symmetric'")
        *stages, conv5 = OUTPUT_CHANNELS[width]

        channels = CONV1
        self.conv1 = ConvNorm(3, channels, 3, stride=2)
        self.pool = nn.MaxPool2d(3, stride=2, padding=1)
        self.stages = nn.Sequential()
        for out, repeat in zip(stages, REPEAT, strict=True):
            units = nn.Sequential(DownsamplingUnit(channels, out, channels if unit == "paper" else out // 2))
            units.extend(ShuffleUnit(out) for _ in range(repeat - 1))
            self.stages.append(units)
            channels = out
        self.conv5 = ConvNorm(channels, conv5, 1)
        self.global_pool = nn.AdaptiveAvgPool2d(1)
        self.dropout = nn.Dropout(0.2 if width == 2 else 0.0)
        self.classifier = nn.Linear(conv5, num_classes)
        initialise_as_megvii(self)

    def forward(self, x: Tensor) -> Tensor:
        """Map images (N, 3, H, W) to class scores (N, num_classes)."""
        x = self.conv5(self.stages(self.pool(self.conv1(x))))
        scores: Tensor = self.classifier(self.dropout(self.global_pool(x).flatten(1)))
        return scores


def shufflenetv2(num_classes: int = 1000, width: float = 1.0, unit: str = "paper") -> ShuffleNetV2:
    """Build ShuffleNetV2 at one of the paper's four widths, with the stride-2 ``unit`` "paper" or "symmetric"."""
    return ShuffleNetV2(num_classes, width, unit)
