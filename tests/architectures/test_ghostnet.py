"""What the GhostNet paper and its authors' code state of single parts."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from without_weights import build, output_sizes

import lwprof
from lwprof.architectures import ghostnet
from lwprof.architectures.ghostnet import GhostModule


@pytest.mark.slow
def test_maps_at_224_are_those_of_table_1() -> None:
    assert output_sizes(build(ghostnet)) == [
        (16, 112), *[(24, 56)] * 2, *[(40, 28)] * 2, *[(80, 14)] * 4, *[(112, 14)] * 2, *[(160, 7)] * 5,
    ]  # fmt: skip


def test_half_of_a_ghost_modules_channels_are_made_from_the_other_half() -> None:
    module = GhostModule(6, 8).eval()
    x = torch.rand(2, 6, 5, 5)
    with torch.inference_mode():
        out = module(x)
        assert torch.equal(out[:, :4], module.primary(x))
        assert torch.equal(out[:, 4:], module.cheap(out[:, :4]))


@pytest.mark.slow
def test_the_first_ghost_module_of_a_bottleneck_ends_in_relu_and_the_second_does_not() -> None:
    for block in build(ghostnet).blocks:
        assert all(hasattr(part, "activation") for part in (block.expand.primary, block.expand.cheap))
        assert not any(hasattr(part, "activation") for part in (block.project.primary, block.project.cheap))


def test_squeeze_excite_has_a_quarter_of_the_expanded_channels_and_an_h_sigmoid() -> None:
    gates = [module for module in build(ghostnet).modules() if type(module).__name__ == "SqueezeExcite"]
    assert [(gate.reduce.in_channels, gate.reduce.out_channels) for gate in gates] == [
        (72, 20), (120, 32), (480, 120), (672, 168), (672, 168), (960, 240), (960, 240),
    ]  # fmt: skip
    assert {type(gate.gate) for gate in gates} == {nn.Hardsigmoid}


def test_a_shortcut_that_changes_the_shape_is_depthwise_then_pointwise() -> None:
    blocks = build(ghostnet).blocks
    assert [i for i, block in enumerate(blocks) if isinstance(block.shortcut, nn.Identity)] == [
        0, 2, 4, 6, 7, 8, 10, 12, 13, 14, 15,
    ]  # fmt: skip
    depthwise, pointwise = blocks[3].shortcut
    assert (depthwise.conv.kernel_size, depthwise.conv.stride, depthwise.conv.groups) == ((5, 5), (2, 2), 24)
    assert (pointwise.conv.kernel_size, pointwise.conv.out_channels) == ((1, 1), 40)


def test_a_bottleneck_adds_its_input() -> None:
    block = ghostnet(width=0.5).eval().blocks[2]
    for part in (block.project.primary, block.project.cheap):
        nn.init.zeros_(part.norm.weight)
    x = torch.randn(1, 12, 6, 6)
    with torch.inference_mode():
        assert torch.equal(block(x), x)


@pytest.mark.slow
@pytest.mark.parametrize(("width", "stem", "last"), [(0.5, 8, 480), (1.0, 16, 960), (1.3, 20, 1248)])
def test_width_rounds_to_fours_and_leaves_the_hidden_layer(width: float, stem: int, last: int) -> None:
    network = build(ghostnet, width=width)
    assert network.stem.conv.out_channels == stem
    assert (network.hidden.in_features, network.hidden.out_features) == (last, 1280)


def test_fragments_and_branches_of_the_bottlenecks() -> None:
    blocks = lwprof.profile(build(ghostnet), input_size=(3, 224, 224)).fragmentation.blocks
    assert {block.type for block in blocks} == {"GhostBottleneck"}
    # two convolutions a ghost module; a strided or widening shortcut has two beside them; gates a pooling and two
    assert [(block.fragments, block.branches) for block in blocks[:4]] == [(4, 1), (7, 2), (4, 1), (10, 2)]
