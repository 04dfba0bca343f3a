"""Single layers whose FLOPs say little of what an ARM core executes for them."""

from __future__ import annotations

from torch import Tensor, nn


class Layer(nn.Module):
    """One convolution without bias, which keeps height and width."""

    def __init__(self, in_channels: int, out_channels: int, kernel: int, groups: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, kernel, padding=kernel // 2, groups=groups, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, in, H, W) to (N, out, H, W)."""
        out: Tensor = self.conv(x)
        return out


def depthwise(kernel: int = 3) -> Layer:
    """Depthwise convolution of 64 channels."""
    return Layer(64, 64, kernel, groups=64)


def dense() -> Layer:
    """3x3 convolution from 64 to 64 channels."""
    return Layer(64, 64, 3)


def pointwise() -> Layer:
    """1x1 convolution with as many mult-adds as ``dense``."""
    return Layer(64, 9 * 64, 1)
