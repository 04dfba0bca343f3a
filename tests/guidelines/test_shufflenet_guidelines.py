"""The four guidelines of ShuffleNetV2: its verdicts on networks, the order of its tables, and what is let pass."""

from __future__ import annotations

import logging
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import lwprof
from lwprof.auditing import Policy
from lwprof.results.audit import AuditedModel, Checked, Finding


def audited(network: Any, size: tuple[int, ...] | None = None, **policy: Any) -> AuditedModel:
    """Asked for the G rules only."""
    (model,) = lwprof.audit(network, input_size=size, policy=Policy(**{"select": ["G"], **policy})).models
    assert not model.failure
    return model


def checked(model: AuditedModel, code: str) -> Checked:
    return next(entry for entry in model.checked if entry.code == code)


def fared(code: str, network: Any, size: tuple[int, ...] | None = None) -> tuple[int, int]:
    """How many places break a rule, and at how many it looked."""
    found = checked(audited(network, size, select=[code]), code)
    return found.broken, found.candidates


def worst(code: str, network: Any, size: tuple[int, ...] | None = None) -> float | None:
    return checked(audited(network, size, select=[code]), code).worst


def only(code: str, network: Any, size: tuple[int, ...]) -> Finding:
    (finding,) = audited(network, size, select=[code]).findings
    return finding


# The paper's verdicts


class SeparableTwice(nn.Sequential):
    """ReLU, depthwise, 1x1, all twice."""

    def __init__(self, channels: int, kernel: int) -> None:
        super().__init__(
            *(
                layer
                for _ in range(2)
                for layer in (
                    nn.ReLU(),
                    nn.Conv2d(channels, channels, kernel, padding=kernel // 2, groups=channels, bias=False),
                    nn.Conv2d(channels, channels, 1, bias=False),
                    nn.BatchNorm2d(channels),
                )
            )
        )


class NormalCell(nn.Module):
    """NASNet-A (1707.07012), figure 4: five sums of two, of the last two cells' outputs."""

    def __init__(self, before: int, channels: int, width: int) -> None:
        super().__init__()
        self.fit_before = nn.Conv2d(before, width, 1, bias=False)
        self.fit = nn.Conv2d(channels, width, 1, bias=False)
        self.first = SeparableTwice(width, 3)
        self.second = nn.ModuleList((SeparableTwice(width, 3), SeparableTwice(width, 5)))
        self.fifth = nn.ModuleList((SeparableTwice(width, 5), SeparableTwice(width, 3)))
        self.pool = nn.AvgPool2d(3, 1, 1)

    def forward(self, before: Tensor, now: Tensor) -> Tensor:
        before, now = self.fit_before(before), self.fit(now)
        sums = (
            self.first(now) + now,
            self.second[0](before) + self.second[1](now),
            self.pool(now) + before,
            self.pool(before) + self.pool(before),
            self.fifth[0](before) + self.fifth[1](before),
        )
        return torch.cat((before, *sums), 1)


class NormalCells(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = NormalCell(48, 48, 48), NormalCell(48, 288, 48)

    def forward(self, x: Tensor) -> Tensor:
        return self.second(x, self.first(x, x))


VERDICTS = {
    "shufflenetv1": {"G1", "G2"},
    "mbv2": {"G1", "G4"},
    "shufflenetv2": set(),
    "shufflenetv2:width=0.5": set(),
    "mbv1": set(),
    "xception": set(),
}


@pytest.mark.slow
@pytest.mark.parametrize("network", VERDICTS)
def test_a_network_breaks_what_the_paper_says(network: str) -> None:
    assert {finding.code for finding in audited(network).findings} == VERDICTS[network]


@pytest.mark.parametrize(
    "network", ["mbv3_large", "mbv3_small", "ghostnet", "squeezenet", "mbv2_se", "addernet_resnet50"]
)
def test_blocks_of_light_networks_are_not_fragmented(network: str) -> None:
    broken, candidates = fared("G3", network)
    assert broken == 0
    assert candidates


@pytest.mark.slow
def test_cells_of_nasnet_are_fragmented() -> None:
    model = audited(NormalCells(), (48, 28, 28), select=["G3"])
    assert [finding.module for finding in model.findings] == ["second", "first"]  # the second reads more
    for finding in model.findings:
        assert finding.message.startswith("25 convolutions and poolings in one block, 8 of them side by side")
        assert (finding.measured, finding.threshold) == (8, 3)  # further beyond it than 25 is beyond 12
    whole = model.totals.memory_access.eager_elements
    assert sum(finding.cost for finding in model.findings) == whole  # nothing is outside the cells
    assert sum(finding.cost_share for finding in model.findings) == pytest.approx(1)


@pytest.mark.slow
@pytest.mark.parametrize("width", [1.5, 2.0])
def test_a_wide_shufflenetv2_breaks_one_where_its_stem_stays_narrow(width: float) -> None:
    (finding,) = audited(f"shufflenetv2:width={width}").findings
    assert finding.message.startswith("24 to ")
    assert finding.module == "stages.0.0.branch.0.conv"


# The order of the paper's tables. Speeds are those of Tables 1 and 2: batches/s on a GPU, images/s on ARM

# fmt: off
TABLE_1 = {
    # device, times: ((c1, c2), speed) with the same mult-adds
    ("GPU", 1): [((128, 128), 1480), ((90, 180), 1296), ((52, 312), 876), ((36, 432), 748)],
    ("GPU", 2): [((128, 128), 723), ((90, 180), 586), ((52, 312), 489), ((36, 432), 392)],
    ("GPU", 4): [((128, 128), 232), ((90, 180), 206), ((52, 312), 189), ((36, 432), 163)],
    ("ARM", 1): [((32, 32), 76.2), ((22, 44), 72.9), ((13, 78), 69.1), ((9, 108), 57.6)],
    ("ARM", 2): [((32, 32), 21.7), ((22, 44), 20.5), ((13, 78), 17.9), ((9, 108), 15.1)],
    ("ARM", 4): [((32, 32), 5.3), ((22, 44), 5.1), ((13, 78), 4.6), ((9, 108), 4.4)],
}
TABLE_2 = {
    # device, times: ((g, c), speed) with the same mult-adds; 8 groups do not divide 180 channels
    ("GPU", 1): [((1, 128), 2451), ((2, 180), 1725), ((4, 256), 1026), ((8, 360), 634)],
    ("GPU", 2): [((1, 128), 1289), ((2, 180), 873), ((4, 256), 644), ((8, 360), 445)],
    ("GPU", 4): [((1, 128), 437), ((2, 180), 341), ((4, 256), 338), ((8, 360), 230)],
    ("ARM", 1): [((1, 64), 40.0), ((2, 90), 35.0), ((4, 128), 32.9), ((8, 176), 27.8)],  # printed: 180
    ("ARM", 2): [((1, 64), 10.2), ((2, 90), 9.5), ((4, 128), 8.7), ((8, 180), 7.5)],
    ("ARM", 4): [((1, 64), 2.3), ((2, 90), 2.2), ((4, 128), 2.1), ((8, 180), 1.8)],
}
# fmt: on


def pairs(first: int, second: int) -> nn.Module:
    """Ten blocks of two 1x1 convolutions, there and back (Table 1)."""
    block = ((first, second), (second, first))
    return nn.Sequential(*(nn.Conv2d(i, o, 1, bias=False) for _ in range(10) for i, o in block))


def grouped(groups: int, channels: int) -> nn.Module:
    """Ten group convolutions (Table 2)."""
    return nn.Sequential(*(nn.Conv2d(channels, channels, 1, groups=groups, bias=False) for _ in range(10)))


@pytest.mark.slow
@pytest.mark.parametrize("column", TABLE_1, ids=str)
def test_memory_access_falls_as_speeds_rise_in_table_1(column: tuple[str, int]) -> None:
    times = column[1]
    rows = []
    for (first, second), speed in TABLE_1[column]:
        channels = times * first
        model = audited(pairs(channels, times * second), (channels, 56, 56))
        rows.append((speed, model.totals.memory_access.paper_elements, checked(model, "G1").worst))
    assert [speed for speed, _, _ in rows] == sorted((speed for speed, _, _ in rows), reverse=True)
    assert [access for _, access, _ in rows] == sorted({access for _, access, _ in rows})
    assert [ratio for _, _, ratio in rows] == sorted({ratio for _, _, ratio in rows})


@pytest.mark.parametrize("column", TABLE_2, ids=str)
def test_memory_access_falls_as_speeds_rise_in_table_2(column: tuple[str, int]) -> None:
    times = column[1]
    rows = []
    for (groups, channels), speed in TABLE_2[column]:
        model = audited(grouped(groups, times * channels), (times * channels, 56, 56))
        ratio = checked(model, "G2").worst if groups > 1 else 1.0
        rows.append((speed, model.totals.memory_access.paper_elements, ratio))
    assert [speed for speed, _, _ in rows] == sorted((speed for speed, _, _ in rows), reverse=True)
    assert [access for _, access, _ in rows] == sorted({access for _, access, _ in rows})
    assert [ratio for _, _, ratio in rows] == sorted({ratio for _, _, ratio in rows})


# G1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("network", "broken", "candidates"),
    [("mbv1", 0, 13), ("shufflenetv2", 0, 36), ("xception", 0, 38), ("mbv2", 23, 34), ("shufflenetv1", 21, 32)],
)
def test_layers_of_unequal_widths(network: str, broken: int, candidates: int) -> None:
    assert fared("G1", network) == (broken, candidates)


def test_g1_measures_memory_access_over_the_lower_bound() -> None:
    finding = only("G1", nn.Conv2d(64, 256, 1, bias=False), (64, 56, 56))
    assert finding.measured == pytest.approx(1_019_904 / 819_200)
    assert finding.cost == 1_019_904
    assert finding.message == "64 to 256 channels: 1.25 times the least memory access for its mult-adds"
    other = finding.alternative
    assert other is not None
    assert other.text == "nn.Conv2d(128, 128, 1, bias=False)"
    assert finding.suggestion == "128 to 128 channels do the same work"
    assert (other.mult_adds, other.instead_of, other.saves) == (51_380_224, 51_380_224, 1_019_904 - 819_200)


def test_g1_says_where_the_work_is_not_quite_the_same() -> None:
    finding = only("G1", nn.Conv2d(16, 96, 1, bias=False), (16, 56, 56))
    assert finding.suggestion == "40 to 40 channels do about the same work"
    assert finding.alternative is not None
    assert finding.alternative.mult_adds / finding.alternative.instead_of == pytest.approx(1600 / 1536)


def test_g1_keeps_the_groups_of_a_layer_and_counts_them_in_the_bound() -> None:
    finding = only("G1", nn.Conv2d(60, 240, 1, groups=3, bias=False), (60, 28, 28))
    weights = 60 * 240 // 3
    assert finding.measured == pytest.approx((784 * 300 + weights) / (2 * 784 * 120 + weights))
    assert finding.alternative is not None
    assert finding.alternative.text == "nn.Conv2d(120, 120, 1, groups=3, bias=False)"


def test_g1_takes_a_linear_layer_on_maps_for_a_1x1_convolution() -> None:
    finding = only("G1", nn.Linear(64, 256, bias=False), (56, 56, 64))
    assert finding.measured == pytest.approx(1_019_904 / 819_200)
    assert finding.alternative is not None
    assert finding.alternative.text == "nn.Conv2d(128, 128, 1, bias=False)"


@pytest.mark.parametrize("stride", [1, 2, 4])
def test_g1_counts_only_the_pixels_that_a_stride_uses(stride: int) -> None:
    size = (64, 56 * stride, 56 * stride)
    assert worst("G1", nn.Conv2d(64, 64, 1, stride, bias=False), size) == 1
    assert worst("G1", nn.Conv2d(64, 256, 1, stride, bias=False), size) == pytest.approx(1_019_904 / 819_200)


def test_g1_says_nothing_else_to_write_where_a_stride_makes_it_no_cheaper() -> None:
    finding = only("G1", nn.Conv2d(64, 256, 1, 2, bias=False), (64, 112, 112))
    assert finding.alternative is None
    assert finding.suggestion == "128 to 128 channels do the same work, but read more of what the stride skips"


def test_g1_does_not_exempt_a_bottleneck() -> None:
    bottleneck = nn.Sequential(nn.Conv2d(256, 32, 1), nn.Conv2d(32, 32, 3, padding=1), nn.Conv2d(32, 256, 1))
    assert fared("G1", bottleneck, (256, 56, 56)) == (2, 2)


@pytest.mark.parametrize(
    ("layer", "size"),
    [
        pytest.param(nn.Conv2d(64, 1024, 1), (64, 1, 1), id="one pixel"),
        pytest.param(nn.Conv2d(64, 1024, 1, 2), (64, 2, 2), id="one pixel made"),
        pytest.param(nn.Conv2d(32, 512, 3, padding=1), (32, 56, 56), id="3x3"),
        pytest.param(nn.Conv2d(32, 512, (1, 3)), (32, 56, 56), id="1x3"),
        pytest.param(nn.Conv2d(32, 256, 1, groups=32), (32, 56, 56), id="depthwise"),
        pytest.param(nn.Linear(64, 1024), (64,), id="linear"),
        pytest.param(nn.Linear(64, 1024), (196, 64), id="linear on a sequence"),
        pytest.param(nn.ConvTranspose2d(32, 256, 1), (32, 56, 56), id="transposed"),
    ],
)
def test_g1_does_not_look_at(layer: nn.Module, size: tuple[int, ...]) -> None:
    assert fared("G1", layer, size) == (0, 0)


def test_g1_lets_a_small_map_pass_where_weights_dominate() -> None:
    assert fared("G1", nn.Conv2d(320, 1280, 1, bias=False), (320, 7, 7)) == (0, 1)
    assert fared("G1", nn.Conv2d(320, 1280, 1, bias=False), (320, 56, 56)) == (1, 1)


def test_a_layer_at_the_limit_is_within_it() -> None:
    layer, size = nn.Conv2d(64, 256, 1, bias=False), (64, 56, 56)
    ratio = worst("G1", layer, size)
    assert audited(layer, size, select=["G1"], thresholds={"G1": ratio}).findings == ()


# G2


def test_g2_measures_memory_access_over_that_without_groups() -> None:
    finding = only("G2", nn.Conv2d(180, 180, 1, groups=2, bias=False), (180, 56, 56))
    assert finding.measured == pytest.approx((3136 * 360 + 16_200) / (3136 * 270 + 16_200))
    assert finding.message == (
        "2 groups: 1.33 times the memory access of 180 to 90 channels without groups, which does the same mult-adds"
    )
    assert (
        finding.suggestion == "no groups, and 180 to 90 channels; or 128 to 128 where the layers around it narrow too"
    )
    other = finding.alternative
    assert other is not None
    assert other.text == "nn.Conv2d(180, 90, 1, bias=False)"
    assert other.mult_adds == other.instead_of == 3136 * 16_200
    assert other.saves == 3136 * 90
    assert finding.cost == 3136 * 360 + 16_200


def test_g2_looks_at_every_kernel_and_stride() -> None:
    finding = only("G2", nn.Conv2d(128, 128, 3, 2, 1, groups=32, bias=False), (128, 56, 56))
    weights = 128 * 128 * 9 // 32
    read, written = 3136 * 128, 784 * 128
    assert finding.measured == pytest.approx((read + written + weights) / (read + written // 32 + weights))
    assert finding.alternative is not None
    assert finding.alternative.text == "nn.Conv2d(128, 4, 3, stride=2, padding=1, bias=False)"
    assert finding.alternative.mult_adds == finding.alternative.instead_of


@pytest.mark.parametrize(
    "layer",
    [
        pytest.param(nn.Conv2d(64, 64, 3, padding=1, groups=64), id="depthwise"),
        pytest.param(nn.Conv2d(64, 128, 3, padding=1, groups=64), id="depthwise, two outputs a channel"),
        pytest.param(nn.Conv2d(64, 64, 1, groups=64), id="depthwise, one pixel"),
        pytest.param(nn.Conv2d(64, 64, 3, padding=1), id="no groups"),
        pytest.param(nn.ConvTranspose2d(64, 64, 2, stride=2, groups=4), id="transposed"),
    ],
)
def test_g2_does_not_look_at(layer: nn.Module) -> None:
    assert fared("G2", layer, (64, 28, 28)) == (0, 0)


@pytest.mark.parametrize(
    ("layer", "size"),
    [
        pytest.param(nn.Conv2d(512, 512, 1, groups=2), (512, 7, 7), id="weights dominate"),
        pytest.param(nn.Conv2d(240, 60, 1, groups=3), (240, 28, 28), id="it narrows"),
    ],
)
def test_g2_lets_pass(layer: nn.Module, size: tuple[int, ...]) -> None:
    assert fared("G2", layer, size) == (0, 1)


# G3


class Parallel(nn.Module):
    """1x1 convolutions side by side, added up (Table 3)."""

    def __init__(self, branches: int, channels: int = 64) -> None:
        super().__init__()
        self.branches = nn.ModuleList(nn.Conv2d(channels, channels, 1) for _ in range(branches))

    def forward(self, x: Tensor) -> Tensor:
        first, *others = (branch(x) for branch in self.branches)
        for other in others:
            first = first + other
        return first


class Series(nn.Module):
    """3x3 convolutions in a row."""

    def __init__(self, length: int) -> None:
        super().__init__()
        self.body = nn.Sequential(*(nn.Conv2d(8, 8, 3, padding=1) for _ in range(length)))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x)


class Inception(nn.Module):
    """GoogLeNet (1409.4842), figure 2b."""

    def __init__(self) -> None:
        super().__init__()
        self.one = nn.Conv2d(64, 16, 1)
        self.three = nn.Sequential(nn.Conv2d(64, 24, 1), nn.Conv2d(24, 32, 3, padding=1))
        self.five = nn.Sequential(nn.Conv2d(64, 8, 1), nn.Conv2d(8, 8, 5, padding=2))
        self.pool = nn.Sequential(nn.MaxPool2d(3, 1, 1), nn.Conv2d(64, 8, 1))

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat((self.one(x), self.three(x), self.five(x), self.pool(x)), 1)


def twice(block: type[nn.Module], *arguments: int) -> nn.Module:
    return nn.Sequential(block(*arguments), block(*arguments))


def test_four_side_by_side_are_fragmented_and_three_are_not() -> None:
    finding, *_ = audited(twice(Parallel, 4), (64, 56, 56), select=["G3"]).findings
    assert (finding.measured, finding.threshold) == (4, 3)
    assert finding.suggestion == "fewer and wider ones that do the same work: at most 3 side by side"
    assert fared("G3", twice(Parallel, 3), (64, 56, 56)) == (0, 2)


def test_thirteen_in_a_row_are_fragmented_and_twelve_are_not() -> None:
    finding, *_ = audited(twice(Series, 13), (8, 14, 14), select=["G3"]).findings
    assert (finding.measured, finding.threshold) == (13, 12)
    assert finding.suggestion == "fewer and wider ones that do the same work: at most 12"
    assert fared("G3", twice(Series, 12), (8, 14, 14)) == (0, 2)


def test_inception_blocks_are_fragmented() -> None:
    model = audited(twice(Inception), (64, 28, 28), select=["G3"])
    assert [finding.message.split(" in one ")[0] for finding in model.findings] == ["7 convolutions and poolings"] * 2
    assert {finding.measured for finding in model.findings} == {4}


def test_the_limits_of_g3_can_be_set_one_by_one() -> None:
    network, size = twice(Parallel, 4), (64, 56, 56)
    assert not audited(network, size, select=["G3"], thresholds={"G3": {"branches": 4}}).findings
    finding, *_ = audited(network, size, select=["G3"], thresholds={"G3": {"fragments": 2}}).findings
    assert (finding.measured, finding.threshold) == (4, 2)
    assert "side by side" not in finding.suggestion


def test_a_network_without_blocks_is_not_fragmented() -> None:
    assert fared("G3", nn.Sequential(*(nn.Conv2d(8, 8, 3, padding=1) for _ in range(20))), (8, 14, 14)) == (0, 0)


# G4


class Inverted(nn.Module):
    """MobileNetV2's block, of an inner width."""

    def __init__(self, channels: int, wide: int, stride: int = 1, activation: type[nn.Module] = nn.ReLU6) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(channels, wide, 1, bias=False),
            nn.BatchNorm2d(wide),
            activation(),
            nn.Conv2d(wide, wide, 3, stride, 1, groups=wide, bias=False),
            nn.BatchNorm2d(wide),
            activation(),
            nn.Conv2d(wide, channels, 1, bias=False),
            nn.BatchNorm2d(channels),
        )
        self.shortcut = stride == 1

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x) if self.shortcut else self.body(x)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("network", "ratio"), [("mbv1", 3.0), ("mbv2", 19.5), ("xception", 7.5), ("shufflenetv2", 3.5)]
)
def test_the_usual_block_of_a_network(network: str, ratio: float) -> None:
    """One that is as wide as it is deep in the network; the median of all blocks."""
    found = audited(network, select=["G4"], thresholds={"G4": {"ratio": 0, "downsampling_ratio": 0}}).findings
    measured = sorted(finding.measured for finding in found)
    middle = len(measured) // 2
    assert (measured[middle] + measured[~middle]) / 2 == ratio


def test_g4_measures_what_thick_maps_are_touched_over_the_ends_of_a_block() -> None:
    finding, *_ = audited(twice(Inverted, 64, 384), (64, 14, 14), select=["G4"]).findings
    assert finding.measured == 39 / 2  # of six times the channels: 24 activations, 12 depthwise, 3 shortcut
    assert finding.message == (
        "element-wise traffic of 19.5 times the block's input and output "
        "(activations 62 %, depthwise convolutions 31 %, additions and multiplications 8 %)"
    )
    assert finding.cost == 196 * 39 * 64 + 9 * 384  # with the weights that are read


@pytest.mark.slow
def test_g4_says_how_wide_a_block_may_be() -> None:
    finding, *_ = audited(twice(Inverted, 64, 384), (64, 14, 14), select=["G4"]).findings
    assert finding.suggestion == (
        "at most 136 channels inside, 2.1 times the block's 64 and not 6.0; or fewer of these operators"
    )
    assert fared("G4", twice(Inverted, 64, 136), (64, 14, 14)) == (0, 2)
    assert fared("G4", twice(Inverted, 64, 144), (64, 14, 14)) == (2, 2)


@pytest.mark.slow
def test_g4_allows_more_where_a_block_halves_its_map() -> None:
    def network(wide: int) -> nn.Module:
        return nn.Sequential(Inverted(64, wide, 2), Inverted(64, wide, 2))

    (finding, _) = audited(network(384), (64, 56, 56), select=["G4"]).findings
    assert finding.measured == 6 * (4 * 2 + 4 + 1 + 2) / (4 + 1)
    assert finding.threshold == 12
    assert "at most 256 channels inside" in finding.suggestion
    assert fared("G4", network(256), (64, 56, 56)) == (0, 2)
    assert worst("G4", network(256), (64, 56, 56)) == 12


def test_g4_says_something_where_no_width_inside_helps() -> None:
    class Thin(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.convs = nn.ModuleList(nn.Conv2d(16, 16, 3, padding=1) for _ in range(5))

        def forward(self, x: Tensor) -> Tensor:
            for conv in self.convs:
                x = x + F.relu(conv(x))
            return x

    finding, *_ = audited(twice(Thin), (16, 14, 14), select=["G4"]).findings
    assert finding.measured == 5 * 5 / 2
    assert finding.suggestion == "fewer of these operators, or on fewer channels or pixels"


def test_g4_names_no_width_where_channels_do_not_come_second() -> None:
    class Mixer(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.wide, self.narrow = nn.Conv2d(16, 16, 1), nn.Linear(16, 96), nn.Linear(96, 16)

        def forward(self, x: Tensor) -> Tensor:
            rows = self.conv(x).flatten(2).transpose(1, 2)
            rows = self.narrow(F.gelu(self.wide(rows)) * 2)
            return self.conv(rows.transpose(1, 2).reshape(x.shape))

    finding, *_ = audited(twice(Mixer), (16, 14, 14), select=["G4"]).findings
    assert finding.suggestion == "fewer of these operators, or on fewer channels or pixels"


def test_g4_does_not_count_batch_norms_and_views() -> None:
    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = (nn.Conv2d(16, 16, 3, padding=1) for _ in range(2))
            self.norms = nn.Sequential(*(nn.BatchNorm2d(16) for _ in range(9)))

        def forward(self, x: Tensor) -> Tensor:
            x = self.norms(self.first(x))
            return self.second(x.transpose(2, 3).transpose(2, 3))

    assert worst("G4", twice(Block), (16, 14, 14)) == 0


def test_g4_counts_copies_and_gates() -> None:
    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.join, self.gate = nn.Conv2d(16, 16, 1), nn.Conv2d(32, 16, 1), nn.Conv2d(16, 16, 1)

        def forward(self, x: Tensor) -> Tensor:
            out = self.join(torch.cat((self.conv(x), x), 1))
            return out * torch.sigmoid(self.gate(out))

    # 64 channels copied, 32 of the sigmoid, 48 of the product, over 16 + 16
    assert worst("G4", twice(Block), (16, 14, 14)) == 4.5


def test_g4_leaves_out_what_is_made_of_weights_alone() -> None:
    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.scale = nn.Conv2d(16, 16, 3, padding=1), nn.Parameter(torch.ones(16, 14, 14))
            self.weight = nn.Parameter(torch.ones(16, 16, 3, 3))

        def forward(self, x: Tensor) -> Tensor:
            return self.conv(F.conv2d(x, torch.tanh(self.weight), padding=1)) * self.scale

    assert worst("G4", twice(Block), (16, 14, 14)) == 1  # the product reads and writes 16 channels


def test_g4_looks_only_at_blocks() -> None:
    network = nn.Sequential(nn.Conv2d(3, 512, 3), nn.ReLU(), nn.ReLU(), nn.ReLU(), nn.Conv2d(512, 8, 3))
    assert fared("G4", network, (3, 32, 32)) == (0, 0)


def test_g4_finds_the_same_in_an_onnx_file(tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    network = nn.Sequential(nn.Conv2d(3, 64, 3, padding=1), *(Inverted(64, 384, activation=nn.ReLU) for _ in range(2)))
    path = str(tmp_path / "net.onnx")
    logging.disable(logging.CRITICAL)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(network.eval(), (torch.zeros(1, 3, 14, 14),), path, dynamo=False)
    logging.disable(logging.NOTSET)
    model = audited(path)
    assert [finding.measured for finding in model.findings if finding.code == "G4"] == [19.5, 19.5]
    assert {finding.code for finding in model.findings} == {
        finding.code for finding in audited(network, (3, 14, 14)).findings
    }
