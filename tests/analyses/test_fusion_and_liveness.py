"""Fused operators and live activations of small networks, worked by hand."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from function_networks import Calling
from torch import nn

import lwprof
from lwprof import analyses
from lwprof.analyses.fusion import fused_groups
from lwprof.capture import capture


def groups(module: nn.Module, *size: int) -> list[str]:
    graph = capture(module, (torch.empty(1, *size),))
    return [
        "+".join(operator.name.removeprefix("aten::").rstrip("_") for operator in group.members)
        for group in fused_groups(graph, analyses.costed(graph))
    ]


CONV, BN = nn.Conv2d(4, 4, 1, bias=False), nn.BatchNorm2d(4)
SIZE = (4, 2, 2)  # 16 elements


@pytest.mark.parametrize(
    "activation", [nn.ReLU, nn.ReLU6, nn.Hardswish, nn.Hardsigmoid, nn.Sigmoid, nn.SiLU], ids=lambda c: c.__name__
)
def test_conv_bn_activation_is_one_operator(activation) -> None:
    for made in (activation(), activation(inplace=True)) if activation is not nn.Sigmoid else (activation(),):
        assert len(groups(nn.Sequential(CONV, BN, made), *SIZE)) == 1
        assert len(groups(nn.Sequential(nn.Linear(4, 4), made), 4)) == 1
    memory = lwprof.profile(nn.Sequential(CONV, BN, activation()), input_size=SIZE).totals.memory_access
    assert memory.fused_elements == 16 + 16 + 16 + 4  # the batch norm leaves one bias a channel
    biased = nn.Sequential(nn.Conv2d(4, 4, 1), BN, activation())
    assert lwprof.profile(biased, input_size=SIZE).totals.memory_access.fused_elements == 16 + 16 + 16 + 4


# fmt: off
GROUPS = {
    # name: (module, groups)
    "not on the list":     (nn.Sequential(CONV, nn.Tanh()), ["conv2d", "tanh"]),
    "gelu":                (nn.Sequential(CONV, BN, nn.GELU()), ["conv2d+batch_norm", "gelu"]),
    "two activations":     (nn.Sequential(CONV, nn.ReLU(), nn.Sigmoid()), ["conv2d+relu", "sigmoid"]),
    "bn first":            (nn.Sequential(BN, nn.ReLU(), CONV), ["batch_norm+relu", "conv2d"]),
    "norm of the batch":   (nn.Sequential(CONV, nn.BatchNorm2d(4, track_running_stats=False), nn.ReLU()),
                            ["conv2d", "batch_norm+relu"]),
    "addition stays":      (Calling(lambda conv, x: F.relu(conv(x) + x), CONV), ["conv2d", "add+relu"]),
    "read twice":          (Calling(lambda conv, x: (y := conv(x)) + y.relu(), CONV), ["conv2d", "relu", "add"]),
    "returned too":        (Calling(lambda conv, x: ((y := conv(x)), y.relu()), CONV), ["conv2d", "relu"]),
    "gate":                (Calling(lambda conv, x: x * conv(x).sigmoid(), CONV), ["conv2d+sigmoid", "mul"]),
    "gate, activated":     (Calling(lambda conv, x: (x * conv(x)).relu(), CONV), ["conv2d", "mul+relu"]),
    "through a view":      (Calling(lambda conv, x: conv(x).view(1, 16).relu(), CONV), ["conv2d", "relu"]),
    "cat and shuffle":     (Calling(lambda x: torch.cat([x, x], 1).view(1, 2, 4, 2, 2).transpose(1, 2)
                                    .reshape(1, 8, 2, 2).chunk(2, 1)), ["cat+clone"]),
    "cat after shuffle":   (Calling(lambda x: torch.cat([F.channel_shuffle(x, 2), x], 1).clone().relu()),
                            ["channel_shuffle", "cat+clone", "relu"]),
    "layer norm":          (nn.Sequential(CONV, nn.LayerNorm([4, 2, 2])), ["conv2d", "layer_norm"]),
}
# fmt: on


@pytest.mark.parametrize("name", GROUPS)
def test_what_joins_and_what_does_not(name: str) -> None:
    module, expected = GROUPS[name]
    assert groups(module, *SIZE) == expected


def test_a_batch_norm_after_a_linear_layer_folds_only_over_its_features() -> None:
    assert groups(nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3)), 4) == ["linear+batch_norm"]
    assert groups(nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(5)), 5, 4) == ["linear", "batch_norm"]


def test_a_residual_addition_costs_the_same_in_place() -> None:
    def plain(conv, x):
        return x + conv(x)

    def in_place(conv, x):
        x = x.relu()
        x += conv(x)
        return x

    def not_in_place(conv, x):
        x = x.relu()
        return x + conv(x)

    memory = [
        lwprof.profile(Calling(f, CONV), input_size=SIZE).totals.memory_access for f in (plain, in_place, not_in_place)
    ]
    assert memory[1] == memory[2]
    assert memory[0].fused_elements == 3 * 16 + 3 * 16  # conv, then three maps for the addition


def test_shuffled_cat_reads_once_and_writes_once() -> None:
    module = Calling(GROUPS["cat and shuffle"][0].function)
    memory = lwprof.profile(module, input_size=SIZE).totals.memory_access
    assert (memory.eager_elements, memory.fused_elements) == (4 * 32, 2 * 32)


def peaks(module: nn.Module, *size: int) -> tuple[int, int]:
    totals = lwprof.profile(module, input_size=size).totals
    return totals.peak_activation_bytes // 4, totals.fused_peak_activation_bytes // 4


# In elements; a map has 16.
# fmt: off
PEAKS = {
    # name: (module, as it stands, fused)
    "conv":                 (CONV, 32, 32),
    "chain":                (nn.Sequential(CONV, CONV, CONV), 32, 32),
    "conv bn relu":         (nn.Sequential(CONV, BN, nn.ReLU()), 32, 32),
    "in place":             (nn.Sequential(CONV, nn.ReLU(inplace=True)), 32, 32),
    "in place on input":    (nn.ReLU(inplace=True), 16, 16),
    "shortcut":             (Calling(lambda conv, x: x + conv(conv(x)), CONV), 48, 48),
    "shortcut of a view":   (Calling(lambda conv, x: x[:, :4] + conv(conv(x)), CONV), 48, 48),
    "input needed late":    (Calling(lambda conv, x: torch.cat([conv(conv(conv(x))), x], 1), CONV), 64, 64),
    "output kept":          (Calling(lambda conv, x: ((y := conv(x)), conv(conv(y))), CONV), 48, 48),
    "weights do not count": (Calling(lambda linear, x: x.view(4, 4) @ linear.weight.t(), nn.Linear(4, 4)), 32, 32),
    "nor do their views":   (Calling(lambda linear, x: x + linear.weight.t()[:2, :2], nn.Linear(4, 4)), 32, 32),
    "split":                (Calling(lambda x: sum(part.relu() for part in x.chunk(2, 1))), 32, 32),
    "nothing happens":      (nn.Identity(), 0, 0),
}
# fmt: on


@pytest.mark.parametrize("name", PEAKS)
def test_peak_activations(name: str) -> None:
    module, *expected = PEAKS[name]
    assert peaks(module, *SIZE) == tuple(expected)
