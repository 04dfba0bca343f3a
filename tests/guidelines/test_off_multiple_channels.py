"""D3: widths that the hardware's vectors do not divide."""

from __future__ import annotations

import pytest
import torch
from rule_audits import asked
from torch import Tensor, nn

from lwprof.results.audit import Form


def test_a_width_is_one_finding_at_the_first_layer_that_makes_it() -> None:
    network = nn.Sequential(
        nn.Conv2d(64, 60, 1), nn.ReLU(), nn.Conv2d(60, 60, 3, padding=1), nn.BatchNorm2d(60), nn.Conv2d(60, 64, 1)
    )
    ((finding,), checked) = asked("D3", network, 64, 14, 14)
    assert (finding.module, finding.severity, finding.fails) == ("0", "info", False)
    assert finding.message == "60 channels, made by 2 layers: no multiple of 8"
    assert (finding.measured, finding.threshold) == (pytest.approx(64 / 60), 1)
    first, second = 196 * (64 + 60) + 64 * 60 + 60, 196 * (60 + 60) + 9 * 60 * 60 + 60
    assert finding.cost == first + second
    assert checked.candidates == 1  # the last layer's is the network's output


def test_the_next_multiple_is_priced_and_is_not_said_to_do_the_same_work() -> None:
    network = nn.Sequential(nn.Conv2d(64, 60, 1, bias=False), nn.ReLU(), nn.Conv2d(60, 64, 1))
    ((finding,), _) = asked("D3", network, 64, 14, 14)
    other = finding.alternative
    assert other is not None
    assert other.after == Form("Conv2d", {"in_channels": 64, "out_channels": 64, "kernel_size": 1, "bias": 0},
                               (1, 64, 14, 14))  # fmt: skip
    assert (other.instead_of, other.mult_adds) == (196 * 64 * 60, 196 * 64 * 64)
    assert other.saves == -(196 * 4 + 4 * 64)
    assert finding.suggestion == "64 channels, or 56; the wider layer has 1.07 times the mult-adds, not the same"


def test_what_the_layer_reads_is_rounded_up_as_well_but_for_the_network_input() -> None:
    network = nn.Sequential(nn.Conv2d(3, 12, 3), nn.Conv2d(12, 20, 3), nn.Conv2d(20, 8, 1))
    findings, _ = asked("D3", network, 3, 14, 14)
    assert {f.module: f.alternative.text for f in findings if f.alternative} == {
        "0": "nn.Conv2d(3, 16, 3)",
        "1": "nn.Conv2d(16, 24, 3)",
    }


def test_another_multiple_can_be_asked_for() -> None:
    network = nn.Sequential(nn.Conv2d(16, 24, 1), nn.Conv2d(24, 20, 1), nn.Conv2d(20, 16, 1))
    assert [f.module for f in asked("D3", network, 16, 8, 8)[0]] == ["1"]
    assert {f.module for f in asked("D3", network, 16, 8, 8, thresholds={"multiple": 16})[0]} == {"0", "1"}
    assert asked("D3", network, 16, 8, 8, thresholds={"multiple": 4})[0] == ()
    ((finding,), _) = asked("D3", nn.Sequential(nn.Conv2d(3, 4, 1), nn.Conv2d(4, 8, 1)), 3, 8, 8)
    assert finding.suggestion.startswith("8 channels; ")  # there is no multiple below


def test_linear_layers_have_widths_too() -> None:
    network = nn.Sequential(nn.Linear(32, 50), nn.ReLU(), nn.Linear(50, 30, bias=False), nn.Linear(30, 10))
    findings, checked = asked("D3", network, 32)
    assert [finding.module for finding in findings] == ["0", "2"]
    first, second = (finding.alternative for finding in findings)
    assert first is not None
    assert second is not None
    assert (first.text, second.text) == ("nn.Linear(32, 56)", "nn.Linear(56, 32, bias=False)")
    assert (first.instead_of, first.mult_adds, first.saves) == (32 * 50, 32 * 56, -(6 + 6 * 32))
    assert second.before == Form("Linear", {"in_features": 50, "out_features": 30, "bias": 0}, (1, 50))
    assert checked.candidates == 2


class Classes(nn.Module):
    """Scores for 21 classes, and what is done with them."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.body, self.scores, self.kind = nn.Conv2d(3, 16, 3), nn.Conv2d(16, 21, 1), kind

    def forward(self, x: Tensor) -> Tensor:
        scores = self.scores(self.body(x))
        if self.kind == "upsampled":
            return nn.functional.interpolate(scores, scale_factor=8)
        if self.kind == "pooled":
            return scores.relu().mean((2, 3)).softmax(1)
        return scores.permute(0, 2, 3, 1).reshape(x.shape[0], -1, 21)


@pytest.mark.parametrize("kind", ["upsampled", "pooled", "reshaped"])
def test_the_number_of_classes_and_the_channels_of_the_input_are_exempt(kind: str) -> None:
    findings, checked = asked("D3", Classes(kind), 3, 16, 16)
    assert (findings, checked.candidates) == ((), 1)


def test_depthwise_convolutions_pass_a_width_on_and_multipliers_make_one() -> None:
    body = nn.Sequential(nn.Conv2d(3, 6, 3, groups=3), nn.Conv2d(6, 6, 3, groups=6), nn.Conv2d(6, 8, 1))
    ((finding,), checked) = asked("D3", body, 3, 16, 16)
    assert (finding.module, finding.message, checked.candidates) == (
        "0",
        "6 channels, made by 1 layer: no multiple of 8",
        1,
    )
    assert finding.alternative is None
    passed = nn.Sequential(nn.Conv2d(12, 12, 3, groups=12), nn.Conv2d(12, 8, 1))
    assert asked("D3", passed, 12, 16, 16)[1].candidates == 0


def test_a_mask_of_one_channel_is_exempt() -> None:
    class Masked(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.mask, self.last = nn.Conv2d(2, 1, 7, padding=3), nn.Conv2d(16, 8, 1)

        def forward(self, x: Tensor) -> Tensor:
            both = torch.cat([x.mean(1, keepdim=True), x.amax(1, keepdim=True)], 1)
            return self.last(x * self.mask(both).sigmoid())

    assert asked("D3", Masked(), 16, 8, 8)[1].candidates == 0


def test_groups_go_on_dividing_the_channels() -> None:
    network = nn.Sequential(nn.Conv2d(24, 36, 1, groups=3), nn.Conv2d(36, 24, 1))
    ((finding,), _) = asked("D3", network, 24, 8, 8)
    assert finding.alternative is not None
    assert finding.alternative.text == "nn.Conv2d(24, 48, 1, groups=3)"


def test_widths_of_other_ranks_and_of_transposed_convolutions_are_seen() -> None:
    network = nn.Sequential(nn.Conv1d(8, 12, 3), nn.ConvTranspose1d(12, 20, 2), nn.Conv1d(20, 8, 1))
    findings, _ = asked("D3", network, 8, 16)
    assert {finding.module: finding.message.split(",")[0] for finding in findings} == {
        "0": "12 channels",
        "1": "20 channels",
    }
    assert {finding.module: finding.alternative is None for finding in findings} == {"0": False, "1": True}


@pytest.mark.slow
def test_shufflenetv2_has_two_stages_and_a_branch_off_the_multiple() -> None:
    findings, _ = asked("D3", "shufflenetv2")
    assert {finding.message.split(",")[0] for finding in findings} == {"58 channels", "92 channels", "116 channels"}
    assert asked("D3", "mbv2")[0] == ()
