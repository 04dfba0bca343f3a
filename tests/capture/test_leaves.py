"""Layers that are handed to the recorder directly give the graph that torch's own way gives."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator

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


class Acting(nn.Module):
    """Does ``act`` with layers that get the result of another."""

    def __init__(self, act: Callable[[nn.Module, torch.Tensor], torch.Tensor], *layers: nn.Module) -> None:
        super().__init__()
        self.act, self.first, self.layers = act, nn.Conv2d(4, 4, 1), nn.Sequential(*layers)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.act(self, self.first(x))


SHARED = nn.ReLU(inplace=True)


@pytest.mark.parametrize(("layers", "expected"), [
    ([nn.ReLU6(inplace=True), nn.Conv2d(4, 4, 1)], ["hardtanh_", "conv2d"]),
    ([nn.ReLU(inplace=True), nn.ReLU6(inplace=True)], ["relu_", "hardtanh_"]),
    ([nn.Conv2d(4, 4, 1), nn.ReLU(inplace=True), nn.Tanh(), nn.ReLU()], ["conv2d", "relu_", "tanh", "relu"]),
    ([nn.Sequential(nn.Conv2d(4, 4, 1), SHARED), SHARED, SHARED], ["conv2d", "relu_", "relu_", "relu_"]),
    ([nn.Identity(), nn.Sequential()], []),
])  # fmt: skip
def test_a_series_writes_to_what_it_was_given(layers: list[nn.Module], expected: list[str]) -> None:
    def twice(m: nn.Module, x: torch.Tensor) -> torch.Tensor:
        return m.layers(m.layers(x)) + x

    assert names(Acting(twice, *layers)) == ["conv2d", *expected, *expected, "add"]


class Backwards(nn.Sequential):
    def __iter__(self) -> Iterator[nn.Module]:
        return reversed(list(self._modules.values()))


class Shifted(nn.Sequential):
    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        return super().__call__(x) + 1


class Squared(nn.Sequential):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x) ** 2


@pytest.mark.parametrize(("kind", "expected"), [
    (Backwards, ["relu", "conv2d"]),
    (Shifted, ["conv2d", "relu", "add"]),
    (Squared, ["conv2d", "relu", "pow"]),
])  # fmt: skip
def test_a_series_of_another_kind_runs_as_it_says(kind: type[nn.Sequential], expected: list[str]) -> None:
    assert names(kind(nn.Conv2d(4, 4, 1), nn.ReLU())) == expected


def shorter_and_longer(m, x):
    del m.layers[0]
    m.layers.append(nn.ReLU6())


def other_table(m, x):
    m.layers._modules = {"0": nn.ReLU6()}


def hooked_series(m, x):
    m.layers.register_forward_hook(lambda _layer, _args, out: out.cos())


def hooked_layer(m, x):
    m.layers[1].register_forward_pre_hook(lambda _layer, args: (args[0].sin(),))


def own_forward_of_series(m, x):
    m.layers.forward = torch.tanh


def own_forward_of_layer(m, x):
    m.layers[1].forward = torch.tanh


def another_class_of_series(m, x):
    m.layers.__class__ = Backwards


def another_class_of_layer(m, x):
    m.layers[1].__class__ = nn.Sigmoid


def copied_series(m, x):
    m.layers = copy.deepcopy(m.layers)


def copied_layer(m, x):
    m.layers[1] = copy.deepcopy(m.layers[1])


@pytest.mark.parametrize(("change", "expected"), [
    (shorter_and_longer, ["relu", "hardtanh"]),
    (other_table, ["hardtanh"]),
    (hooked_series, ["hardtanh", "relu", "cos"]),
    (hooked_layer, ["hardtanh", "sin", "relu"]),
    (own_forward_of_series, ["tanh"]),
    (own_forward_of_layer, ["hardtanh", "tanh"]),
    (another_class_of_series, ["relu", "hardtanh"]),
    (another_class_of_layer, ["hardtanh", "sigmoid"]),
    (copied_series, ["hardtanh", "relu"]),
    (copied_layer, ["hardtanh", "relu"]),
])  # fmt: skip
def test_layers_that_the_forward_changes_run_as_they_are_then(change: Callable, expected: list[str]) -> None:
    def act(m: nn.Module, x: torch.Tensor) -> torch.Tensor:
        change(m, x)
        return m.layers(x)

    assert names(Acting(act, nn.ReLU6(), nn.ReLU())) == ["conv2d", *expected]


def test_a_layer_that_another_one_changes_runs_as_it_is_then() -> None:
    class Changing(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            self.owner[0][2].register_forward_hook(lambda _layer, _args, out: out.cos())
            return x

    module = nn.Sequential(nn.Conv2d(4, 4, 1), Changing(), nn.ReLU())
    module[1].owner = (module,)
    assert names(module) == ["conv2d", "relu", "cos"]


def test_a_capture_inside_a_capture_gives_what_it_gives_alone() -> None:
    inside: list[OpGraph] = []

    def act(m: nn.Module, x: torch.Tensor) -> torch.Tensor:
        inside.append(capture(m.layers, (X,)))
        return m.layers(x)

    module = Acting(act, nn.Conv2d(4, 4, 1), nn.ReLU())
    graph_of(module)
    alone = capture(module.layers, (X,))
    assert [graph.operators for graph in inside] == [alone.operators] * 2
    assert [graph.calls for graph in inside] == [alone.calls] * 2


def test_layers_that_are_compiled_in_place_report_their_calls() -> None:
    module = nn.Sequential(nn.Conv2d(4, 4, 1), nn.Sequential(nn.ReLU(), nn.Conv2d(4, 4, 1)), nn.ReLU())
    expected = graph_of(module)
    for part in module.modules():
        part.compile()
    assert graph_of(module) == expected
