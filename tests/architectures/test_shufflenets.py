"""What the ShuffleNet papers and the authors' code state of single parts."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from without_weights import build, output_sizes

import lwprof
from lwprof.architectures import shufflenetv1, shufflenetv2, shufflenetv2_large
from lwprof.architectures.blocks import channel_shuffle


def stage_sizes(network: nn.Module) -> list[tuple[int, int, int]]:
    """Units, channels and side of the output of each stage at 224x224."""
    sizes = output_sizes(network, "stages")
    return [(len(units), *size) for units, size in zip(network.stages, sizes, strict=True)]


@pytest.mark.parametrize("groups", [2, 3, 4])
def test_shuffle_is_torchs_channel_shuffle(groups: int) -> None:
    x = torch.rand(2, 12, 3, 5)
    assert torch.equal(channel_shuffle(x, groups), nn.functional.channel_shuffle(x, groups))


@pytest.mark.slow
@pytest.mark.parametrize(("groups", "printed"), [(1, 143), (2, 140), (3, 137), (4, 133), (8, 137)])
def test_v1_convolutions_are_those_of_table_1(groups: int, printed: int) -> None:
    network = build(shufflenetv1, groups=groups)
    mult_adds = lwprof.profile(network, input_size=(3, 224, 224)).totals.mult_adds
    convolutions = mult_adds - network.classifier.weight.numel()
    assert abs(convolutions / 1e6 - printed) <= 1


@pytest.mark.slow
@pytest.mark.parametrize(("groups", "stages"), [
    (1, (144, 288, 576)), (2, (200, 400, 800)), (3, (240, 480, 960)), (4, (272, 544, 1088)), (8, (384, 768, 1536)),
])  # fmt: skip
def test_v1_stages_are_those_of_table_1(groups: int, stages: tuple[int, ...]) -> None:
    sizes = stage_sizes(build(shufflenetv1, groups=groups))
    assert sizes == [(4, stages[0], 28), (8, stages[1], 14), (4, stages[2], 7)]


@pytest.mark.slow
def test_v1_groups_all_pointwise_convolutions_but_the_first() -> None:
    units = [unit for stage in build(shufflenetv1, groups=4).stages for unit in stage]
    assert [unit.reduce.conv.groups for unit in units] == [1] + [4] * 15
    assert {unit.expand.conv.groups for unit in units} == {4}


@pytest.mark.slow
def test_v1_bottleneck_is_a_quarter_of_the_output_at_stride_2_too() -> None:
    units = [unit for stage in build(shufflenetv1, groups=3).stages for unit in stage]
    assert [unit.depthwise.conv.in_channels for unit in units] == [60] * 4 + [120] * 8 + [240] * 4


@pytest.mark.slow
@pytest.mark.parametrize(("width", "groups", "stem"), [
    (0.25, 3, 12), (0.5, 3, 12), (0.5, 8, 16), (0.75, 1, 18), (1.0, 8, 24), (1.5, 3, 24), (2.0, 3, 48),
])  # fmt: skip
def test_v1_stem_is_that_of_the_authors_code(width: float, groups: int, stem: int) -> None:
    assert build(shufflenetv1, width=width, groups=groups).stem.conv.out_channels == stem


@pytest.mark.parametrize(("width", "groups", "reason"), [
    (0.5, 2, "the 25 bottleneck channels of stage 2 do not divide into 2 groups"),
    (0.25, 2, "the 12.5 bottleneck channels of stage 2 do not divide into 2 groups"),
    (0.5, 4, "the 34 bottleneck channels of stage 2 do not divide into 4 groups"),
    (0.25, 4, "the 17 bottleneck channels of stage 2 do not divide into 4 groups"),
    (0.75, 8, "the 270 new channels of stage 2 do not divide into 8 groups"),
    (0.35, 3, "the stem would have 8.4 channels"),
])  # fmt: skip
def test_v1_widths_that_do_not_come_out_even_are_refused(width: float, groups: int, reason: str) -> None:
    with pytest.raises(ValueError, match=rf"^width={width} with groups={groups}: .*{reason}; take another width"):
        shufflenetv1(width=width, groups=groups)


@pytest.mark.parametrize("unit", ["paper", "symmetric"])
@pytest.mark.parametrize(("width", "stages", "conv5"), [
    (0.5, (48, 96, 192), 1024),
    (1.0, (116, 232, 464), 1024),
    (1.5, (176, 352, 704), 1024),
    (2.0, (244, 488, 976), 2048),
])  # fmt: skip
def test_v2_stages_are_those_of_table_5(width: float, stages: tuple[int, ...], conv5: int, unit: str) -> None:
    network = build(shufflenetv2, width=width, unit=unit)
    assert stage_sizes(network) == [(4, stages[0], 28), (8, stages[1], 14), (4, stages[2], 7)]
    assert network.conv1.conv.out_channels == 24
    assert network.classifier.in_features == conv5


@pytest.mark.slow
@pytest.mark.parametrize(
    ("width", "published"), [(0.5, 1_365_792), (1.0, 2_278_760), (1.5, 3_506_720), (2.0, 7_402_600)]
)
def test_v2_has_the_authors_parameters_but_for_the_bias(width: float, published: int) -> None:
    network = build(shufflenetv2, width=width)
    bias = network.classifier.bias.numel()
    assert sum(parameter.numel() for parameter in network.parameters()) - bias == published


@pytest.mark.slow
def test_v2_units_differ_in_stage_2_only() -> None:
    def sides(unit: str) -> list[int]:
        return [stage[0].side[1].conv.out_channels for stage in build(shufflenetv2, unit=unit).stages]

    assert sides("paper") == [24, 116, 232]
    assert sides("symmetric") == [58, 116, 232]


@pytest.mark.slow
def test_v2_unit_passes_half_of_the_channels_untouched() -> None:
    unit = shufflenetv2(width=0.5).eval().stages[0][1]
    x = torch.rand(1, 48, 4, 4)
    with torch.inference_mode():
        assert torch.equal(unit(x)[:, ::2], x[:, :24])


@pytest.mark.parametrize("builder", [shufflenetv1, shufflenetv2])
def test_depthwise_convolutions_are_not_followed_by_an_activation(builder) -> None:
    for module in build(builder).modules():
        if type(module).__name__ == "ConvNorm" and module.conv.groups == module.conv.in_channels:
            assert not hasattr(module, "activation")


@pytest.mark.slow
@pytest.mark.parametrize("builder", [shufflenetv1, shufflenetv2])
def test_initialisation_is_that_of_the_authors_code(builder) -> None:
    network = builder(num_classes=10)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            assert (module.eps, module.momentum) == (1e-5, 0.1)
            assert (module.bias == 1e-4).all()
    first, *others = [module.weight for module in network.modules() if isinstance(module, nn.Conv2d)]
    assert first.std().item() == pytest.approx(0.01, rel=0.1)
    for weight in others:
        if weight.numel() > 1000:
            assert weight.std().item() == pytest.approx(1 / weight.shape[1], rel=0.1)
    assert network.classifier.weight.std().item() == pytest.approx(0.01, rel=0.1)


@pytest.mark.slow
def test_v2_drops_out_at_2x_only() -> None:
    assert [build(shufflenetv2, width=width).dropout.p for width in (0.5, 1.0, 1.5, 2.0)] == [0, 0, 0, 0.2]


@pytest.mark.slow
@pytest.mark.parametrize(("builder", "anchors"), [
    (shufflenetv1, [(4, 2)] + [(3, 1)] * 3 + [(4, 2)] + [(3, 1)] * 7 + [(4, 2)] + [(3, 1)] * 3),
    (shufflenetv2, [(5, 2)] + [(3, 1)] * 3 + [(5, 2)] + [(3, 1)] * 7 + [(5, 2)] + [(3, 1)] * 3),
])  # fmt: skip
def test_fragments_and_branches_of_the_units(builder, anchors: list[tuple[int, int]]) -> None:
    blocks = lwprof.profile(build(builder), input_size=(3, 224, 224)).fragmentation.blocks
    assert [(block.fragments, block.branches) for block in blocks] == anchors


def gates(network: nn.Module) -> list[tuple[int, int]]:
    """Channels of each squeeze-and-excite, and what it squeezes them to."""
    found = [module for module in network.modules() if type(module).__name__ == "SqueezeExcite"]
    return [(gate.reduce.in_channels, gate.reduce.out_channels) for gate in found]


@pytest.mark.slow
def test_v1_squeeze_excite_gates_the_branch_before_the_join() -> None:
    branches = [144, *[240] * 3, 240, *[480] * 7, 480, *[960] * 3]
    branches[0] = 240 - 24
    assert gates(build(shufflenetv1, squeeze_excite=True)) == [(branch, branch // 16) for branch in branches]
    unit = shufflenetv1(width=0.5, squeeze_excite=True).eval().stages[0][1]
    nn.init.constant_(unit.squeeze_excite.expand.bias, -1e4)  # shut
    x = torch.rand(1, 120, 4, 4)
    with torch.inference_mode():
        assert torch.equal(unit(x), x)


@pytest.mark.slow
def test_v2_squeeze_excite_gates_the_branch_and_squeezes_to_half_of_the_unit() -> None:
    units = [(92, 58), *[(58, 58)] * 3, (116, 116), *[(116, 116)] * 7, (232, 232), *[(232, 232)] * 3]
    assert gates(build(shufflenetv2, squeeze_excite=True)) == units
    unit = shufflenetv2(width=0.5, squeeze_excite=True).eval().stages[0][1]
    nn.init.constant_(unit.branch[-1].expand.bias, -1e4)  # shut
    with torch.inference_mode():
        out = unit(torch.rand(1, 48, 4, 4))
    assert (out[:, 1::2] == 0).all()
    assert (out[:, ::2] > 0).any()


@pytest.mark.slow
def test_v2_residual_adds_the_branchs_input_and_no_weights() -> None:
    unit = shufflenetv2(width=0.5, residual=True).eval().stages[0][1]
    nn.init.zeros_(unit.branch[-1].norm.weight)
    nn.init.zeros_(unit.branch[-1].norm.bias)
    x = torch.randn(1, 48, 4, 4)
    before = x.clone()
    with torch.inference_mode():
        out = unit(x)
    assert torch.equal(out[:, ::2], before[:, :24])
    assert torch.equal(out[:, 1::2], before[:, 24:].relu())
    assert torch.equal(x, before)
    plain, residual = build(shufflenetv2).state_dict(), build(shufflenetv2, residual=True).state_dict()
    assert plain.keys() == residual.keys()


@pytest.mark.slow
@pytest.mark.parametrize(("layers", "units", "stages"), [
    (50, (3, 4, 6, 3), (244, 488, 976, 1952)),
    (164, (10, 10, 23, 10), (340, 680, 1360, 2720)),
])  # fmt: skip
def test_v2_large_stages_are_those_of_the_appendix(
    layers: int, units: tuple[int, ...], stages: tuple[int, ...]
) -> None:
    assert stage_sizes(build(shufflenetv2_large, layers=layers)) == list(
        zip(units, stages, (56, 28, 14, 7), strict=True)
    )


@pytest.mark.slow
@pytest.mark.parametrize("layers", [50, 164])
def test_v2_large_forms_have_as_many_layers_as_they_say(layers: int) -> None:
    network = build(shufflenetv2_large, layers=layers)
    beside = {module for stage in network.stages for module in stage[0].side.modules()}
    gates = {module for module in network.modules() if isinstance(module, nn.Conv2d) and module.bias is not None}
    convolutions = {module for module in network.modules() if isinstance(module, nn.Conv2d)} - beside - gates
    assert len(convolutions) + (layers == 164) == layers  # of 164 layers, the classifier is one


@pytest.mark.parametrize("option", ["squeeze_excite", "residual"])
def test_v2_flags_are_true_or_false(option: str) -> None:
    with pytest.raises(ValueError, match=rf"^{option}=1: it is on or off"):
        shufflenetv2(**{option: 1})
