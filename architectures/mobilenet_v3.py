"""MobileNetV3, Large and Small: searched inverted residuals with squeeze-and-excite and h-swish.

Paper: Howard et al., "Searching for MobileNetV3", arXiv 1905.02244 (final version); Tables 1 and 2.

Published: Large 5.4M parameters, 219M mult-adds, 75.2 % top-1; Small 2.5M, 56M, 67.4 % at 224x224 (Table 3).

Deviations:

- Table 2 ticks squeeze-and-excite on the last 1x1 convolution of Small; the published parameters have none there.
- Width as in TensorFlow's code: the ratio of expanded to input channels is kept and rounded to multiples of 8, the
  last convolution is six times its input, and the 1280 or 1024 before the classifier is only scaled above width 1.
- The two 1x1 convolutions after pooling are linear layers on the pooled vector: the same products.
- The minimalistic form is of TensorFlow's code, not of the paper: the same blocks without squeeze-and-excite, h-swish
  and 5x5 kernels.
- The momentum of batch normalisation (0.01) and dropout (0.2) are those of the paper's text, which calls them a decay
  of 0.99 and a dropout of 0.8; eps (1e-3) and initialisation are those of TensorFlow slim.
- Padding is symmetric, where TensorFlow's "SAME" pads right and bottom at stride 2: same shapes and counts.
"""

from __future__ import annotations

from torch import Tensor, nn

from lwprof.architectures.attention import SqueezeExcite
from lwprof.architectures.blocks import ConvNorm, check_flag, check_options, initialise_as_slim, make_divisible

RE, HS = nn.ReLU, nn.Hardswish
Bneck = tuple[int, int, int, bool, type[nn.Module], int]

# fmt: off
STEM = 16
LARGE: tuple[Bneck, ...] = (
    # k, exp size, #out, SE, NL, s
    (3,  16,   16, False, RE, 1),
    (3,  64,   24, False, RE, 2),
    (3,  72,   24, False, RE, 1),
    (5,  72,   40, True,  RE, 2),
    (5, 120,   40, True,  RE, 1),
    (5, 120,   40, True,  RE, 1),
    (3, 240,   80, False, HS, 2),
    (3, 200,   80, False, HS, 1),
    (3, 184,   80, False, HS, 1),
    (3, 184,   80, False, HS, 1),
    (3, 480,  112, True,  HS, 1),
    (3, 672,  112, True,  HS, 1),
    (5, 672,  160, True,  HS, 2),
    (5, 960,  160, True,  HS, 1),
    (5, 960,  160, True,  HS, 1),
)
LARGE_HEAD = 1280
SMALL: tuple[Bneck, ...] = (
    # k, exp size, #out, SE, NL, s
    (3,  16,   16, True,  RE, 2),
    (3,  72,   24, False, RE, 2),
    (3,  88,   24, False, RE, 1),
    (5,  96,   40, True,  HS, 2),
    (5, 240,   40, True,  HS, 1),
    (5, 240,   40, True,  HS, 1),
    (5, 120,   48, True,  HS, 1),
    (5, 144,   48, True,  HS, 1),
    (5, 288,   96, True,  HS, 2),
    (5, 576,   96, True,  HS, 1),
    (5, 576,   96, True,  HS, 1),
)
SMALL_HEAD = 1024
# fmt: on


class InvertedResidual(nn.Module):
    """1x1 expansion, depthwise, squeeze-and-excite, 1x1 linear projection; shortcut at the narrow ends (Figure 4)."""

    def __init__(
        self,
        in_channels: int,
        kernel: int,
        expanded: int,
        out_channels: int,
        squeeze_excite: bool,
        activation: type[nn.Module],
        stride: int,
    ) -> None:
        super().__init__()
        expands = expanded != in_channels
        self.expand = ConvNorm(in_channels, expanded, 1, activation=activation) if expands else nn.Identity()
        self.depthwise = ConvNorm(expanded, expanded, kernel, stride, groups=expanded, activation=activation)
        squeezed = make_divisible(expanded / 4)
        self.squeeze_excite = SqueezeExcite(expanded, squeezed, nn.Hardsigmoid) if squeeze_excite else nn.Identity()
        self.project = ConvNorm(expanded, out_channels, 1, activation=None)
        self.shortcut = stride == 1 and in_channels == out_channels

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, in, H, W) to (N, out, H / stride, W / stride)."""
        out: Tensor = self.project(self.squeeze_excite(self.depthwise(self.expand(x))))
        return x + out if self.shortcut else out


class MobileNetV3(nn.Module):
    """Stem, searched blocks, 1x1 convolution, global average pooling, hidden layer, classifier."""

    def __init__(
        self, blocks: tuple[Bneck, ...], head: int, num_classes: int, width: float, minimalistic: bool
    ) -> None:
        super().__init__()
        check_options(num_classes, width)
        check_flag("minimalistic", minimalistic)
        if minimalistic:
            blocks = tuple((3, exp, out, False, RE, s) for _, exp, out, _, _, s in blocks)
        activation = RE if minimalistic else HS

        channels, before = make_divisible(STEM * width), STEM
        self.stem = ConvNorm(3, channels, 3, stride=2, activation=activation)
        self.blocks = nn.Sequential()
        for k, exp, out, se, nl, s in blocks:
            expanded = make_divisible(channels * exp / before)
            self.blocks.append(InvertedResidual(channels, k, expanded, make_divisible(out * width), se, nl, s))
            channels, before = make_divisible(out * width), out
        last = make_divisible(6 * channels)
        hidden = make_divisible(head * width) if width > 1 else head
        self.last = ConvNorm(channels, last, 1, activation=activation)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.hidden = nn.Linear(last, hidden)
        self.activation = activation(inplace=True)
        self.dropout = nn.Dropout(0.2)
        self.classifier = nn.Linear(hidden, num_classes)
        initialise_as_slim(self, momentum=0.01)

    def forward(self, x: Tensor) -> Tensor:
        """Map images (N, 3, H, W) to class scores (N, num_classes)."""
        x = self.pool(self.last(self.blocks(self.stem(x)))).flatten(1)
        scores: Tensor = self.classifier(self.dropout(self.activation(self.hidden(x))))
        return scores


def mbv3_large(num_classes: int = 1000, width: float = 1.0, minimalistic: bool = False) -> MobileNetV3:
    """Build MobileNetV3-Large; ``width`` multiplies channel counts by TensorFlow's rule.

    ``minimalistic`` is its form for devices without fast h-swish: no squeeze-and-excite, ReLU, 3x3 kernels.
    """
    return MobileNetV3(LARGE, LARGE_HEAD, num_classes, width, minimalistic)


def mbv3_small(num_classes: int = 1000, width: float = 1.0, minimalistic: bool = False) -> MobileNetV3:
    """Build MobileNetV3-Small; ``width`` and ``minimalistic`` as in :func:`mbv3_large`."""
    return MobileNetV3(SMALL, SMALL_HEAD, num_classes, width, minimalistic)
