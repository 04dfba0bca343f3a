"""D2: stems that take more mult-adds than the first block."""

from __future__ import annotations

import pytest
from rule_audits import asked
from torch import Tensor, nn

from lwprof.results.audit import Form


class Separable(nn.Sequential):
    """A depthwise and a 1x1 convolution."""

    def __init__(self, channels: int, out: int, rank: int = 2) -> None:
        kind = (nn.Conv1d, nn.Conv2d, nn.Conv3d)[rank - 1]
        super().__init__(kind(channels, channels, 3, 1, 1, groups=channels), kind(channels, out, 1))


class Block(nn.Module):
    """The same as a block of its own."""

    def __init__(self, channels: int, out: int, rank: int = 2) -> None:
        super().__init__()
        self.body = Separable(channels, out, rank)

    def forward(self, x: object) -> object:
        return self.body(x)


@pytest.mark.slow
def test_the_stem_of_mobilenetv2_takes_more_than_its_first_block() -> None:
    ((finding,), checked) = asked("D2", "mbv2")
    assert (finding.module, finding.severity, finding.fails, checked.candidates) == ("stem.conv", "info", False, 1)
    assert finding.message == "10,838,016 mult-adds in the stem, 10,035,200 in the block after it (blocks.0)"
    assert finding.measured == pytest.approx(10_838_016 / 10_035_200)
    assert finding.cost == 3 * 224**2 + 27 * 32 + 32 * 112**2
    other = finding.alternative
    assert other is not None
    assert other.text == "nn.Conv2d(3, 16, 3, stride=2, padding=1, bias=False)"
    assert (other.mult_adds, other.instead_of) == (5_419_008, 10_838_016)
    assert other.saves == 27 * 16 + 16 * 112**2
    assert other.after == Form(
        "Conv2d",
        {"in_channels": 3, "out_channels": 16, "kernel_size": 3, "stride": 2, "padding": 1, "bias": 0},
        (1, 3, 224, 224),
    )


@pytest.mark.slow
def test_a_stem_of_few_filters_gets_no_fewer() -> None:
    ((finding,), _) = asked("D2", "mbv3_large")
    assert finding.alternative is None
    assert finding.suggestion.startswith("its filters are few already")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mbv1", "shufflenetv2", "xception"])
def test_a_stem_that_takes_less_is_looked_at_and_is_fine(name: str) -> None:
    findings, checked = asked("D2", name)
    assert (findings, checked.candidates) == ((), 1)
    assert checked.worst is not None
    assert checked.worst < 1


def test_all_dense_convolutions_of_the_stem_count_and_the_costliest_is_named() -> None:
    stem = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 16, 3, padding=1))
    network = nn.Sequential(stem, Block(16, 16), Block(16, 16))
    ((finding,), _) = asked("D2", network, 3, 8, 8)
    assert finding.module == "0.1"
    assert finding.message.startswith("87,552 mult-adds in the stem's 2 dense convolutions")  # 64 · (27·8 + 72·16)
    assert finding.measured == pytest.approx((27 * 8 + 72 * 16) / (9 * 16 + 16 * 16))


def test_a_stem_that_costs_just_as_much_as_the_block_is_fine() -> None:
    # 27·16 = 432 mult-adds a pixel; 9·16 + 16·18 = 432
    network = nn.Sequential(nn.Conv2d(3, 16, 3, padding=1), Block(16, 18), Block(18, 18))
    findings, checked = asked("D2", network, 3, 8, 8)
    assert (findings, checked.worst) == ((), 1)
    assert len(asked("D2", network, 3, 8, 8, thresholds={"ratio": 0.5})[0]) == 1


def test_networks_without_blocks_are_exempt() -> None:
    chain = nn.Sequential(nn.Conv2d(3, 64, 7), nn.ReLU(), nn.Conv2d(64, 8, 3))
    assert asked("D2", chain, 3, 32, 32)[1].candidates == 0


@pytest.mark.slow
def test_a_first_block_that_is_the_stem_is_exempt() -> None:
    assert asked("D2", "effnet")[1].candidates == 0


def test_depthwise_and_1x1_convolutions_are_no_dense_stem() -> None:
    network = nn.Sequential(nn.Conv2d(3, 96, 1), nn.Conv2d(96, 96, 5, groups=96), Block(96, 4), Block(4, 4))
    assert asked("D2", network, 3, 32, 32)[1].candidates == 0


def test_an_adder_layer_counts_as_the_convolution_in_its_place() -> None:
    ((_), checked) = asked("D2", "addernet_resnet20")
    assert checked.worst == pytest.approx(27 * 16 / (2 * 144 * 16))  # per pixel: stem, and two adder layers


def test_blocks_without_mult_adds_are_exempt() -> None:
    class Pools(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = nn.MaxPool2d(3, 1, 1), nn.AvgPool2d(3, 1, 1)

        def forward(self, x: object) -> object:
            return self.second(self.first(x))

    assert asked("D2", nn.Sequential(nn.Conv2d(3, 8, 3), Pools(), Pools()), 3, 16, 16)[1].candidates == 0


class Gate(nn.Module):
    """Squeeze-and-excite."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.squeeze, self.excite = nn.Conv2d(channels, 4, 1), nn.Conv2d(4, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        return x * self.excite(self.squeeze(x.mean((2, 3), keepdim=True)))


def test_a_gate_that_is_taken_for_a_block_is_no_first_block() -> None:
    network = nn.Sequential(nn.Conv2d(3, 16, 3), Gate(16), Block(16, 16), Gate(16), Block(16, 16))
    ((_), checked) = asked("D2", network, 3, 16, 16)
    assert checked.worst == pytest.approx(27 * 16 / (9 * 16 + 16 * 16))


@pytest.mark.parametrize("rank", [1, 3])
def test_stems_of_other_ranks_are_seen(rank: int) -> None:
    kind = (nn.Conv1d, nn.Conv2d, nn.Conv3d)[rank - 1]
    network = nn.Sequential(kind(3, 64, 5), Block(64, 2, rank), Block(2, 2, rank))
    ((finding,), _) = asked("D2", network, 3, *[12] * rank)
    assert finding.alternative is not None
    assert finding.alternative.text == f"nn.Conv{rank}d(3, 32, 5)"
