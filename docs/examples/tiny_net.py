"""A network of somebody's own: 10 classes, any resolution."""

from __future__ import annotations

from torch import Tensor, nn


class Block(nn.Module):
    """Depthwise and pointwise convolution with a shortcut."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(channels, channels, 3, padding=1, groups=channels, bias=False)
        self.pointwise = nn.Conv2d(channels, channels, 1, bias=False)
        self.norm = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        """Keep the shape (N, C, H, W)."""
        return x + self.norm(self.pointwise(self.depthwise(x))).relu()


class TinyNet(nn.Module):
    """A stem, three blocks, a classifier."""

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, width, 3, stride=2, padding=1)
        self.blocks = nn.Sequential(*(Block(width) for _ in range(3)))
        self.classifier = nn.Linear(width, 10)

    def forward(self, x: Tensor) -> Tensor:
        """Map images (N, 3, H, W) to scores (N, 10)."""
        scores: Tensor = self.classifier(self.blocks(self.stem(x)).mean((2, 3)))
        return scores
