"""D5: a softmax at the network's end."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from function_networks import Forward
from rule_audits import asked
from torch import Tensor, nn
from torch.nn import functional as F


@pytest.mark.parametrize(
    ("layer", "name"), [(nn.Softmax(dim=1), "softmax"), (nn.LogSoftmax(dim=1), "log-softmax")], ids=repr
)
def test_a_softmax_behind_a_classifier_is_found(layer: nn.Module, name: str) -> None:
    ((finding,), checked) = asked("D5", nn.Sequential(nn.Linear(16, 10), layer), 16)
    assert (finding.module, finding.severity, finding.cost, checked.candidates) == ("1", "warning", 20, 1)
    assert finding.message == f"{name} over the network's output (1x10)"
    assert finding.measured is None


@pytest.mark.parametrize(
    "after",
    [
        lambda y: y.view(-1),
        lambda y: y.argmax(1),
        lambda y: torch.log(y),
        lambda y: (y * 100).round(),
        lambda y: {"classes": y.topk(3), "all": y},
        lambda y: torch.cat([y, y], 1),
        lambda y: y.clone().mul_(2.0),
        lambda y: y.mul_(2.0),
        lambda y: y * torch.tensor(2.0),
    ],
    ids=["viewed", "argmax", "log", "scaled", "several", "joined", "in place", "own place", "by a constant"],
)
def test_what_is_done_with_probabilities_does_not_hide_them(after: Callable[[Tensor], object]) -> None:
    network = Forward(lambda net, x: after(F.softmax(net.linear(x), 1)), linear=nn.Linear(16, 10))
    assert len(asked("D5", network, 16)[0]) == 1


def test_a_softmax_over_every_pixel_is_found() -> None:
    network = nn.Sequential(nn.Conv2d(3, 21, 1), nn.Softmax2d(), nn.Upsample(scale_factor=4))
    ((finding,), _) = asked("D5", network, 3, 8, 8)
    assert finding.message.endswith("(1x21x8x8)")


def attention(net: nn.Module, x: Tensor) -> Tensor:
    scores = net.query(x) @ x.transpose(1, 2)
    return F.softmax(scores, -1) @ x


def selective(net: nn.Module, x: Tensor) -> Tensor:
    """Branches weighted by a softmax over them, as in selective kernels; pooled to what is returned."""
    weights = F.softmax(net.query(x), 1)
    return (weights * x).sum(1)


def position(net: nn.Module, x: Tensor) -> Tensor:
    """The mean place of a heat map, as in pose estimation."""
    return (F.softmax(net.query(x), -1) * torch.arange(8.0)).sum(-1)


def with_weights(net: nn.Module, x: Tensor) -> tuple[Tensor, Tensor]:
    weights = F.softmax(net.query(x) @ x.transpose(1, 2), -1)
    return weights @ x, weights


@pytest.mark.parametrize("function", [attention, selective, position, with_weights])
def test_attention_is_exempt(function: Callable[..., object]) -> None:
    findings, checked = asked("D5", Forward(function, query=nn.Linear(8, 8)), 5, 8)
    assert (findings, checked.candidates) == ((), 1)


def test_the_module_of_torch_is_exempt_with_the_weights_that_it_returns() -> None:
    network = Forward(lambda net, x: net.attention(x, x, x), attention=nn.MultiheadAttention(8, 2, batch_first=True))
    assert asked("D5", network, 5, 8)[0] == ()


def test_a_softmax_that_feeds_a_later_layer_is_exempt() -> None:
    network = nn.Sequential(nn.Linear(16, 10), nn.Softmax(dim=1), nn.ReLU(), nn.Linear(10, 4))
    findings, checked = asked("D5", network, 16)
    assert (findings, checked.candidates) == ((), 1)


def test_a_softmax_that_nobody_reads_is_exempt() -> None:
    def function(net: nn.Module, x: Tensor) -> Tensor:
        scores = net.linear(x)
        F.softmax(scores, 1)
        return scores

    assert asked("D5", Forward(function, linear=nn.Linear(16, 10)), 16)[0] == ()


def test_the_catalogue_returns_scores() -> None:
    assert asked("D5", "squeezenet")[1].candidates == 0
