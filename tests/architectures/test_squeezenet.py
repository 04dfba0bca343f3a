"""What the SqueezeNet paper states of single parts."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from without_weights import build, output_sizes

import lwprof
from lwprof.architectures import squeezenet
from lwprof.architectures.squeezenet import Fire


def test_maps_at_227_are_those_of_table_1() -> None:
    network = build(squeezenet)
    names = [name for name, _ in network.features.named_children()]
    assert dict(zip(names, output_sizes(network, "features", 227), strict=True)) == {
        "conv1": (96, 111), "pool1": (96, 55), "fire2": (128, 55), "fire3": (128, 55), "fire4": (256, 55),
        "pool4": (256, 27), "fire5": (256, 27), "fire6": (384, 27), "fire7": (384, 27), "fire8": (512, 27),
        "pool8": (512, 13), "fire9": (512, 13),
    }  # fmt: skip


def test_version_1_1_pools_earlier() -> None:
    names = [name for name, _ in build(squeezenet, version="1.1").features.named_children()]
    assert names == [
        "conv1", "pool1", "fire2", "fire3", "pool3", "fire4", "fire5", "pool5", "fire6", "fire7", "fire8", "fire9",
    ]  # fmt: skip


@pytest.mark.parametrize(("bypass", "identities", "convolutions"), [
    ("none", [], []),
    ("simple", ["fire3", "fire5", "fire7", "fire9"], []),
    ("complex", ["fire3", "fire5", "fire7", "fire9"], ["fire2", "fire4", "fire6", "fire8"]),
])  # fmt: skip
def test_bypasses_stand_where_figure_2_has_them(bypass: str, identities: list[str], convolutions: list[str]) -> None:
    parts = build(squeezenet, bypass=bypass).features.named_children()
    fires = {name: part.bypass for name, part in parts if isinstance(part, Fire)}
    assert [name for name, around in fires.items() if isinstance(around, nn.Identity)] == identities
    assert [name for name, around in fires.items() if isinstance(around, nn.Conv2d)] == convolutions


def test_a_bypass_adds_the_input() -> None:
    torch.manual_seed(0)
    plain, bypassed = Fire(8, 2, 4, 4), Fire(8, 2, 4, 4, nn.Identity())
    bypassed.load_state_dict(plain.state_dict())
    x = torch.randn(1, 8, 5, 5)
    with torch.inference_mode():
        assert torch.equal(bypassed(x), plain(x) + x)


def test_the_complex_bypass_adds_341248_parameters() -> None:
    plain, bypassed = (build(squeezenet, bypass=kind).parameters() for kind in ("none", "complex"))
    assert sum(map(torch.numel, bypassed)) - sum(map(torch.numel, plain)) == 341_248


def test_a_version_may_be_given_as_a_number() -> None:
    assert build(squeezenet, version=1.1).features.conv1[0].out_channels == 64


def test_fragments_and_branches_of_fire_modules() -> None:
    blocks = lwprof.profile(build(squeezenet), input_size=(3, 224, 224)).fragmentation.blocks
    assert [(block.type, block.fragments, block.branches) for block in blocks] == [("Fire", 3, 2)] * 8
