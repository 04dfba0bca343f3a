"""Networks that a converter has to see through, and ones that it cannot convert, for the tests of several runtimes."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Shuffled(nn.Module):
    """What lightweight networks are made of: depthwise, grouped and pointwise convolutions, a shuffle, a gate."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1, bias=False), nn.BatchNorm2d(8), nn.ReLU6())
        self.grouped = nn.Conv2d(8, 8, 1, groups=2)
        self.depthwise = nn.Conv2d(8, 8, 5, 1, 2, groups=8)
        self.gate = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(8, 8, 1), nn.Hardsigmoid())
        self.classifier = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 5))

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        maps = self.grouped(self.stem(image))
        maps = maps.unflatten(1, (2, 4)).transpose(1, 2).flatten(1, 2)
        maps = nn.functional.hardswish(self.depthwise(maps))
        maps = torch.cat((maps * self.gate(maps), maps), 1)[:, ::2]
        return {"scores": self.classifier(maps), "maps": maps}


class TwoInputs(nn.Module):
    """Takes an image and weights by keyword, and a number that is no tensor."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)

    def forward(self, image: Tensor, times: int, weights: Tensor) -> tuple[Tensor, Tensor]:
        means = self.conv(image).mean((2, 3)) * times
        return means * weights, weights - means


TWO_INPUTS = {"weights": torch.linspace(1, 2, 8).reshape(2, 4), "times": 3, "image": torch.rand(2, 3, 8, 8)}


class Bessel(nn.Module):
    """Runs an operator that no converter knows."""

    def forward(self, image: Tensor) -> Tensor:
        return torch.special.bessel_j0(image)


def with_bessel() -> nn.Module:
    """The operator's path is ``1.0``."""
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.Sequential(Bessel()))
