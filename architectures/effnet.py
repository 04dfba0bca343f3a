"""EffNet: depthwise convolutions and poolings, separated into one along each side of the image.

Paper: Freeman et al., "EffNet: An Efficient Structure for Convolutional Neural Networks", arXiv 1801.06434.

Published: 11.4M FLOPs, at 2 per mult-add, and 80.20 % top-1 on CIFAR-10 (table of results).

Deviations:

- The printed figures were not read in the paper itself but in works that quote it. The large network for CIFAR-10 and
  those for SVHN and GTSRB are not here: their channels are not known.
- LeakyReLU (0.3) before batch normalisation behind each convolution is the order of ports, not checked against the
  paper; so is one filter a channel in the first depthwise convolution, where walk-throughs of the paper have two.
- Pooling halves the height; the last convolution of a block has its kernel of 2 along the width, where it has its
  stride. A port that has kernel and stride on different sides skips every other column.
- The classifier takes a 4x4 map. Images other than 32x32 that end in another one have it averaged to 4x4.
- Initialisation is torch's default.
"""

from __future__ import annotations

from collections import OrderedDict

from torch import Tensor, nn
from torch.nn import functional

from lwprof.architectures.blocks import check_options

# fmt: off
BLOCKS = (
    # bottleneck, out   input at 32x32
    (32,  64),        # 32x32x3
    (64,  128),       # 16x16x64
    (128, 256),       # 8x8x128
)
LAST_SIDE = 4         # 4x4x256
# fmt: on


class ConvLeaky(nn.Sequential):
    """Convolution without bias, LeakyReLU and batch normalisation, in this order."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: tuple[int, int],
        stride: tuple[int, int] = (1, 1),
        padding: tuple[int, int] = (0, 0),
        groups: int = 1,
    ) -> None:
        conv = nn.Conv2d(in_channels, out_channels, kernel, stride, padding, groups=groups, bias=False)
        activation, norm = nn.LeakyReLU(0.3, inplace=True), nn.BatchNorm2d(out_channels)
        super().__init__(OrderedDict(conv=conv, activation=activation, norm=norm))


class EffBlock(nn.Module):
    """1x1, 1x3 depthwise, 2x1 max-pooling, 3x1 depthwise, 1x2 convolution with stride 2 along the width (Figure 1)."""

    def __init__(self, in_channels: int, channels: int, out_channels: int) -> None:
        super().__init__()
        self.pointwise = ConvLeaky(in_channels, channels, (1, 1))
        self.along_width = ConvLeaky(channels, channels, (1, 3), padding=(0, 1), groups=channels)
        self.pool = nn.MaxPool2d((2, 1))
        self.along_height = ConvLeaky(channels, channels, (3, 1), padding=(1, 0), groups=channels)
        self.reduce = ConvLeaky(channels, out_channels, (1, 2), stride=(1, 2))

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, in, H, W) to (N, out, H / 2, W / 2), rounded down."""
        out: Tensor = self.reduce(self.along_height(self.pool(self.along_width(self.pointwise(x)))))
        return out


class EffNet(nn.Module):
    """Three blocks, the first in place of a stem, and a classifier of the flattened map."""

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        check_options(num_classes)
        self.blocks = nn.Sequential()
        before = 3
        for channels, out in BLOCKS:
            self.blocks.append(EffBlock(before, channels, out))
            before = out
        self.classifier = nn.Linear(before * LAST_SIDE**2, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Map images (N, 3, H, W) to class scores (N, num_classes)."""
        x = self.blocks(x)
        if x.shape[2:] != (LAST_SIDE, LAST_SIDE):
            x = functional.adaptive_avg_pool2d(x, LAST_SIDE)
        scores: Tensor = self.classifier(x.flatten(1))
        return scores


def effnet(num_classes: int = 10) -> EffNet:
    """Build EffNet in its form for CIFAR-10."""
    return EffNet(num_classes)
