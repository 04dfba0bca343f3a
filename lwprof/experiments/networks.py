"""Networks of Tables 1 to 4 of the ShuffleNetV2 paper (arXiv 1807.11164): ten building blocks each.

Convolutions have no bias and no batch normalisation behind them. Random weights are of a size that keeps activations
as large as the input, so that what a backend computes can be held against torch.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn.utils import skip_init

from lwprof.experiments.tables import REPEATED

FOR_RELU = 2**0.5
"""Gain that makes up for the half that a ReLU takes away."""


class Parallel(nn.Module):
    """Branches side by side, summed up."""

    def __init__(self, branches: Iterable[nn.Module]) -> None:
        super().__init__()
        self.branches = nn.ModuleList(branches)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, H, W) to the same shape."""
        summed: Tensor = self.branches[0](x)
        for branch in self.branches[1:]:
            summed = summed + branch(x)
        return summed


class Bottleneck(nn.Module):
    """ResNet's unit of a 1x1, a 3x3 and a 1x1 convolution; ReLUs and the short-cut can be left out."""

    def __init__(self, c: int, middle: int, relu: bool, shortcut: bool, generator: torch.Generator) -> None:
        super().__init__()
        gain = FOR_RELU if relu else 1.0
        self.reduce = conv(c, middle, generator, gain=gain)
        self.spatial = conv(middle, middle, generator, kernel=3, gain=gain)
        self.expand = conv(middle, c, generator, gain=gain)
        self.activation: nn.Module = nn.ReLU() if relu else nn.Identity()
        self.shortcut = shortcut

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, H, W) to the same shape."""
        found = self.activation(self.reduce(x))
        found = self.expand(self.activation(self.spatial(found)))
        summed: Tensor = self.activation(found + x if self.shortcut else found)
        return summed


def conv(
    c_in: int, c_out: int, generator: torch.Generator, *, kernel: int = 1, groups: int = 1, gain: float = 1.0
) -> nn.Conv2d:
    """Make a convolution that keeps the image's size; its outputs are ``gain`` times as large as its inputs."""
    made: nn.Conv2d = skip_init(nn.Conv2d, c_in, c_out, kernel, padding=kernel // 2, groups=groups, bias=False)
    with torch.no_grad():
        fan_in = c_in // groups * kernel**2
        made.weight.normal_(0, gain * fan_in**-0.5, generator=generator)
    return made


def unequal_widths(c1: int, c2: int, seed: int) -> nn.Module:
    """Table 1: blocks of two 1x1 convolutions, c1 to c2 and c2 to c1."""
    g = torch.Generator().manual_seed(seed)
    return nn.Sequential(*(nn.Sequential(conv(c1, c2, g), conv(c2, c1, g)) for _ in range(REPEATED)))


def group_convolutions(c: int, groups: int, seed: int) -> nn.Module:
    """Table 2: 1x1 group convolutions."""
    g = torch.Generator().manual_seed(seed)
    return nn.Sequential(*(conv(c, c, g, groups=groups) for _ in range(REPEATED)))


def fragments(c: int, count: int, parallel: bool, seed: int) -> nn.Module:
    """Table 3: blocks of ``count`` 1x1 convolutions of ``c`` channels, one behind the other or side by side."""
    g = torch.Generator().manual_seed(seed)
    gain = count**-0.5 if parallel else 1.0

    def block() -> nn.Module:
        convolutions = [conv(c, c, g, gain=gain) for _ in range(count)]
        return Parallel(convolutions) if parallel and count > 1 else nn.Sequential(*convolutions)

    return nn.Sequential(*(block() for _ in range(REPEATED)))


def bottlenecks(c: int, middle: int, relu: bool, shortcut: bool, seed: int) -> nn.Module:
    """Table 4: bottleneck units."""
    g = torch.Generator().manual_seed(seed)
    return nn.Sequential(*(Bottleneck(c, middle, relu, shortcut, g) for _ in range(REPEATED)))
