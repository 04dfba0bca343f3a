"""ShuffleNetV1: pointwise group convolutions, made to mix by channel shuffles.

Paper: Zhang et al., "ShuffleNet: An Extremely Efficient Convolutional Neural Network for Mobile Devices",
arXiv 1707.01083 (CVPR version); Table 1.

Published: 67.4 % top-1 at width 1.0, groups 3 and 224x224 (Table 2); convolutions of 137M mult-adds (Table 1).

Deviations:

- The first pointwise convolution of the first unit is not grouped, as the paper says: 24 channels are too few.
- Table 1 counts the convolutions alone; here the classifier counts too.
- The classifier has a bias, which the authors' code leaves out (1,000 parameters).
- Channels of the stem away from width 1 are those of the authors' code (12 at 0.5x, 16 with 8 groups, 24 at 1.5x, 48 at
  2x); 0.25x takes those of 0.5x, which the printed 13M need; any other width 24 times itself.
- The paper does not say how it rounds channels that the groups do not divide: such widths are refused, among them four
  rows of its Table 2, those of 2 and of 4 groups at 0.5x and at 0.25x.
- The paper does not say where squeeze-and-excite stands or how far it squeezes: here at the end of the branch and to a
  sixteenth, as in SENet's residual blocks, which the printed 527M fit. It has no channels for its shallow form at 0.5x.
- Initialisation is that of the authors' code; batch normalisation has torch's defaults, as theirs.
"""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, cat, nn

from lwprof.architectures.attention import SqueezeExcite
from lwprof.architectures.blocks import ConvNorm, channel_shuffle, check_flag, check_options

# fmt: off
REPEAT = (4, 8, 4)  # units of stages 2, 3, 4; the first of each has stride 2
OUTPUT_CHANNELS = {
    # g: stages 2, 3, 4
    1: (144, 288, 576),
    2: (200, 400, 800),
    3: (240, 480, 960),
    4: (272, 544, 1088),
    8: (384, 768, 1536),
}
STEM = {0.25: 12, 0.5: 12, 1.0: 24, 1.5: 24, 2.0: 48}
STEM_8_GROUPS = {**STEM, 0.25: 16, 0.5: 16}
REDUCTION = 16  # of squeeze-and-excite
# fmt: on


class ShuffleUnit(nn.Module):
    """1x1 group convolution, shuffle, 3x3 depthwise, 1x1 group convolution, beside a shortcut (Figure 2 b, c).

    At stride 2 the shortcut is a 3x3 average pooling, and the two are concatenated instead of added.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        stride: int,
        groups: int,
        first_groups: int,
        squeeze_excite: bool = False,
    ) -> None:
        super().__init__()
        narrow = out_channels // 4
        branch = out_channels - in_channels if stride == 2 else out_channels
        self.groups = groups
        self.reduce = ConvNorm(in_channels, narrow, 1, groups=first_groups)
        self.depthwise = ConvNorm(narrow, narrow, 3, stride, groups=narrow, activation=None)
        self.expand = ConvNorm(narrow, branch, 1, groups=groups, activation=None)
        self.squeeze_excite = SqueezeExcite(branch, max(1, branch // REDUCTION)) if squeeze_excite else None
        self.shortcut = nn.AvgPool2d(3, stride=2, padding=1) if stride == 2 else None
        self.activation = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, in, H, W) to (N, out, H / stride, W / stride)."""
        narrow: Tensor = self.reduce(x)
        if self.groups > 1:
            narrow = channel_shuffle(narrow, self.groups)
        branch: Tensor = self.expand(self.depthwise(narrow))
        if self.squeeze_excite is not None:
            branch = self.squeeze_excite(branch)
        joined = x + branch if self.shortcut is None else cat((self.shortcut(x), branch), dim=1)
        out: Tensor = self.activation(joined)
        return out


class ShuffleNetV1(nn.Module):
    """Stem, max-pooling, three stages of shuffle units, global average pooling, classifier."""

    def __init__(self, num_classes: int, width: float, groups: int, squeeze_excite: bool) -> None:
        super().__init__()
        check_options(num_classes, width)
        check_flag("squeeze_excite", squeeze_excite)
        channels, *stages = stage_channels(width, groups)

        self.stem = ConvNorm(3, channels, 3, stride=2)
        self.pool = nn.MaxPool2d(3, stride=2, padding=1)
        self.stages = nn.Sequential()
        for stage, (out, repeat) in enumerate(zip(stages, REPEAT, strict=True)):
            units = nn.Sequential(ShuffleUnit(channels, out, 2, groups, 1 if stage == 0 else groups, squeeze_excite))
            units.extend(ShuffleUnit(out, out, 1, groups, groups, squeeze_excite) for _ in range(repeat - 1))
            self.stages.append(units)
            channels = out
        self.global_pool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(channels, num_classes)
        initialise_as_megvii(self)

    def forward(self, x: Tensor) -> Tensor:
        """Map images (N, 3, H, W) to class scores (N, num_classes)."""
        x = self.stages(self.pool(self.stem(x)))
        scores: Tensor = self.classifier(self.global_pool(x).flatten(1))
        return scores


def stage_channels(width: float, groups: int) -> tuple[int, int, int, int]:
    """Channels of the stem and of stages 2, 3 and 4.

    >>> stage_channels(1.0, 3)
    (24, 240, 480, 960)

    Raises:
        ValueError: the paper has no such groups, or at this width its arithmetic does not come out even.
    """
    if groups not in OUTPUT_CHANNELS:
        raise ValueError(f"groups={groups!r}: ShuffleNetV1 has 1, 2, 3, 4 or 8 groups")
    stem = (STEM_8_GROUPS if groups == 8 else STEM).get(width, 24 * width)
    scaled = (stem, *(channels * width for channels in OUTPUT_CHANNELS[groups]))
    whole = tuple(round(channels) for channels in scaled)
    refused = f"width={width} with groups={groups}:"
    uneven = f"do not divide into {groups} groups; take another width or another number of groups"
    for place, channels, integer in zip(("the stem", "stage 2", "stage 3", "stage 4"), scaled, whole, strict=True):
        if integer < 1 or abs(channels - integer) > 1e-6:
            raise ValueError(f"{refused} {place} would have {channels:g} channels; take another width")
    for stage, (before, out) in enumerate(pairwise(whole), start=2):
        if out % 4 or out // 4 % groups:
            raise ValueError(f"{refused} the {out / 4:g} bottleneck channels of stage {stage} {uneven}")
        if (out - before) % groups:
            raise ValueError(f"{refused} the {out - before} new channels of stage {stage} {uneven}")
    return whole[0], whole[1], whole[2], whole[3]


def initialise_as_megvii(network: nn.Module) -> None:
    """Initialise as the authors' code: normal weights, narrow for the first convolution and the classifier."""
    first = True
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.normal_(module.weight, std=0.01 if first else 1 / module.weight.shape[1])
            if module.bias is not None:
                nn.init.zeros_(module.bias)
            first = False
        elif isinstance(module, nn.BatchNorm2d):
            nn.init.constant_(module.bias, 1e-4)
        elif isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, std=0.01)
            nn.init.zeros_(module.bias)


def shufflenetv1(
    num_classes: int = 1000, width: float = 1.0, groups: int = 3, squeeze_excite: bool = False
) -> ShuffleNetV1:
    """Build ShuffleNetV1; ``groups`` split the pointwise convolutions, ``width`` multiplies the stage channels."""
    return ShuffleNetV1(num_classes, width, groups, squeeze_excite)
