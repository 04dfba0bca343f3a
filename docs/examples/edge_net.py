"""A network of somebody's own, whose blocks widen inside: the one that docs/guide mends."""

from __future__ import annotations

from torch import Tensor, nn


class Block(nn.Module):
    """Widen, look at each channel by itself, narrow; with a shortcut."""

    def __init__(self, channels: int, expand: int) -> None:
        super().__init__()
        inner = channels * expand
        self.widen = nn.Sequential(nn.Conv2d(channels, inner, 1, bias=False), nn.BatchNorm2d(inner), nn.ReLU())
        self.look = nn.Sequential(
            nn.Conv2d(inner, inner, 3, padding=1, groups=inner, bias=False), nn.BatchNorm2d(inner), nn.ReLU()
        )
        self.narrow = nn.Sequential(nn.Conv2d(inner, channels, 1, bias=False), nn.BatchNorm2d(channels))

    def forward(self, x: Tensor) -> Tensor:
        """Keep the shape (N, C, H, W)."""
        out: Tensor = x + self.narrow(self.look(self.widen(x)))
        return out


class EdgeNet(nn.Module):
    """A stem, four blocks, a classifier."""

    def __init__(self, channels: int = 16, expand: int = 4) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, channels, 3, stride=2, padding=1)
        self.blocks = nn.Sequential(*(Block(channels, expand) for _ in range(4)))
        self.classifier = nn.Linear(channels, 10)

    def forward(self, x: Tensor) -> Tensor:
        """Map images (N, 3, H, W) to scores (N, 10)."""
        scores: Tensor = self.classifier(self.blocks(self.stem(x)).mean((2, 3)))
        return scores
