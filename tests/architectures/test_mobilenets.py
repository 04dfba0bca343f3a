"""What the MobileNet papers and TensorFlow's code state of single parts."""

from __future__ import annotations

import pytest
from torch import nn
from without_weights import build, output_sizes

from lwprof.architectures import mbv1, mbv2, mbv3_large, mbv3_small
from lwprof.architectures.blocks import make_divisible


def params(network: nn.Module, *kinds: type[nn.Module]) -> int:
    modules = (module for module in network.modules() if isinstance(module, kinds))
    return sum(parameter.numel() for module in modules for parameter in module.parameters(recurse=False))


def test_mbv1_parameters_by_kind() -> None:
    network = build(mbv1)
    kinds = [params(network, kind) for kind in (nn.Conv2d, nn.BatchNorm2d, nn.Linear)]
    assert kinds == [3_185_088, 21_888, 1_025_000]


def test_mbv1_maps_are_those_of_table_1() -> None:
    assert output_sizes(build(mbv1)) == [
        (64, 112), (128, 56), (128, 56), (256, 28), (256, 28), (512, 14), *[(512, 14)] * 5, (1024, 7), (1024, 7),
    ]  # fmt: skip


def test_mbv1_width_cuts_to_integers_of_at_least_8() -> None:
    network = build(mbv1, width=0.33)
    assert network.stem.conv.out_channels == 10  # 10.56
    assert network.classifier.in_features == 337  # 337.92
    assert build(mbv1, width=0.01).stem.conv.out_channels == 8


def test_mbv2_maps_are_those_of_table_2() -> None:
    assert output_sizes(build(mbv2)) == [
        (16, 112), *[(24, 56)] * 2, *[(32, 28)] * 3, *[(64, 14)] * 4, *[(96, 14)] * 3, *[(160, 7)] * 3, (320, 7),
    ]  # fmt: skip


@pytest.mark.parametrize(("builder", "blocks"), [
    (mbv2, [2, 4, 5, 7, 8, 9, 11, 12, 14, 15]), (mbv3_large, [0, 2, 4, 5, 7, 8, 9, 11, 13, 14]),
    (mbv3_small, [2, 4, 5, 7, 9, 10]),
])  # fmt: skip
def test_shortcuts_stand_where_a_block_keeps_its_shape(builder, blocks: list[int]) -> None:
    assert [place for place, block in enumerate(build(builder).blocks) if block.shortcut] == blocks


@pytest.mark.parametrize(("width", "head"), [(0.35, 1280), (1.0, 1280), (1.3, 1664), (1.4, 1792)])
def test_mbv2_head_grows_but_does_not_shrink(width: float, head: int) -> None:
    assert build(mbv2, width=width).classifier.in_features == head


@pytest.mark.parametrize(("width", "stem"), [(0.1, 4), (0.25, 8), (0.35, 16), (0.75, 24), (1.4, 48)])
def test_mbv2_stem_rounds_to_eights_and_to_fours_at_a_tenth(width: float, stem: int) -> None:
    assert build(mbv2, width=width).stem.conv.out_channels == stem


@pytest.mark.parametrize(("channels", "divisor", "rounded"), [
    (32, 8, 32), (12, 8, 16), (11, 8, 16), (10, 8, 16), (8.8, 8, 8), (3, 8, 8), (36, 8, 40), (3.2, 4, 4), (20, 8, 24),
])  # fmt: skip
def test_make_divisible_never_loses_a_tenth(channels: float, divisor: int, rounded: int) -> None:
    assert make_divisible(channels, divisor) == rounded
    assert rounded >= 0.9 * channels


@pytest.mark.parametrize(("builder", "squeezed"), [
    (mbv3_large, [(72, 24), (120, 32), (120, 32), (480, 120), (672, 168), (672, 168), (960, 240), (960, 240)]),
    (mbv3_small, [(16, 8), (96, 24), (240, 64), (240, 64), (120, 32), (144, 40), (288, 72), (576, 144), (576, 144)]),
])  # fmt: skip
def test_mbv3_squeezes_to_a_quarter_of_the_expanded_channels(builder, squeezed: list[tuple[int, int]]) -> None:
    gates = [module for module in build(builder).modules() if type(module).__name__ == "SqueezeExcite"]
    assert [(gate.reduce.in_channels, gate.reduce.out_channels) for gate in gates] == squeezed


@pytest.mark.slow
def test_mbv3_maps_are_those_of_the_tables() -> None:
    assert output_sizes(build(mbv3_large)) == [
        (16, 112), *[(24, 56)] * 2, *[(40, 28)] * 3, *[(80, 14)] * 4, *[(112, 14)] * 2, *[(160, 7)] * 3,
    ]  # fmt: skip
    assert output_sizes(build(mbv3_small)) == [
        (16, 56), *[(24, 28)] * 2, *[(40, 14)] * 3, *[(48, 14)] * 2, *[(96, 7)] * 3,
    ]  # fmt: skip


@pytest.mark.slow
def test_mbv3_activations_follow_the_nl_column() -> None:
    activations = [type(block.depthwise.activation) for block in build(mbv3_large).blocks]
    assert activations == [nn.ReLU] * 6 + [nn.Hardswish] * 9


@pytest.mark.slow
def test_mbv3_width_keeps_the_ratio_of_expansion_and_the_hidden_layer() -> None:
    network = build(mbv3_large, width=0.75)
    assert network.stem.conv.out_channels == 16
    assert [block.depthwise.conv.in_channels for block in network.blocks][:4] == [16, 64, 72, 72]
    assert network.last.conv.out_channels == 720  # 6 x 120
    assert network.hidden.out_features == 1280


@pytest.mark.slow
@pytest.mark.parametrize(("builder", "momentum", "dropout"), [
    (mbv1, 3e-4, 0.001), (mbv2, 3e-3, 0.2), (mbv3_small, 0.01, 0.2), (mbv3_large, 0.01, 0.2),
])  # fmt: skip
def test_initialisation_is_that_of_slim(builder, momentum: float, dropout: float) -> None:
    network = builder(width=0.25)
    norms = {(norm.eps, norm.momentum) for norm in network.modules() if isinstance(norm, nn.BatchNorm2d)}
    assert norms == {(1e-3, momentum)}
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            assert module.weight.abs().max() <= 0.18
            if module.weight.numel() > 1000:
                assert module.weight.std().item() == pytest.approx(0.0792, rel=0.1)  # 0.09, cut at two deviations
    assert network.dropout.p == dropout


@pytest.mark.parametrize(("builder", "activations"), [
    (mbv1, {nn.ReLU}), (mbv2, {nn.ReLU6}), (mbv3_large, {nn.ReLU, nn.Hardswish}),
])  # fmt: skip
def test_activations_stand_behind_all_convolutions_but_projections(builder, activations: set[type]) -> None:
    parts = dict(build(builder).named_modules())
    convolutions = {name: part for name, part in parts.items() if type(part).__name__ == "ConvNorm"}
    linear = {name for name, part in convolutions.items() if not hasattr(part, "activation")}
    assert linear == {name for name in convolutions if name.endswith("project")}
    found = {type(part.activation) for name, part in convolutions.items() if name not in linear}
    assert found == activations


def test_mbv1_shallow_leaves_out_the_five_blocks_of_512_at_14x14() -> None:
    assert output_sizes(build(mbv1, form="shallow")) == [
        (64, 112), (128, 56), (128, 56), (256, 28), (256, 28), (512, 14), (1024, 7), (1024, 7),
    ]  # fmt: skip


def test_mbv1_full_has_a_3x3_convolution_for_every_block() -> None:
    convolutions = [module for module in build(mbv1, form="full").modules() if isinstance(module, nn.Conv2d)]
    assert {(conv.kernel_size, conv.groups) for conv in convolutions} == {((3, 3), 1)}
    assert [conv.out_channels for conv in convolutions[1:]] == [
        block.pointwise.conv.out_channels for block in build(mbv1).blocks
    ]


@pytest.mark.slow
@pytest.mark.parametrize("builder", [mbv3_large, mbv3_small])
def test_mbv3_minimalistic_has_3x3_kernels_and_relu_alone(builder) -> None:
    network = build(builder, minimalistic=True)
    kinds = {type(module).__name__ for module in network.modules()}
    assert kinds.isdisjoint({"SqueezeExcite", "Hardswish", "Hardsigmoid"})
    assert {block.depthwise.conv.kernel_size for block in network.blocks} == {(3, 3)}
    assert output_sizes(network) == output_sizes(build(builder))


def test_mbv3_minimalistic_is_on_or_off() -> None:
    with pytest.raises(ValueError, match=r"^minimalistic='yes': it is on or off"):
        mbv3_large(minimalistic="yes")
