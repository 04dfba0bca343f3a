"""Attention blocks: gates on a map, computed from the map itself.

Each maps (N, C, H, W) to the same shape, at any height and width. In the equations ``σ`` is the sigmoid, ``⊙`` a
product that broadcasts, ``[a; b]`` a concatenation, and a mean or a maximum is over what its index names.
"""

from __future__ import annotations

from collections.abc import Callable
from math import log2

import torch
from torch import Tensor, cat, nn

from lwprof.architectures.blocks import ConvNorm, channel_shuffle

Attention = Callable[[int], nn.Module]
"""What a network takes to build its attention blocks: a function of the number of channels."""


class SqueezeExcite(nn.Module):
    """Gate the channels by the means of all of them: ``x ⊙ gate(W2 relu(W1 mean_hw(x)))``.

    Paper: Hu et al., "Squeeze-and-Excitation Networks", arXiv 1709.01507, equations 2 to 4. ``squeezed`` channels lie
    between W1 and W2, both with bias. MobileNetV3 (arXiv 1905.02244) has the h-sigmoid for a gate.
    """

    def __init__(self, channels: int, squeezed: int, gate: Callable[[], nn.Module] = nn.Sigmoid) -> None:
        super().__init__()
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.reduce = nn.Conv2d(channels, squeezed, 1)
        self.activation = nn.ReLU(inplace=True)
        self.expand = nn.Conv2d(squeezed, channels, 1)
        self.gate = gate()

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, H, W) to (N, C, H, W)."""
        gate: Tensor = self.gate(self.expand(self.activation(self.reduce(self.pool(x)))))
        return x * gate


class ECA(nn.Module):
    """Gate each channel by the means of its neighbours: ``x ⊙ σ(conv1d_k(mean_hw(x)))``.

    Paper: Wang et al., "ECA-Net: Efficient Channel Attention for Deep Convolutional Neural Networks",
    arXiv 1910.03151. The convolution runs along the channels, without bias; ``k = |log2(C)/γ + b/γ|_odd``.
    """

    def __init__(self, channels: int, gamma: float = 2, b: float = 1) -> None:
        super().__init__()
        kernel = eca_kernel(channels, gamma, b)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.conv = nn.Conv1d(1, 1, kernel, padding=kernel // 2, bias=False)
        self.gate = nn.Sigmoid()

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, H, W) to (N, C, H, W)."""
        means: Tensor = self.pool(x)
        scores = self.conv(means.flatten(2).transpose(1, 2)).transpose(1, 2)
        gate: Tensor = self.gate(scores)
        return x * gate.unsqueeze(3)


def eca_kernel(channels: int, gamma: float = 2, b: float = 1) -> int:
    """Return the odd number nearest to ``(log2(channels) + b) / gamma``; of two, the greater.

    >>> eca_kernel(96), eca_kernel(128), eca_kernel(960)  # nearest to 3.8, 4 and 5.5
    (3, 5, 5)
    """
    return 2 * int((log2(channels) + b) / gamma / 2) + 1


class SpatialGate(nn.Module):
    """Gate the places by their strongest and their mean channel: ``x ⊙ σ(BN(conv_7x7([max_c(x); mean_c(x)])))``.

    The second half of CBAM and each branch of triplet attention.
    """

    def __init__(self) -> None:
        super().__init__()
        self.conv = ConvNorm(2, 1, 7, activation=None)
        self.gate = nn.Sigmoid()

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, H, W) to (N, C, H, W)."""
        pooled = cat((x.amax(1, keepdim=True), x.mean(1, keepdim=True)), dim=1)
        gate: Tensor = self.gate(self.conv(pooled))
        return x * gate


class CBAM(nn.Module):
    """Gate the channels, then the places: ``y = x ⊙ σ(mlp(mean_hw(x)) + mlp(max_hw(x)))``, and a spatial gate on y.

    Paper: Woo et al., "CBAM: Convolutional Block Attention Module", arXiv 1807.06521, equations 1 to 3. The mlp has
    ``squeezed`` channels after its first layer. The batch normalisation of the spatial gate is in the authors' code,
    not in the equations.
    """

    def __init__(self, channels: int, squeezed: int) -> None:
        super().__init__()
        self.mean_pool = nn.AdaptiveAvgPool2d(1)
        self.max_pool = nn.AdaptiveMaxPool2d(1)
        self.mlp = nn.Sequential(
            nn.Conv2d(channels, squeezed, 1), nn.ReLU(inplace=True), nn.Conv2d(squeezed, channels, 1)
        )
        self.gate = nn.Sigmoid()
        self.spatial = SpatialGate()

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, H, W) to (N, C, H, W)."""
        gate: Tensor = self.gate(self.mlp(self.mean_pool(x)) + self.mlp(self.max_pool(x)))
        gated: Tensor = self.spatial(x * gate)
        return gated


class ShuffleAttention(nn.Module):
    """Gate half of each group by channel, half by place; join and shuffle the halves.

    ``x1 ⊙ σ(w1 ⊙ mean_hw(x1) + b1)`` and ``x2 ⊙ σ(w2 ⊙ GN(x2) + b2)``, where x1 and x2 are the halves of a group and GN
    normalises every channel by itself. All groups share the four vectors and those of GN.

    Paper: Zhang and Yang, "SA-Net: Shuffle Attention for Deep Convolutional Neural Networks", arXiv 2102.00102,
    equations 1 to 3.

    Raises:
        ValueError: ``channels`` do not divide into two halves of each of the ``groups``.
    """

    def __init__(self, channels: int, groups: int = 64) -> None:
        super().__init__()
        half = channels // (2 * groups)
        if channels != 2 * groups * half or not half:
            raise ValueError(f"groups={groups}: {channels} channels do not divide into halves of so many groups")
        self.groups = groups
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.norm = nn.GroupNorm(half, half)
        self.channel_weight = nn.Parameter(torch.zeros(half, 1, 1))
        self.channel_bias = nn.Parameter(torch.ones(half, 1, 1))
        self.place_weight = nn.Parameter(torch.zeros(half, 1, 1))
        self.place_bias = nn.Parameter(torch.ones(half, 1, 1))
        self.gate = nn.Sigmoid()

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, H, W) to (N, C, H, W)."""
        n, channels, height, width = x.shape
        groups = x.reshape(n * self.groups, channels // self.groups, height, width)
        x1, x2 = groups.chunk(2, dim=1)
        by_channel = x1 * self.gate(self.channel_weight * self.pool(x1) + self.channel_bias)
        by_place = x2 * self.gate(self.place_weight * self.norm(x2) + self.place_bias)
        joined = cat((by_channel, by_place), dim=1).reshape(n, channels, height, width)
        return channel_shuffle(joined, 2)


class TripletAttention(nn.Module):
    """Average three spatial gates, one on each pair of channels, height and width: ``(g1(x)' + g2(x)'' + g3(x)) / 3``.

    For g1 the channels change places with the height, for g2 with the width; the primes change them back.

    Paper: Misra et al., "Rotate to Attend: Convolutional Triplet Attention Module", arXiv 2010.03045, section 3.
    """

    def __init__(self) -> None:
        super().__init__()
        self.channel_width = SpatialGate()
        self.channel_height = SpatialGate()
        self.height_width = SpatialGate()

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, H, W) to (N, C, H, W)."""
        by_height: Tensor = self.channel_width(x.transpose(1, 2)).transpose(1, 2)
        by_width: Tensor = self.channel_height(x.transpose(1, 3)).transpose(1, 3)
        by_channel: Tensor = self.height_width(x)
        return (by_height + by_width + by_channel) / 3


class CoordinateAttention(nn.Module):
    """Gate rows and columns by the means along them.

    ``f = hswish(BN(F1 [mean_w(x); mean_h(x)]))``, cut again into rows and columns; ``x ⊙ σ(Fh f_h) ⊙ σ(Fw f_w)``.
    F1, Fh and Fw are 1x1 convolutions with bias; f has ``max(8, channels // reduction)`` channels.

    Paper: Hou et al., "Coordinate Attention for Efficient Mobile Network Design", arXiv 2103.02907, equations 4 to 9.
    """

    def __init__(self, channels: int, reduction: int = 32) -> None:
        super().__init__()
        squeezed = max(8, channels // reduction)
        self.reduce = nn.Conv2d(channels, squeezed, 1)
        self.norm = nn.BatchNorm2d(squeezed)
        self.activation = nn.Hardswish(inplace=True)
        self.expand_rows = nn.Conv2d(squeezed, channels, 1)
        self.expand_columns = nn.Conv2d(squeezed, channels, 1)
        self.gate = nn.Sigmoid()

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, H, W) to (N, C, H, W)."""
        height, width = x.shape[2:]
        both = cat((x.mean(3, keepdim=True), x.mean(2, keepdim=True).transpose(2, 3)), dim=2)  # (N, C, H + W, 1)
        squeezed: Tensor = self.activation(self.norm(self.reduce(both)))
        rows, columns = squeezed.split((height, width), dim=2)
        row_gate: Tensor = self.gate(self.expand_rows(rows))
        column_gate: Tensor = self.gate(self.expand_columns(columns.transpose(2, 3)))
        return x * row_gate * column_gate
