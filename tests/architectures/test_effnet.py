"""What is known of single parts of EffNet."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from without_weights import build

import lwprof
from lwprof.architectures import effnet
from lwprof.architectures.effnet import EffBlock


def test_maps_at_32_halve_one_side_at_a_time() -> None:
    network = build(effnet)
    sizes: list[tuple[int, ...]] = []
    for block in network.blocks:
        for part in block.children():
            part.register_forward_hook(lambda _, __, out: sizes.append(tuple(out.shape[1:])))
    network(torch.empty(1, 3, 32, 32, device="meta"))
    assert sizes == [
        (32, 32, 32), (32, 32, 32), (32, 16, 32), (32, 16, 32), (64, 16, 16),
        (64, 16, 16), (64, 16, 16), (64, 8, 16), (64, 8, 16), (128, 8, 8),
        (128, 8, 8), (128, 8, 8), (128, 4, 8), (128, 4, 8), (256, 4, 4),
    ]  # fmt: skip


def test_depthwise_convolutions_see_one_side_each() -> None:
    for block in build(effnet).blocks:
        for part, kernel in ((block.along_width, (1, 3)), (block.along_height, (3, 1))):
            assert part.conv.kernel_size == kernel
            assert part.conv.groups == part.conv.in_channels


def test_convolutions_are_followed_by_a_leaky_relu_and_then_normalised() -> None:
    for block in build(effnet).blocks:
        for part in (block.pointwise, block.along_width, block.along_height, block.reduce):
            assert [type(layer) for layer in part] == [nn.Conv2d, nn.LeakyReLU, nn.BatchNorm2d]
            assert part.activation.negative_slope == 0.3


def test_every_pixel_reaches_a_blocks_output() -> None:
    block = EffBlock(3, 4, 8).double()
    x = torch.rand(2, 3, 8, 8, dtype=torch.float64, requires_grad=True)
    nn.init.ones_(block.pointwise.conv.weight)
    out = block.reduce.conv(block.along_width(block.pointwise(x)))
    out.square().sum().backward()
    assert (x.grad != 0).all()


@pytest.mark.slow
def test_nothing_is_averaged_where_the_map_ends_in_4x4() -> None:
    launches = [lwprof.profile(build(effnet), input_size=(3, side, side)).totals.launches for side in (32, 33, 48)]
    assert launches[0] == launches[1] == launches[2] - 1


@pytest.mark.parametrize("side", [8, 33, 64])
def test_other_sizes_are_averaged_to_the_classifiers_map(side: int) -> None:
    network = effnet(num_classes=5).eval()
    with torch.inference_mode():
        assert network(torch.rand(2, 3, side, side)).shape == (2, 5)


def test_mult_adds_are_half_of_the_papers_flops() -> None:
    """11.4M FLOPs are printed, at 2 per mult-add; a seventh of the plain network's 80.3M."""
    assert lwprof.profile(build(effnet), input_size=(3, 32, 32)).totals.mult_adds * 2 == 11_280_384


def test_fragments_and_branches_of_the_blocks() -> None:
    blocks = lwprof.profile(build(effnet), input_size=(3, 32, 32)).fragmentation.blocks
    assert [(block.type, block.fragments, block.branches) for block in blocks] == [("EffBlock", 5, 1)] * 3
