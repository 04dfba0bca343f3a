"""The light Xception that ShuffleNetV2 is measured against: bottlenecks of three separable convolutions.

Paper: Ma et al., "ShuffleNet V2: Practical Guidelines for Efficient CNN Architecture Design", arXiv 1807.11164;
Table 8, after the tiny backbone of Li et al., "Light-Head R-CNN: In Defense of Two-Stage Object Detector",
arXiv 1711.07264.

Published: 145M mult-adds, 65.9 % top-1 at 1x and 224x224 (Table 8).

Deviations:

- Table 8 prints mult-adds and error only, and the text a receptive field of 7 for a block, which three 3x3 depthwise
  convolutions have. The rest is inferred: repeats are those of the paper's Table 5, blocks and the channels of 0.5x
  those of Xception39 in Yu et al., "BiSeNet", arXiv 1808.00897, as its ports have them; the stages of the other
  widths are two, three and four times as wide, behind a stem of 24. This meets the printed 40, 145 and 305M; at 2x,
  the printed 525M are met without the classifier.
- The channels that ports of Light-Head R-CNN have (stages of 144, 288 and 576 at 1x) would need about 180M with these
  blocks and are not taken.
- Batch normalisation and initialisation have torch's defaults.
"""

from __future__ import annotations

from torch import Tensor, nn

from lwprof.architectures.blocks import ConvNorm, check_options
from lwprof.architectures.xception import SeparableConv

# fmt: off
REPEAT = (4, 8, 4)  # blocks of stages 2, 3, 4; the first of each has stride 2
OUTPUT_CHANNELS = {
    # width: Conv1, Stage2, Stage3, Stage4
    0.5:    (8,     64,     128,    256),
    1.0:    (24,    128,    256,    512),
    1.5:    (24,    192,    384,    768),
    2.0:    (24,    256,    512,    1024),
}
# fmt: on


class SeparableBottleneck(nn.Module):
    """Three separable convolutions, the inner ones to a quarter of the channels, beside a shortcut; then ReLU.

    At stride 2 the shortcut is a separable convolution, too.
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int) -> None:
        super().__init__()
        narrow = out_channels // 4
        self.body = nn.Sequential(
            SeparableConv(in_channels, narrow, stride),
            nn.ReLU(inplace=True),
            SeparableConv(narrow, narrow),
            nn.ReLU(inplace=True),
            SeparableConv(narrow, out_channels),
        )
        self.shortcut = SeparableConv(in_channels, out_channels, stride) if stride == 2 else nn.Identity()
        self.activation = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, in, H, W) to (N, out, H / stride, W / stride)."""
        out: Tensor = self.activation(self.body(x) + self.shortcut(x))
        return out


class LightXception(nn.Module):
    """Stem, max-pooling, three stages of bottlenecks, global average pooling, classifier."""

    def __init__(self, num_classes: int, width: float) -> None:
        super().__init__()
        check_options(num_classes, width)
        if width not in OUTPUT_CHANNELS:
            raise ValueError(f"width={width}: the ShuffleNetV2 paper has the light Xception at 0.5, 1.0, 1.5, 2.0 only")
        channels, *stages = OUTPUT_CHANNELS[width]

        self.conv1 = ConvNorm(3, channels, 3, stride=2)
        self.pool = nn.MaxPool2d(3, stride=2, padding=1)
        self.stages = nn.Sequential()
        for out, repeat in zip(stages, REPEAT, strict=True):
            blocks = nn.Sequential(SeparableBottleneck(channels, out, 2))
            blocks.extend(SeparableBottleneck(out, out, 1) for _ in range(repeat - 1))
            self.stages.append(blocks)
            channels = out
        self.global_pool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(channels, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Map images (N, 3, H, W) to class scores (N, num_classes)."""
        x = self.stages(self.pool(self.conv1(x)))
        scores: Tensor = self.classifier(self.global_pool(x).flatten(1))
        return scores


def xception_light(num_classes: int = 1000, width: float = 1.0) -> LightXception:
    """Build the light Xception at one of the four widths that the ShuffleNetV2 paper measures."""
    return LightXception(num_classes, width)
