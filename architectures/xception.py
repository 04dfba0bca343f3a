"""Xception: depthwise separable convolutions with nothing between depthwise and pointwise, and shortcuts around them.

Paper: Chollet, "Xception: Deep Learning with Depthwise Separable Convolutions", arXiv 1610.02357; Figure 5.

Published: 22,855,952 parameters (Table 3), 79.0 % top-1 (Table 1) at 299x299.

Deviations:

- The first two convolutions have no padding, as in Keras: Figure 5 does not say, and its 19x19 map fits both.
- The printed figures were not read in the paper itself but in works that quote it.
- Batch normalisation and initialisation have torch's defaults; dropout (0.5) is the paper's for ImageNet.
- Padding is symmetric, where TensorFlow's "SAME" pads right and bottom at stride 2: same shapes and counts.
"""

from __future__ import annotations

from collections import OrderedDict

from torch import Tensor, nn

from lwprof.architectures.blocks import ConvNorm, check_options

# fmt: off
STEM = (32, 64)  # 3x3 convolutions, the first with stride 2
# Channels of the separable convolutions of each block; stride 2 where the block ends in a max-pooling.
BLOCKS = (
    # SeparableConv 3x3,  stride     input at 299x299
    ((128, 128),          2),      # Entry flow, 147x147x64
    ((256, 256),          2),      # 74x74x128
    ((728, 728),          2),      # 37x37x256
    ((728, 728, 728),     1),      # Middle flow, 19x19x728, 8 times
    ((728, 728, 728),     1),
    ((728, 728, 728),     1),
    ((728, 728, 728),     1),
    ((728, 728, 728),     1),
    ((728, 728, 728),     1),
    ((728, 728, 728),     1),
    ((728, 728, 728),     1),
    ((728, 1024),         2),      # Exit flow, 19x19x728
)
LAST = (1536, 2048)                # 10x10x1024
# fmt: on


class SeparableConv(nn.Sequential):
    """3x3 depthwise and 1x1 pointwise convolution with nothing between, then batch normalisation."""

    def __init__(self, in_channels: int, out_channels: int, stride: int = 1) -> None:
        depthwise = nn.Conv2d(in_channels, in_channels, 3, stride, 1, groups=in_channels, bias=False)
        pointwise = nn.Conv2d(in_channels, out_channels, 1, bias=False)
        norm = nn.BatchNorm2d(out_channels)
        super().__init__(OrderedDict(depthwise=depthwise, pointwise=pointwise, norm=norm))


class XceptionBlock(nn.Module):
    """ReLU and separable convolution by turns, max-pooled at stride 2, beside a shortcut (Figure 5).

    The shortcut is a 1x1 convolution at stride 2, else the identity. ``activated`` input gets no ReLU of its own.
    """

    def __init__(self, in_channels: int, widths: tuple[int, ...], stride: int, activated: bool) -> None:
        super().__init__()
        self.body = nn.Sequential()
        channels = in_channels
        for i, out in enumerate(widths):
            if i > 0 or not activated:
                self.body.append(nn.ReLU(inplace=i > 0))  # the shortcut reads the first one's input
            self.body.append(SeparableConv(channels, out))
            channels = out
        self.shortcut: nn.Module = nn.Identity()
        if stride == 2:
            self.body.append(nn.MaxPool2d(3, stride=2, padding=1))
            self.shortcut = ConvNorm(in_channels, channels, 1, stride=2, activation=None)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, in, H, W) to (N, out, H / stride, W / stride)."""
        out: Tensor = self.body(x)
        shortcut: Tensor = self.shortcut(x)
        return out + shortcut


class Xception(nn.Module):
    """Two convolutions, twelve blocks, two separable convolutions, global average pooling, classifier."""

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        check_options(num_classes)
        self.stem = nn.Sequential()
        channels = 3
        for out, stride in zip(STEM, (2, 1), strict=True):
            self.stem.append(nn.Conv2d(channels, out, 3, stride, bias=False))
            self.stem.append(nn.BatchNorm2d(out))
            self.stem.append(nn.ReLU(inplace=True))
            channels = out
        self.blocks = nn.Sequential()
        for widths, stride in BLOCKS:
            self.blocks.append(XceptionBlock(channels, widths, stride, activated=len(self.blocks) == 0))
            channels = widths[-1]
        self.last = nn.Sequential()
        for out in LAST:
            self.last.append(SeparableConv(channels, out))
            self.last.append(nn.ReLU(inplace=True))
            channels = out
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.dropout = nn.Dropout(0.5)
        self.classifier = nn.Linear(channels, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Map images (N, 3, H, W) to class scores (N, num_classes)."""
        x = self.last(self.blocks(self.stem(x)))
        scores: Tensor = self.classifier(self.dropout(self.pool(x).flatten(1)))
        return scores


def xception(num_classes: int = 1000) -> Xception:
    """Build Xception."""
    return Xception(num_classes)
