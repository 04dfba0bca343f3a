"""AdderNet: residual networks whose convolutions only add.

Paper: Chen et al., "AdderNet: Do We Really Need Multiplications in Deep Learning?", arXiv 1912.13200; the networks are
those of He et al., "Deep Residual Learning for Image Recognition", arXiv 1512.03385, section 4.2 and Table 1.

Published: ResNet-20 with 91.84 % on CIFAR-10 and 67.60 % on CIFAR-100 (Table 2), ResNet-50 with 74.9 % top-1 on
ImageNet (abstract).

Deviations:

- Layers that the paper's text leaves open follow the authors' code: the first convolution and the classifier multiply,
  the classifier is a 1x1 convolution with a batch normalisation over the classes, and a bottleneck strides in its
  3x3 layer.
- The paper's 41.17M multiplications of the convolutional ResNet-20, and so its 82.3M additions, are not reached: the
  convolutional twin of this network has 40.81M mult-adds, and this one 80.74M additions. The counts of additions
  printed for both networks are unverified. For ResNet-50 the paper seems to count strides in the 1x1 layers.
- Pooling is over the whole map, where the code of ResNet-20 pools 8x8: the same at 32x32, and any resolution runs.
- Convolutions start as in the authors' ResNet-50 (He et al., arXiv 1502.01852); their ResNet-20 keeps torch's default.
"""

from __future__ import annotations

from collections import OrderedDict

from torch import Tensor, nn

from lwprof.architectures.adder import Adder2d
from lwprof.architectures.blocks import ConvNorm, check_options

# fmt: off
RESNET20 = (
    # c,  n, s
    (16,  3, 1),
    (32,  3, 2),
    (64,  3, 2),
)
RESNET50 = (
    # c,  n, s; the bottlenecks put out 4 c
    (64,  3, 1),
    (128, 4, 2),
    (256, 6, 2),
    (512, 3, 2),
)
# fmt: on

Stages = tuple[tuple[int, int, int], ...]


class AdderNorm(nn.Sequential):
    """Adder layer, batch normalisation and, unless it is left out, ReLU.

    (N, in_channels, H, W) -> (N, out_channels, ceil(H / stride), ceil(W / stride)) for an odd ``kernel``.
    """

    def __init__(
        self, in_channels: int, out_channels: int, kernel: int, stride: int = 1, activation: bool = True
    ) -> None:
        adder = Adder2d(in_channels, out_channels, kernel, stride, kernel // 2)
        layers: OrderedDict[str, nn.Module] = OrderedDict(adder=adder, norm=nn.BatchNorm2d(out_channels))
        if activation:
            layers["activation"] = nn.ReLU(inplace=True)
        super().__init__(layers)


class Residual(nn.Module):
    """Layers around which the input is added, projected by a 1x1 adder layer where the shapes differ."""

    def __init__(self, in_channels: int, out_channels: int, stride: int, layers: nn.Sequential) -> None:
        super().__init__()
        self.layers = layers
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or in_channels != out_channels:
            self.shortcut = AdderNorm(in_channels, out_channels, 1, stride, activation=False)
        self.activation = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, in, H, W) to (N, out, H / stride, W / stride)."""
        out: Tensor = self.activation(self.layers(x) + self.shortcut(x))
        return out


class BasicBlock(Residual):
    """Two 3x3 adder layers."""

    expansion = 1

    def __init__(self, in_channels: int, width: int, stride: int) -> None:
        layers = nn.Sequential(
            AdderNorm(in_channels, width, 3, stride),
            AdderNorm(width, width, 3, activation=False),
        )
        super().__init__(in_channels, width, stride, layers)


class Bottleneck(Residual):
    """1x1, 3x3 and 1x1 adder layers, wide at the ends."""

    expansion = 4

    def __init__(self, in_channels: int, width: int, stride: int) -> None:
        out_channels = width * self.expansion
        layers = nn.Sequential(
            AdderNorm(in_channels, width, 1),
            AdderNorm(width, width, 3, stride),
            AdderNorm(width, out_channels, 1, activation=False),
        )
        super().__init__(in_channels, out_channels, stride, layers)


class AdderNet(nn.Module):
    """Stem, stages of residual blocks, global average pooling, 1x1 convolution and normalisation of the scores.

    Args:
        num_classes: outputs of the classifier.
        stem: convolution to the first width, and whatever follows it.
        block: ``BasicBlock`` or ``Bottleneck``.
        stages: width, number of blocks and first stride of each stage.
        bias: whether the classifier has one.
    """

    def __init__(
        self, num_classes: int, stem: nn.Module, block: type[BasicBlock | Bottleneck], stages: Stages, bias: bool
    ) -> None:
        super().__init__()
        check_options(num_classes)
        self.stem = stem
        self.blocks = nn.Sequential()
        channels = stages[0][0]
        for c, n, s in stages:
            for i in range(n):
                self.blocks.append(block(channels, c, s if i == 0 else 1))
                channels = c * block.expansion
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Conv2d(channels, num_classes, 1, bias=bias)
        self.norm = nn.BatchNorm2d(num_classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: Tensor) -> Tensor:
        """Map images (N, 3, H, W) to class scores (N, num_classes)."""
        x = self.pool(self.blocks(self.stem(x)))
        scores: Tensor = self.norm(self.classifier(x))
        return scores.flatten(1)


def addernet_resnet20(num_classes: int = 10) -> AdderNet:
    """Build the ResNet-20 for 32x32 images as an AdderNet."""
    return AdderNet(num_classes, ConvNorm(3, RESNET20[0][0], 3), BasicBlock, RESNET20, bias=False)


def addernet_resnet50(num_classes: int = 1000) -> AdderNet:
    """Build ResNet-50 as an AdderNet."""
    stem = nn.Sequential(ConvNorm(3, RESNET50[0][0], 7, stride=2), nn.MaxPool2d(3, stride=2, padding=1))
    return AdderNet(num_classes, stem, Bottleneck, RESNET50, bias=True)
