"""What the code of MobileNeXt's authors states of single parts."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from without_weights import build, output_sizes

import lwprof
from lwprof.architectures import mobilenext, mobilenext_ca
from lwprof.architectures.attention import CoordinateAttention
from lwprof.architectures.mobilenext import Sandglass

FIRST_OF_STAGE = [0, 1, 2, 5, 8, 12, 16, 19]
CHANGES = [2, 5, 8, 12, 16]  # of those, the ones that are not alone in their stage


def places(blocks: nn.Sequential, holds) -> list[int]:
    return [place for place, block in enumerate(blocks) if holds(block)]


@pytest.mark.slow
def test_maps_at_224() -> None:
    assert output_sizes(build(mobilenext)) == [
        (96, 56), (144, 56), *[(192, 28)] * 3, *[(288, 14)] * 3, *[(384, 14)] * 4, *[(576, 7)] * 4, *[(960, 7)] * 3,
        (1280, 7),
    ]  # fmt: skip


@pytest.mark.slow
def test_depthwise_convolutions_are_left_out_where_the_authors_code_has_none() -> None:
    blocks = build(mobilenext).blocks
    assert places(blocks, lambda block: isinstance(block.first, nn.Identity)) == CHANGES
    assert places(blocks, lambda block: isinstance(block.last, nn.Identity)) == [8, 16]


@pytest.mark.slow
def test_shortcuts_stand_at_the_wide_ends_of_twelve_blocks() -> None:
    blocks = build(mobilenext).blocks
    assert places(blocks, lambda block: not block.shortcut) == FIRST_OF_STAGE


@pytest.mark.slow
def test_the_second_depthwise_convolution_has_the_stride() -> None:
    blocks = build(mobilenext).blocks
    assert places(blocks, lambda block: block.first.conv.stride == (2, 2) if len(block.first._modules) else False) == []
    strides = [1 if isinstance(block.last, nn.Identity) else block.last.conv.stride[0] for block in blocks]
    assert [place for place, stride in enumerate(strides) if stride == 2] == [0, 2, 5, 12]


@pytest.mark.slow
def test_waist_is_a_sixth_of_the_wider_end() -> None:
    waists = [block.reduce.conv.out_channels for block in build(mobilenext).blocks]
    assert waists == [16, 32, *[32] * 3, *[48] * 3, *[64] * 4, *[96] * 4, *[160] * 3, 208]


@pytest.mark.slow
def test_reduction_and_last_depthwise_are_linear() -> None:
    block = build(mobilenext).blocks[3]
    activations = [hasattr(part, "activation") for part in (block.first, block.reduce, block.expand, block.last)]
    assert activations == [True, False, True, False]


@pytest.mark.slow
def test_fragments_and_branches() -> None:
    blocks = lwprof.profile("mobilenext").fragmentation.blocks
    fragments = [2 if place in (8, 16) else 3 if place in CHANGES else 4 for place in range(20)]
    assert [(block.type, block.fragments, block.branches) for block in blocks] == [
        ("Sandglass", count, 1) for count in fragments
    ]


@pytest.mark.parametrize("divisor", [2, 3, 6])
def test_the_identity_divisor_adds_the_first_channels_only(divisor: int) -> None:
    torch.manual_seed(0)
    whole, part = (Sandglass(12, 12, 1, 6, False, identity).eval() for identity in (1, divisor))
    part.load_state_dict(whole.state_dict())
    x = torch.randn(1, 12, 5, 5)
    with torch.inference_mode():
        out, added = part(x), 12 // divisor
        assert torch.equal(out[:, :added], whole(x)[:, :added])
        assert torch.equal(out[:, added:] + x[:, added:], whole(x)[:, added:])


@pytest.mark.slow
def test_a_smaller_identity_saves_arithmetic_and_memory_access_only() -> None:
    whole, half = (lwprof.profile(f"mobilenext:identity_divisor={divisor}").totals for divisor in (1, 2))
    assert (whole.params, whole.mult_adds) == (half.params, half.mult_adds)
    added = 2 * 192 * 28**2 + 2 * 288 * 14**2 + 3 * 384 * 14**2 + 3 * 576 * 7**2 + 2 * 960 * 7**2
    assert whole.elementwise_ops - half.elementwise_ops == added // 2
    assert whole.memory_access.eager_elements - half.memory_access.eager_elements == 3 * added // 2


@pytest.mark.parametrize("divisor", [0, 5, 1.5, True])
def test_other_divisors_are_refused(divisor: object) -> None:
    with pytest.raises(ValueError, match=rf"^identity_divisor={divisor}: "):
        mobilenext(identity_divisor=divisor)


@pytest.mark.slow
def test_coordinate_attention_stands_after_the_first_depthwise_convolution() -> None:
    blocks = build(mobilenext_ca).blocks
    assert places(blocks, lambda block: not isinstance(block.attention, CoordinateAttention)) == CHANGES
    assert [block.attention.reduce.in_channels for block in blocks if block.attention._modules] == [
        32, 96, 192, 192, 288, 288, *[384] * 3, *[576] * 3, 960, 960, 960,
    ]  # fmt: skip
    block = Sandglass(12, 12, 1, 6, False, attention=CoordinateAttention).eval()
    x = torch.randn(1, 12, 5, 5)
    with torch.inference_mode():
        expected = x + block.last(block.expand(block.reduce(block.attention(block.first(x)))))
        assert torch.equal(block(x), expected)


@pytest.mark.slow
def test_narrow_networks_keep_their_strides() -> None:
    """At width 0.01 all stages but the last have 8 channels."""
    assert output_sizes(build(mobilenext, width=0.01), resolution=64)[-1] == (1280, 2)


@pytest.mark.slow
def test_initialisation_is_that_of_the_authors_code() -> None:
    torch.manual_seed(0)
    network = mobilenext(num_classes=10, width=0.35)
    for module in network.modules():
        if isinstance(module, nn.Conv2d) and module.weight.numel() > 5000:
            kernel = module.kernel_size[0] * module.kernel_size[1]
            assert module.weight.std().item() == pytest.approx((2 / (kernel * module.out_channels)) ** 0.5, rel=0.1)
        elif isinstance(module, nn.BatchNorm2d):
            assert (module.eps, module.momentum) == (1e-5, 0.1)
    assert network.classifier.weight.std().item() == pytest.approx(0.01, rel=0.1)
