"""GhostNet: half of the feature maps are made by convolution, the others cheaply from those.

Paper: Han et al., "GhostNet: More Features from Cheap Operations", arXiv 1911.11907; Table 1.

Published: 5.2M parameters, 141M mult-adds, 73.9 % top-1 at width 1.0 and 224x224 (Table 7).

Deviations:

- Squeeze-and-excite, the shortcut of a bottleneck that changes its shape and the rounding of widths are those of the
  authors' code: gated by h-sigmoid after the strided convolution, squeezed to a quarter of the expanded channels; a
  depthwise and a 1x1 convolution; multiples of 4, the 1280 before the classifier never scaled.
- The printed figures were not read in the paper itself but in works that quote it.
- The 1x1 convolution after pooling is a linear layer on the pooled vector: the same products.
- Dropout (0.2) is that of the authors' code; batch normalisation and initialisation have torch's defaults.
"""

from __future__ import annotations

from torch import Tensor, cat, nn

from lwprof.architectures.attention import SqueezeExcite
from lwprof.architectures.blocks import ConvNorm, check_options, make_divisible

# fmt: off
STEM = 16
BOTTLENECKS = (
    # k, #exp, #out, SE,  stride
    (3,  16,   16,  False, 1),
    (3,  48,   24,  False, 2),
    (3,  72,   24,  False, 1),
    (5,  72,   40,  True,  2),
    (5,  120,  40,  True,  1),
    (3,  240,  80,  False, 2),
    (3,  200,  80,  False, 1),
    (3,  184,  80,  False, 1),
    (3,  184,  80,  False, 1),
    (3,  480,  112, True,  1),
    (3,  672,  112, True,  1),
    (5,  672,  160, True,  2),
    (5,  960,  160, False, 1),
    (5,  960,  160, True,  1),
    (5,  960,  160, False, 1),
    (5,  960,  160, True,  1),
)
LAST = 960
HEAD = 1280
# fmt: on


class GhostModule(nn.Module):
    """1x1 convolution to half of the channels, 3x3 depthwise convolution of those to the other half (Figure 1 b).

    ``out_channels`` must be even, as all of GhostNet's are.
    """

    def __init__(self, in_channels: int, out_channels: int, activation: type[nn.Module] | None = nn.ReLU) -> None:
        super().__init__()
        half = out_channels // 2
        self.primary = ConvNorm(in_channels, half, 1, activation=activation)
        self.cheap = ConvNorm(half, half, 3, groups=half, activation=activation)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, in, H, W) to (N, out, H, W)."""
        made = self.primary(x)
        return cat((made, self.cheap(made)), dim=1)


class GhostBottleneck(nn.Module):
    """Ghost module to expand, depthwise convolution at stride 2, ghost module to project; a shortcut (Figure 3)."""

    def __init__(
        self, in_channels: int, kernel: int, expanded: int, out_channels: int, squeeze_excite: bool, stride: int
    ) -> None:
        super().__init__()
        self.expand = GhostModule(in_channels, expanded)
        self.depthwise: nn.Module = nn.Identity()
        if stride == 2:
            self.depthwise = ConvNorm(expanded, expanded, kernel, stride, groups=expanded, activation=None)
        squeezed = make_divisible(expanded / 4, 4)
        self.squeeze_excite = SqueezeExcite(expanded, squeezed, nn.Hardsigmoid) if squeeze_excite else nn.Identity()
        self.project = GhostModule(expanded, out_channels, activation=None)
        self.shortcut: nn.Module = nn.Identity()
        if stride == 2 or in_channels != out_channels:
            self.shortcut = nn.Sequential(
                ConvNorm(in_channels, in_channels, kernel, stride, groups=in_channels, activation=None),
                ConvNorm(in_channels, out_channels, 1, activation=None),
            )

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, in, H, W) to (N, out, H / stride, W / stride)."""
        out: Tensor = self.project(self.squeeze_excite(self.depthwise(self.expand(x))))
        shortcut: Tensor = self.shortcut(x)
        return out + shortcut


class GhostNet(nn.Module):
    """Stem, 16 ghost bottlenecks, 1x1 convolution, global average pooling, hidden layer, classifier."""

    def __init__(self, num_classes: int, width: float) -> None:
        super().__init__()
        check_options(num_classes, width)

        def scaled(channels: int) -> int:
            return make_divisible(channels * width, 4)

        channels = scaled(STEM)
        self.stem = ConvNorm(3, channels, 3, stride=2)
        self.blocks = nn.Sequential()
        for k, exp, out, se, stride in BOTTLENECKS:
            self.blocks.append(GhostBottleneck(channels, k, scaled(exp), scaled(out), se, stride))
            channels = scaled(out)
        self.last = ConvNorm(channels, scaled(LAST), 1)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.hidden = nn.Linear(scaled(LAST), HEAD)
        self.activation = nn.ReLU(inplace=True)
        self.dropout = nn.Dropout(0.2)
        self.classifier = nn.Linear(HEAD, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Map images (N, 3, H, W) to class scores (N, num_classes)."""
        x = self.pool(self.last(self.blocks(self.stem(x)))).flatten(1)
        scores: Tensor = self.classifier(self.dropout(self.activation(self.hidden(x))))
        return scores


def ghostnet(num_classes: int = 1000, width: float = 1.0) -> GhostNet:
    """Build GhostNet; ``width`` multiplies the channel counts but the last 1280, rounded to multiples of 4."""
    return GhostNet(num_classes, width)
