"""What the papers state of single parts of Xception and of its light form."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from without_weights import build, output_sizes

import lwprof
from lwprof.architectures import xception, xception_light
from lwprof.architectures.xception import SeparableConv, XceptionBlock


def test_maps_at_299_are_those_of_figure_5() -> None:
    network = build(xception)
    assert output_sizes(network, "stem", 299)[::3] == [(32, 149), (64, 147)]  # each with BN and ReLU
    assert output_sizes(network, "blocks", 299) == [
        (128, 74), (256, 37), (728, 19), *[(728, 19)] * 8, (1024, 10),
    ]  # fmt: skip
    assert output_sizes(network, "last", 299)[::2] == [(1536, 10), (2048, 10)]  # each with ReLU


def test_blocks_grow_in_their_first_separable_convolution_but_the_last_in_its_second() -> None:
    grown = [[layer.pointwise.out_channels for layer in block.body if isinstance(layer, SeparableConv)]
             for block in build(xception).blocks]  # fmt: skip
    assert grown[:3] == [[128, 128], [256, 256], [728, 728]]
    assert grown[3:11] == [[728] * 3] * 8
    assert grown[11] == [728, 1024]


def test_blocks_begin_with_relu_but_the_first() -> None:
    begin = [type(block.body[0]) for block in build(xception).blocks]
    assert begin == [SeparableConv] + [nn.ReLU] * 11


@pytest.mark.slow
def test_nothing_stands_between_depthwise_and_pointwise() -> None:
    for builder in (xception, xception_light):
        for module in build(builder).modules():
            if isinstance(module, SeparableConv):
                assert [type(layer) for layer in module] == [nn.Conv2d, nn.Conv2d, nn.BatchNorm2d]


def test_the_shortcut_reads_the_input_before_its_relu() -> None:
    block = XceptionBlock(4, (4, 4, 4), stride=1, activated=False).eval()
    nn.init.zeros_(block.body[-1].norm.weight)
    x = torch.randn(1, 4, 5, 5)
    before = x.clone()
    with torch.inference_mode():
        assert torch.equal(block(x), before)
    assert torch.equal(x, before)


@pytest.mark.slow
def test_fragments_and_branches_of_the_blocks() -> None:
    blocks = lwprof.profile(build(xception), input_size=(3, 299, 299)).fragmentation.blocks
    # two a separable convolution; a pooling, and beside it all the shortcut's convolution
    assert [(block.fragments, block.branches) for block in blocks] == [(6, 2)] * 3 + [(6, 1)] * 8 + [(6, 2)]


@pytest.mark.parametrize(("width", "stages"), [
    (0.5, (64, 128, 256)), (1.0, (128, 256, 512)), (1.5, (192, 384, 768)), (2.0, (256, 512, 1024)),
])  # fmt: skip
def test_light_stages_shrink_as_shufflenets_do(width: float, stages: tuple[int, ...]) -> None:
    network = build(xception_light, width=width)
    assert [len(stage) for stage in network.stages] == [4, 8, 4]
    assert output_sizes(network, "stages") == list(zip(stages, (28, 14, 7), strict=True))


def test_light_blocks_see_seven_pixels_across() -> None:
    """The receptive field that the ShuffleNetV2 paper names, section 4."""
    block = xception_light(width=0.5).stages[0][1].double().eval()
    torch.manual_seed(0)
    x = torch.rand(1, 64, 15, 15, dtype=torch.float64, requires_grad=True)
    block.body(x)[0, :, 7, 7].sum().backward()
    rows = torch.nonzero(x.grad.abs().sum((0, 1, 3))).flatten()
    assert rows.tolist() == list(range(4, 11))


def test_light_xception_refuses_other_widths() -> None:
    with pytest.raises(ValueError, match=r"^width=0\.75: .* light Xception at 0\.5, 1\.0, 1\.5, 2\.0 only$"):
        xception_light(width=0.75)
