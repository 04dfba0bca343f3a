"""Layers that are handed to the recorder directly give the graph that torch's own way gives."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from lwprof.capture import capture
from lwprof.capture.leaves import leaf_of
from lwprof.errors import InputError
from lwprof.graph import OpGraph

X = torch.rand(1, 4, 6, 6, generator=torch.Generator().manual_seed(0))


def graph_of(module: nn.Module) -> OpGraph:
    """The graph of a meta run, after a look that a real run has the same."""
    meta, real = capture(module, (X,)), capture(module, (X,), real=True)
    assert not meta.input_dependent
    assert meta.operators == real.operators
    assert meta.calls == real.calls
    assert meta.values == real.values
    return meta


def names(module: nn.Module) -> list[str]:
    return [operator.name.removeprefix("aten::") for operator in graph_of(module).operators]


LAYERS = [
    nn.Conv2d(4, 4, 1),
    nn.Conv2d(4, 4, 1, bias=False),
    nn.Conv2d(4, 4, 3, stride=2, bias=False),
    nn.Conv2d(4, 4, 3, padding=(1, 0)),
    nn.Conv2d(4, 4, 3, dilation=2, groups=2),
    nn.Conv2d(4, 4, 3, padding="same"),
    nn.Conv2d(4, 4, 3, padding=1, padding_mode="circular"),
    nn.BatchNorm2d(4),
    nn.BatchNorm2d(4, affine=False, eps=1e-3),
    nn.BatchNorm2d(4, momentum=None),
    nn.BatchNorm2d(4, track_running_stats=False),
    nn.ReLU(),
    nn.ReLU6(),
    nn.ReLU6(inplace=True),
]


@pytest.mark.parametrize("layer", LAYERS, ids=str)
def test_a_layer_gives_the_operators_of_torch(layer: nn.Module) -> None:
    graph_of(nn.Sequential(layer))


def test_plain_layers_are_known() -> None:
    assert all(leaf_of(layer) for layer in LAYERS)
    assert leaf_of(nn.Linear(4, 4)) is None


class Doubled(nn.Conv2d):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return 2 * super().forward(x)


def hooked(before: bool) -> nn.Module:
    layer = nn.Conv2d(4, 4, 1)
    if before:
        layer.register_forward_pre_hook(lambda _layer, args: (args[0].sin(),))
    else:
        layer.register_forward_hook(lambda _layer, _args, out: out.cos())
    return layer


def with_own_forward() -> nn.Module:
    layer = nn.ReLU()
    layer.forward = lambda x: x.tanh()
    return layer


def with_another_stride() -> nn.Module:
    layer = nn.Conv2d(4, 4, 3)
    layer.stride = 2  # torch takes a number here as well
    return layer


def with_a_computed_weight() -> nn.Module:
    layer = nn.Conv2d(4, 4, 1)
    stored = layer.weight
    del layer.weight
    layer.stored, layer.weight = stored, stored * 2
    return layer


@pytest.mark.parametrize(("make", "expected"), [
    (lambda: Doubled(4, 4, 1), ["conv2d", "mul"]),
    (lambda: hooked(before=True), ["sin", "conv2d"]),
    (lambda: hooked(before=False), ["conv2d", "cos"]),
    (with_own_forward, ["tanh"]),
    (with_another_stride, ["conv2d"]),
    (with_a_computed_weight, ["conv2d"]),
])  # fmt: skip
def test_a_layer_that_was_changed_runs_as_it_is_now(make: Callable[[], nn.Module], expected: list[str]) -> None:
    assert names(nn.Sequential(make())) == expected


def test_a_hook_for_all_modules_is_heard() -> None:
    heard = []
    handle = nn.modules.module.register_module_forward_hook(lambda layer, _args, _out: heard.append(type(layer)))
    try:
        capture(nn.Sequential(nn.ReLU()), (X,))
    finally:
        handle.remove()
    assert heard == [nn.ReLU, nn.Sequential]


def test_a_replaced_forward_of_the_class_is_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nn.ReLU, "forward", lambda _layer, x: F.gelu(x))
    assert names(nn.Sequential(nn.ReLU())) == ["gelu"]


def test_autocast_inside_a_network_is_seen() -> None:
    class Mixed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Conv2d(4, 4, 1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            with torch.autocast("cpu", torch.bfloat16):
                return self.layer(x)

    assert capture(Mixed(), (X,)).outputs[0].dtype == "bfloat16"


class Seen(TorchFunctionMode):
    def __torch_function__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        return result.neg() if func is F.conv2d or func is torch.conv2d else result


class Dispatched(TorchDispatchMode):
    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        return result.neg() if func is torch.ops.aten.conv2d.default else result


@pytest.mark.parametrize("mode", [Seen, Dispatched])
def test_a_mode_inside_a_network_is_obeyed(mode: type) -> None:
    class Inside(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Conv2d(4, 4, 1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            with mode():
                return self.layer(x)

    assert names(Inside()) == ["conv2d", "neg"]


def test_a_layer_that_gets_what_it_cannot_take_is_refused_in_the_words_of_torch() -> None:
    with pytest.raises(InputError, match="expected 4D input"):
        capture(nn.Sequential(nn.BatchNorm2d(4)), (X[0],))
