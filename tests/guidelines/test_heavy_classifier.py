"""D8: the share of the parameters that the classifier holds."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import lwprof
from lwprof.auditing import Policy
from lwprof.results.audit import AuditedModel

ALONE = Policy(select=("D8",))


def audited(network: nn.Module | str, size: tuple[int, ...] | None = None, policy: Policy = ALONE) -> AuditedModel:
    """One network by this rule alone."""
    (model,) = lwprof.audit(network, policy=policy, input_size=size).models
    assert not model.failure
    return model


def share(network: nn.Module, size: tuple[int, ...]) -> float | None:
    """What was measured; ``None`` where there is no classifier."""
    return audited(network, size).checked[0].worst


def pooled(*head: nn.Module) -> nn.Sequential:
    """A convolution of 64 parameters, a global pooling and a head."""
    return nn.Sequential(nn.Conv2d(8, 8, 1, bias=False), nn.AdaptiveAvgPool2d(1), nn.Flatten(), *head)


def test_the_share_counts_weights_and_biases_of_every_layer_after_the_last_map() -> None:
    model = audited(pooled(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4)), (8, 7, 7))
    (finding,) = model.findings
    assert finding.measured == round((8 * 16 + 16 + 16 * 4 + 4) / (64 + 212), 9)
    assert finding.message == "the classifier (2 layers) holds 77% of the parameters: 212 of 276"
    assert (finding.module, finding.severity, finding.threshold) == ("3", "info", 0.5)
    assert finding.cost == (8 + 144 + 16) + (16 + 68 + 4)
    assert finding.suggestion == "a single linear layer after the pooling"


def test_a_convolution_on_one_pixel_is_a_classifier_too() -> None:
    network = nn.Sequential(nn.Conv2d(8, 8, 1, bias=False), nn.AdaptiveAvgPool2d(1), nn.Conv2d(8, 24, 1), nn.Flatten())
    (finding,) = audited(network, (8, 7, 7)).findings
    assert finding.measured == round(216 / 280, 9)
    assert finding.suggestion == "at most 2 features instead of 8 before it"


@pytest.mark.slow
def test_the_suggested_features_bring_the_classifier_down_to_the_threshold() -> None:
    (finding,) = audited("shufflenetv1").findings
    assert finding.message.endswith("961,000 of 1,865,728")
    assert finding.suggestion == "at most 896 features instead of 960 before it"


def test_half_of_the_parameters_is_not_more_than_half() -> None:
    assert not audited(pooled(nn.Linear(8, 8, bias=False)), (8, 7, 7)).findings
    assert audited(pooled(nn.Linear(8, 8)), (8, 7, 7)).findings


def test_a_map_that_is_flattened_into_the_classifier_is_named() -> None:
    network = nn.Sequential(nn.Conv2d(8, 8, 1), nn.Flatten(), nn.Dropout(), nn.Linear(8 * 49, 4))
    (finding,) = audited(network, (8, 7, 7)).findings
    assert finding.suggestion == "average each map before it: 8 features instead of 392"


@pytest.mark.parametrize(
    ("name", "percent", "found"),
    [
        ("mbv1", 24, False),  # the paper's Table 2
        ("shufflenetv2:width=0.5", 75, True),
        ("mbv3_small", 64, True),
        ("shufflenetv2", 45, False),
    ],
)
def test_known_networks(name: str, percent: int, found: bool) -> None:
    model = audited(name)
    worst = model.checked[0].worst
    assert worst is not None
    assert round(100 * worst) == percent
    assert bool(model.findings) == found


def test_squeezenet_has_no_classifier() -> None:
    assert audited("squeezenet").checked[0].candidates == 0


def test_a_network_without_maps_is_exempt() -> None:
    assert share(nn.Sequential(nn.Linear(8, 64), nn.ReLU(), nn.Linear(64, 4)), (8,)) is None


class Excited(nn.Module):
    """Squeeze-and-excitation as the last thing before the pooling."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(8, 8, 1, bias=False)
        self.squeeze = nn.Linear(8, 64)
        self.excite = nn.Linear(64, 8)
        self.classifier = nn.Linear(8, 2, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.conv(x)
        x = x * self.excite(self.squeeze(x.mean((2, 3))))[:, :, None, None]
        return self.classifier(x.mean((2, 3)))


def test_squeeze_and_excitation_is_no_classifier() -> None:
    assert share(Excited(), (8, 7, 7)) == round(16 / (64 + 576 + 520 + 16), 9)


def test_weights_that_an_embedding_shares_are_not_the_classifiers() -> None:
    class Tied(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.mix = nn.Linear(8, 8, bias=False)
            self.out = nn.Linear(8, 100)
            self.embedding = nn.Embedding(100, 8)
            self.embedding.weight = self.out.weight

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            tokens = self.embedding(x.argmax(-1))
            return self.out(self.mix(tokens)[:, -1])

    assert share(Tied(), (5, 100)) == round(100 / (64 + 800 + 100), 9)  # the bias


def test_a_layer_that_runs_twice_is_counted_once() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(8, 8, 1, bias=False)
            self.linear = nn.Linear(8, 8, bias=False)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.linear(self.linear(self.conv(x).mean((2, 3))))

    assert share(Twice(), (8, 7, 7)) == 0.5


def test_a_network_that_returns_a_map_has_no_classifier() -> None:
    assert share(nn.Sequential(nn.Conv2d(8, 8, 1), nn.Conv2d(8, 8, 3)), (8, 7, 7)) is None


def test_another_threshold() -> None:
    policy = Policy(select=("D8",), thresholds={"D8": {"share": 0.2}})
    (finding,) = audited("mbv1", policy=policy).findings
    assert finding.threshold == 0.2
