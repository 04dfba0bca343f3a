"""MobileNetV2: inverted residuals with linear bottlenecks.

Paper: Sandler et al., "MobileNetV2: Inverted Residuals and Linear Bottlenecks", arXiv 1801.04381; Table 2.

Published: 3.4M parameters, 300M mult-adds, 72.0 % top-1 at width 1.0 and 224x224 (Table 4).

Deviations:

- The paper's 6.9M parameters at width 1.4 are out of reach: its own table gives 6.1M.
- Early versions of the paper print 28x28 as the input of the stage of 96 channels (unverified); behind the stride of
  the stage of 64 it is 14x14.
- Widths are those of TensorFlow's code: the last 1x1 convolution keeps its 1280 channels below width 1, and widths up
  to 0.1 round to multiples of 4.
- Batch normalisation (eps 1e-3, momentum 3e-3), dropout (0.2) and initialisation are those of TensorFlow slim.
- Padding is symmetric, where TensorFlow's "SAME" pads right and bottom at stride 2: same shapes and counts.
"""

from __future__ import annotations

from torch import Tensor, nn

from lwprof.architectures.attention import Attention
from lwprof.architectures.blocks import ConvNorm, check_options, initialise_as_slim, make_divisible

# fmt: off
STEM = 32
BOTTLENECKS = (
    # t, c,   n, s
    (1,  16,  1, 1),
    (6,  24,  2, 2),
    (6,  32,  3, 2),
    (6,  64,  4, 2),
    (6,  96,  3, 1),
    (6,  160, 3, 2),
    (6,  320, 1, 1),
)
HEAD = 1280
# fmt: on


class InvertedResidual(nn.Module):
    """1x1 expansion, 3x3 depthwise, 1x1 linear projection; a shortcut between the narrow ends (Table 1).

    A block that expands may have ``attention`` between depthwise convolution and projection.
    """

    def __init__(
        self, in_channels: int, out_channels: int, stride: int, expansion: int, attention: Attention | None = None
    ) -> None:
        super().__init__()
        wide = expansion * in_channels
        self.expand = ConvNorm(in_channels, wide, 1, activation=nn.ReLU6) if expansion != 1 else nn.Identity()
        self.depthwise = ConvNorm(wide, wide, 3, stride, groups=wide, activation=nn.ReLU6)
        self.attention = attention(wide) if attention is not None and expansion != 1 else nn.Identity()
        self.project = ConvNorm(wide, out_channels, 1, activation=None)
        self.shortcut = stride == 1 and in_channels == out_channels

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, in, H, W) to (N, out, H / stride, W / stride)."""
        out: Tensor = self.project(self.attention(self.depthwise(self.expand(x))))
        return x + out if self.shortcut else out


class MobileNetV2(nn.Module):
    """Stem, 17 inverted residuals, 1x1 convolution, global average pooling, classifier."""

    def __init__(
        self, num_classes: int, width: float, attention: Attention | None = None, dropout: float = 0.2
    ) -> None:
        super().__init__()
        check_options(num_classes, width)

        def scaled(channels: int) -> int:
            return make_divisible(channels * width, 4 if width <= 0.1 else 8)

        channels = scaled(STEM)
        self.stem = ConvNorm(3, channels, 3, stride=2, activation=nn.ReLU6)
        self.blocks = nn.Sequential()
        for t, c, n, s in BOTTLENECKS:
            for i in range(n):
                self.blocks.append(InvertedResidual(channels, scaled(c), s if i == 0 else 1, t, attention))
                channels = scaled(c)
        head = scaled(HEAD) if width > 1 else HEAD
        self.head = ConvNorm(channels, head, 1, activation=nn.ReLU6)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.dropout = nn.Dropout(dropout)
        self.classifier = nn.Linear(head, num_classes)
        initialise_as_slim(self, momentum=3e-3)

    def forward(self, x: Tensor) -> Tensor:
        """Map images (N, 3, H, W) to class scores (N, num_classes)."""
        x = self.head(self.blocks(self.stem(x)))
        scores: Tensor = self.classifier(self.dropout(self.pool(x).flatten(1)))
        return scores


def mbv2(num_classes: int = 1000, width: float = 1.0) -> MobileNetV2:
    """Build MobileNetV2; ``width`` multiplies the channel counts (1280 only upwards), rounded to multiples of 8."""
    return MobileNetV2(num_classes, width)
