"""MobileNetV1: depthwise separable convolutions.

Paper: Howard et al., "MobileNets: Efficient Convolutional Neural Networks for Mobile Vision Applications",
arXiv 1704.04861; Table 1.

Published: 4.2M parameters, 569M mult-adds, 70.6 % top-1 at width 1.0 and 224x224 (Table 6).

Deviations:

- Table 1 prints stride 2 for the last depthwise convolution, whose input and output are both 7x7: the stride is 1.
- ReLU as in the paper; TensorFlow's code has ReLU6.
- Batch normalisation (eps 1e-3, momentum 3e-4), dropout (0.001) and initialisation are those of TensorFlow slim.
- Padding is symmetric, where TensorFlow's "SAME" pads right and bottom at stride 2: same shapes and counts.
"""

from __future__ import annotations

from torch import Tensor, nn

from lwprof.architectures.blocks import ConvNorm, check_options, initialise_as_slim

# fmt: off
STEM = 32  # Conv / s2, 224x224x3 in
BLOCKS = (
    # out, stride of the depthwise convolution   input size
    (64,   1),                                 # 112x112x32
    (128,  2),                                 # 112x112x64
    (128,  1),                                 # 56x56x128
    (256,  2),                                 # 56x56x128
    (256,  1),                                 # 28x28x256
    (512,  2),                                 # 28x28x256
    (512,  1),                                 # 14x14x512, 5 times
    (512,  1),
    (512,  1),
    (512,  1),
    (512,  1),
    (1024, 2),                                 # 14x14x512
    (1024, 1),                                 # 7x7x1024
)
SHALLOW_BLOCKS = BLOCKS[:6] + BLOCKS[11:]  # without the five of 512 at 14x14 (Table 5)
FORMS = ("separable", "shallow", "full")   # "full": a 3x3 convolution in place of each block (Table 4)
# fmt: on


class DepthwiseSeparable(nn.Module):
    """3x3 depthwise, then 1x1 pointwise convolution, each with BN and ReLU (Figure 3, right)."""

    def __init__(self, in_channels: int, out_channels: int, stride: int) -> None:
        super().__init__()
        self.depthwise = ConvNorm(in_channels, in_channels, 3, stride, groups=in_channels)
        self.pointwise = ConvNorm(in_channels, out_channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, in, H, W) to (N, out, H / stride, W / stride)."""
        out: Tensor = self.pointwise(self.depthwise(x))
        return out


class MobileNetV1(nn.Module):
    """Stem, 13 depthwise separable blocks, global average pooling, classifier."""

    def __init__(self, num_classes: int, width: float, form: str) -> None:
        super().__init__()
        check_options(num_classes, width)
        if form not in FORMS:
            raise ValueError(f"form={form!r}: MobileNetV1 is built as {', '.join(map(repr, FORMS))}")

        def scaled(channels: int) -> int:
            return max(int(channels * width), 8)

        channels = scaled(STEM)
        self.stem = ConvNorm(3, channels, 3, stride=2)
        self.blocks = nn.Sequential()
        for out, stride in SHALLOW_BLOCKS if form == "shallow" else BLOCKS:
            if form == "full":
                self.blocks.append(ConvNorm(channels, scaled(out), 3, stride))
            else:
                self.blocks.append(DepthwiseSeparable(channels, scaled(out), stride))
            channels = scaled(out)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.dropout = nn.Dropout(0.001)
        self.classifier = nn.Linear(channels, num_classes)
        initialise_as_slim(self, momentum=3e-4)

    def forward(self, x: Tensor) -> Tensor:
        """Map images (N, 3, H, W) to class scores (N, num_classes)."""
        x = self.blocks(self.stem(x))
        scores: Tensor = self.classifier(self.dropout(self.pool(x).flatten(1)))
        return scores


def mbv1(num_classes: int = 1000, width: float = 1.0, form: str = "separable") -> MobileNetV1:
    """Build MobileNetV1; ``width`` multiplies every channel count, cut to an integer of at least 8.

    The paper weighs its ``form`` "separable" against one that is "shallow" and one of "full" 3x3 convolutions.
    """
    return MobileNetV1(num_classes, width, form)
