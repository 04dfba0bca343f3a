"""Attention blocks against their formulas written out element by element, and their place in MobileNetV2."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from without_weights import build

import lwprof
from lwprof.architectures import mbv2, mbv2_ca, mbv2_cbam, mbv2_eca, mbv2_sa, mbv2_se, mbv2_triplet, mbv3_small
from lwprof.architectures.attention import (
    CBAM,
    ECA,
    CoordinateAttention,
    ShuffleAttention,
    SpatialGate,
    SqueezeExcite,
    TripletAttention,
    eca_kernel,
)
from lwprof.architectures.mobilenet_v2 import InvertedResidual, MobileNetV2

BLOCKS: dict[str, Callable[[int], nn.Module]] = {
    "se": lambda channels: SqueezeExcite(channels, channels // 4),
    "eca": ECA,
    "cbam": lambda channels: CBAM(channels, channels // 4),
    "sa": lambda channels: ShuffleAttention(channels, 4),
    "triplet": lambda _: TripletAttention(),
    "ca": CoordinateAttention,
}
NETWORKS = {
    mbv2_se: SqueezeExcite, mbv2_cbam: CBAM, mbv2_eca: ECA, mbv2_triplet: TripletAttention, mbv2_sa: ShuffleAttention,
    mbv2_ca: CoordinateAttention,
}  # fmt: skip

sigmoid = torch.sigmoid
every_block = pytest.mark.parametrize("make", BLOCKS.values(), ids=BLOCKS)


def trained(block: nn.Module) -> nn.Module:
    """Give a block arbitrary parameters and statistics, as a trained one has, in float64."""
    torch.manual_seed(0)
    for parameter in block.parameters():
        nn.init.normal_(parameter)
    for module in block.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.running_mean)
            nn.init.uniform_(module.running_var, 0.5, 2)
    return block.double().eval()


def image(channels: int, height: int = 5, width: int = 3) -> Tensor:
    torch.manual_seed(1)
    return torch.randn(2, channels, height, width, dtype=torch.float64)


def check(block: nn.Module, x: Tensor, expected: Tensor) -> None:
    with torch.inference_mode():
        torch.testing.assert_close(block(x), expected)


def dense(conv: nn.Module, vector: Tensor) -> Tensor:
    """Apply a 1x1 convolution with bias to one place."""
    return conv.weight[:, :, 0, 0] @ vector + conv.bias


def normalised(norm: nn.Module, value: Tensor) -> Tensor:
    return (value - norm.running_mean) / (norm.running_var + norm.eps).sqrt() * norm.weight + norm.bias


def spatially_gated(gate: SpatialGate, x: Tensor) -> Tensor:
    """``x ⊙ σ(BN(conv_7x7([max_c(x); mean_c(x)])))``, place by place."""
    weight = gate.conv.conv.weight
    out = torch.empty_like(x)
    for n, sample in enumerate(x):
        height, width = sample.shape[1:]
        for row in range(height):
            for column in range(width):
                score = torch.zeros(1, dtype=x.dtype)
                for i in range(max(0, row - 3), min(height, row + 4)):
                    for j in range(max(0, column - 3), min(width, column + 4)):
                        tap = weight[0, :, i - row + 3, j - column + 3]
                        score += tap[0] * max(sample[:, i, j]) + tap[1] * sum(sample[:, i, j]) / len(sample)
                out[n, :, row, column] = sample[:, row, column] * sigmoid(normalised(gate.conv.norm, score))
    return out


@torch.no_grad()
def test_squeeze_excite() -> None:
    block = trained(SqueezeExcite(8, 3))
    x = image(8)
    gates = [sigmoid(dense(block.expand, dense(block.reduce, sample.mean((1, 2))).clamp(min=0))) for sample in x]
    check(block, x, torch.stack([sample * gate.view(8, 1, 1) for sample, gate in zip(x, gates, strict=True)]))


@pytest.mark.slow
def test_mobilenet_v3_has_the_same_squeeze_excite_with_an_h_sigmoid() -> None:
    blocks = [module for module in mbv3_small().modules() if isinstance(module, SqueezeExcite)]
    assert len(blocks) == 9
    assert {type(block.gate) for block in blocks} == {nn.Hardsigmoid}


@torch.no_grad()
@pytest.mark.parametrize("channels", [4, 12, 40])
def test_efficient_channel_attention(channels: int) -> None:
    block = trained(ECA(channels))
    weight = block.conv.weight.flatten()
    x = image(channels)
    expected = torch.empty_like(x)
    for n, sample in enumerate(x):
        for c in range(channels):
            near = [(c + tap - len(weight) // 2, weight[tap]) for tap in range(len(weight))]
            score = sum(w * sample[place].mean() for place, w in near if 0 <= place < channels)
            expected[n, c] = sample[c] * sigmoid(score)
    check(block, x, expected)


@pytest.mark.parametrize(
    ("channels", "kernel"), [(2, 1), (4, 1), (8, 3), (64, 3), (96, 3), (144, 5), (512, 5), (960, 5), (2048, 7)]
)
def test_eca_takes_the_nearest_odd_kernel(channels: int, kernel: int) -> None:
    assert eca_kernel(channels) == kernel
    assert ECA(channels).conv.weight.shape == (1, 1, kernel)


@pytest.mark.slow
@torch.no_grad()
def test_cbam_gates_channels_then_places() -> None:
    block = trained(CBAM(8, 3))
    first, _, second = block.mlp
    x = image(8)
    y = torch.empty_like(x)
    for n, sample in enumerate(x):
        pooled = sample.mean((1, 2)), sample.flatten(1).max(1).values
        score = sum(dense(second, dense(first, vector).clamp(min=0)) for vector in pooled)
        y[n] = sample * sigmoid(score).view(8, 1, 1)
    check(block, x, spatially_gated(block.spatial, y))


@torch.no_grad()
def test_shuffle_attention() -> None:
    channels, groups = 24, 4
    block = trained(ShuffleAttention(channels, groups))
    x = image(channels)
    joined = torch.empty_like(x)
    for n, sample in enumerate(x):
        for c in range(channels):
            place = c % (channels // groups)  # within its group: three by channel, three by place
            i = place % 3
            if place < 3:
                score = block.channel_weight[i] * sample[c].mean() + block.channel_bias[i]
            else:
                varies = (sample[c] - sample[c].mean()) / (sample[c].var(correction=0) + 1e-5).sqrt()
                norm = varies * block.norm.weight[i] + block.norm.bias[i]
                score = block.place_weight[i] * norm + block.place_bias[i]
            joined[n, c] = sample[c] * sigmoid(score)
    expected = torch.empty_like(x)
    expected[:, 0::2], expected[:, 1::2] = joined[:, : channels // 2], joined[:, channels // 2 :]
    check(block, x, expected)


def test_shuffle_attention_starts_as_one_gate_for_all() -> None:
    block = ShuffleAttention(8, 2).double()
    x = image(8)
    shuffled = nn.functional.channel_shuffle(x, 2)
    check(block, x, shuffled * sigmoid(torch.tensor(1.0, dtype=x.dtype)))


@pytest.mark.parametrize(("channels", "groups"), [(96, 64), (12, 4), (6, 6)])
def test_shuffle_attention_refuses_groups_without_halves(channels: int, groups: int) -> None:
    with pytest.raises(ValueError, match=f"^groups={groups}: {channels} channels do not divide"):
        ShuffleAttention(channels, groups)


@pytest.mark.slow
@torch.no_grad()
def test_triplet_attention_averages_three_rotations() -> None:
    block = trained(TripletAttention())
    x = image(4)
    planes = (
        spatially_gated(block.channel_width, x.permute(0, 2, 1, 3)).permute(0, 2, 1, 3),
        spatially_gated(block.channel_height, x.permute(0, 3, 2, 1)).permute(0, 3, 2, 1),
        spatially_gated(block.height_width, x),
    )
    check(block, x, sum(planes) / 3)


@torch.no_grad()
def test_coordinate_attention() -> None:
    block = trained(CoordinateAttention(12))
    x = image(12)

    def gate(expand: nn.Module, line: Tensor) -> Tensor:
        """Gate of the channels of one row or column, (C, length)."""
        score = normalised(block.norm, dense(block.reduce, line.mean(1)))
        return sigmoid(dense(expand, score * (score + 3).clamp(0, 6) / 6))

    expected = torch.empty_like(x)
    for n, sample in enumerate(x):
        for row in range(5):
            for column in range(3):
                gates = gate(block.expand_rows, sample[:, row]) * gate(block.expand_columns, sample[:, :, column])
                expected[n, :, row, column] = sample[:, row, column] * gates
    check(block, x, expected)


@pytest.mark.parametrize(("channels", "squeezed"), [(96, 8), (256, 8), (384, 12), (960, 30)])
def test_coordinate_attention_keeps_at_least_8_channels(channels: int, squeezed: int) -> None:
    assert CoordinateAttention(channels).reduce.out_channels == squeezed


@every_block
@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 9), (8, 8), (5, 3)])
def test_any_size_keeps_its_shape(make, height: int, width: int) -> None:
    x = image(24, height, width)
    with torch.inference_mode():
        assert make(24).double().eval()(x).shape == x.shape


@every_block
def test_gradients_flow_to_all_parameters_and_to_the_input(make) -> None:
    block = make(24).double().train()
    x = image(24).requires_grad_()
    block(x).square().sum().backward()
    assert x.grad.abs().sum() > 0
    for name, parameter in block.named_parameters():
        assert parameter.grad is not None, name


@pytest.mark.parametrize(("block", "params", "mult_adds"), [
    (SqueezeExcite(96, 4), 2 * 96 * 4 + 4 + 96, 2 * 96 * 4),
    (ECA(96), 3, 96 * 3),
    (CBAM(96, 4), 2 * 96 * 4 + 4 + 96 + 98 + 2, 2 * (2 * 96 * 4) + 98 * 14 * 10),
    (ShuffleAttention(96, 16), 3 * 96 // 16, 0),
    (TripletAttention(), 3 * (98 + 2), 98 * (14 * 10 + 96 * 10 + 96 * 14)),
    (CoordinateAttention(96), 3 * 96 * 8 + 3 * 8 + 2 * 96, 2 * 96 * 8 * (14 + 10)),
], ids=lambda value: type(value).__name__ if isinstance(value, nn.Module) else "")  # fmt: skip
def test_counts_of_one_block(block: nn.Module, params: int, mult_adds: int) -> None:
    result = lwprof.profile(block, input_size=(96, 14, 10))
    assert result.coverage.unknown == ()
    assert (result.totals.params, result.totals.mult_adds) == (params, mult_adds)


@pytest.mark.slow
@pytest.mark.parametrize(("builder", "kind"), NETWORKS.items(), ids=lambda value: value.__name__)
def test_mbv2_attends_in_all_blocks_that_expand(builder, kind: type[nn.Module]) -> None:
    assert [type(block.attention) for block in build(builder).blocks] == [nn.Identity] + [kind] * 16


def test_attention_stands_between_depthwise_and_projection() -> None:
    block = trained(InvertedResidual(4, 4, 1, 6, ECA))
    x = image(4)
    with torch.inference_mode():
        expected = x + block.project(block.attention(block.depthwise(block.expand(x))))
    check(block, x, expected)
    assert block.attention.conv.weight.numel() == eca_kernel(24)


@pytest.mark.slow
def test_any_block_can_be_given_to_mobilenet_v2() -> None:
    """Also one of the user's own."""
    network = build(MobileNetV2, num_classes=10, width=1.0, attention=nn.PReLU)
    plain = build(mbv2, num_classes=10)
    added = sum(p.numel() for p in network.parameters()) - sum(p.numel() for p in plain.parameters())
    assert added == 96 + 2 * 144 + 3 * 192 + 4 * 384 + 3 * 576 + 3 * 960


@pytest.mark.slow
def test_shuffle_attention_of_mbv2_has_as_many_groups_as_divide_the_channels() -> None:
    groups = {block.project.conv.in_channels: block.attention.groups for block in build(mbv2_sa).blocks[1:]}
    assert groups == {96: 16, 144: 8, 192: 32, 384: 64, 576: 32, 960: 32}


@pytest.mark.slow
def test_drops_out_as_the_authors_code() -> None:
    assert [build(builder).dropout.p for builder in (mbv2, mbv2_ca)] == [0.2, 0.1]
