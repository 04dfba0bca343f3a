"""Who called whom: module paths, odd structures, odd inputs and outputs."""

from __future__ import annotations

import dataclasses
from collections import OrderedDict, defaultdict
from typing import NamedTuple

import pytest
import torch
from function_networks import Forward
from torch import nn

import lwprof
from lwprof.capture import capture

X = torch.rand(1, 8, 6, 6, generator=torch.Generator().manual_seed(0))


class Pair(NamedTuple):
    """An output of two."""

    first: torch.Tensor
    second: torch.Tensor


@dataclasses.dataclass
class Output:
    """An output of two, the second of several."""

    scores: torch.Tensor
    maps: list[torch.Tensor]


def test_operators_belong_to_the_module_that_ran_them() -> None:
    body = nn.Sequential(nn.Conv2d(8, 8, 1), nn.ReLU())
    graph = capture(Forward(lambda m, x: m.body(x) + m.body[0].forward(x), body=body), (X,))
    calls = [(op.name, graph.calls[op.call].module) for op in graph.operators]
    assert calls == [("aten::conv2d", "body.0"), ("aten::relu", "body.1"), ("aten::conv2d", ""), ("aten::add", "")]
    assert [(call.module, call.parent, call.start, call.stop) for call in graph.calls] == [
        ("", -1, 0, 4), ("body", 0, 0, 2), ("body.0", 1, 0, 1), ("body.1", 1, 1, 2),
    ]  # fmt: skip
    assert (graph.calls[2].inputs, graph.calls[2].outputs) == (((1, 8, 6, 6),), ((1, 8, 6, 6),))


def test_layers_show_shapes_and_their_own_cost() -> None:
    network = nn.Sequential(OrderedDict(conv=nn.Conv2d(8, 4, 3), relu=nn.ReLU(), unused=nn.Identity()))
    layers = {layer.name: layer for layer in lwprof.profile(network, inputs=(X,)).layers}
    assert list(layers) == ["", "conv", "relu", "unused"]
    assert (layers["conv"].params, layers["conv"].mult_adds, layers["conv"].eager_elements) == (292, 4608, 644)
    assert (layers["conv"].input_shapes, layers["conv"].output_shapes) == (((1, 8, 6, 6),), ((1, 4, 4, 4),))
    assert (layers[""].params, layers[""].mult_adds, layers["relu"].eager_elements) == (0, 0, 128)


class Recursive(nn.Module):
    """Calls itself three times, and holds itself in a list."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(8, 8, 1)
        self.itself = [self]

    def forward(self, x, depth=3):
        x = self.conv(x)
        return self.itself[0](x, depth - 1) if depth > 1 else x


class Cyclic(nn.Module):
    """Is registered as a module of its own module."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(8, 8, 1)
        self.child = nn.Module()
        self.child.parent = self

    def forward(self, x):
        return self.conv(x)


class Odd(nn.Module):
    """A property that raises, slots, and a call of its own."""

    __slots__ = ("slot",)

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.slot = nn.Conv2d(8, 8, 1), 1

    @property
    def broken(self):
        raise RuntimeError("not now")

    def __call__(self, x):
        return super().__call__(x) + 1

    def forward(self, x):
        return self.conv(x)


class Nested(nn.Module):
    """One layer inside another, deep."""

    def __init__(self, depth: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(8, 8, 1)
        self.inner = Nested(depth - 1) if depth > 1 else nn.Identity()

    def forward(self, x):
        return self.inner(self.conv(x))


@pytest.mark.parametrize(("module", "convs"), [
    (Recursive(), 3), (Cyclic(), 1), (Odd(), 1), (Nested(150), 150),
    (nn.Sequential(*(nn.Conv2d(8, 8, 1) for _ in range(3000))), 3000),
])  # fmt: skip
def test_odd_structures(module: nn.Module, convs: int) -> None:
    result = lwprof.profile(module, inputs=(X,))
    assert result.totals.mult_adds == convs * 36 * 64
    assert result.totals.params == sum(parameter.numel() for parameter in module.parameters())
    assert sum(layer.mult_adds for layer in result.layers) == result.totals.mult_adds
    assert "_call_impl" not in vars(module)


def test_no_operators_at_all() -> None:
    result = lwprof.profile(nn.Identity(), inputs=(X,))
    totals = result.totals
    assert (totals.params, totals.mult_adds, totals.launches, totals.peak_activation_bytes) == (0, 0, 0, 0)
    assert (result.coverage.counted, result.coverage.free, result.coverage.unknown) == (0, 0, ())


# fmt: off
INPUTS = {
    # name: (function, positional inputs or keyword inputs, expected shapes)
    "several":      (lambda m, a, b: m.c(a) + m.c(b), (X, X), 2),
    "keywords":     (lambda m, *, image, scale: m.c(image) * scale, {"image": X, "scale": torch.ones(1)}, 2),
    "dict":         (lambda m, batch: m.c(batch["a"]) + m.c(batch["b"]), ({"a": X, "b": X},), 2),
    "defaultdict":  (lambda m, batch: m.c(batch["a"]), (defaultdict(list, a=X),), 1),
    "nested":       (lambda m, item: m.c(item[0]["x"][1]), ([{"x": (None, X)}],), 1),
    "named tuple":  (lambda m, pair: m.c(pair.first) + m.c(pair.second), (Pair(X, X),), 2),
    "dataclass":    (lambda m, item: m.c(item.scores) + m.c(item.maps[0]), (Output(X, [X]),), 2),
    "plain values": (lambda m, x, times, name=None: m.c(x) * times, (X, 3, "n"), 1),
    "sequence":     (lambda m, x: m.c(x), [X], 1),
}
OUTPUTS = {
    "tuple":       (lambda m, x: (m.c(x), x), 2),
    "dict":        (lambda m, x: {"out": m.c(x), "aux": {"x": x}}, 2),
    "named tuple": (lambda m, x: Pair(m.c(x), x), 2),
    "dataclass":   (lambda m, x: Output(m.c(x), [x, x]), 3),
    "none":        (lambda m, x: None, 0),
    "hundreds":    (lambda m, x: [m.c(x), *x.flatten().unbind()], 289),
}
# fmt: on


@pytest.mark.parametrize("name", INPUTS)
def test_inputs_of_every_form(name: str) -> None:
    function, inputs, count = INPUTS[name]
    result = lwprof.profile(Forward(function, c=nn.Conv2d(8, 4, 3)), inputs=inputs)
    assert len(result.model.inputs) == count
    assert result.model.inputs[0].shape == (1, 8, 6, 6)
    assert result.totals.mult_adds % 4608 == 0 < result.totals.mult_adds
    assert not result.input_dependent


@pytest.mark.parametrize("name", OUTPUTS)
def test_outputs_of_every_form(name: str) -> None:
    function, count = OUTPUTS[name]
    assert len(capture(Forward(function, c=nn.Conv2d(8, 4, 3)), (X,)).outputs) == count


def test_hooks_of_the_user_are_seen() -> None:
    module = nn.Sequential(nn.Conv2d(8, 4, 3))
    module[0].register_forward_hook(lambda m, args, result: result * 2)
    module[0].register_forward_pre_hook(lambda m, args: (args[0].relu(),))
    graph = capture(module, (X,))
    assert [op.name for op in graph.operators] == ["aten::relu", "aten::conv2d", "aten::mul"]


def edges(function) -> list[tuple[int, ...]]:
    return [operator.after for operator in capture(Forward(lambda m, x: function(x)), (X,)).operators]


def test_edges_follow_views_and_writes_in_place() -> None:
    assert edges(lambda x: x.relu() + x.tanh()) == [(), (), (0, 1)]

    def write_to_a_slice(x):
        y = x.tanh()  # 0
        y[:, :2].relu_()  # 1 a slice, 2 written in place
        return y * 2  # 3 reads what 2 wrote

    assert edges(write_to_a_slice) == [(), (0,), (1,), (0, 2)]

    def write_then_look_through_an_old_view(x):
        y = x.tanh()  # 0
        old = y.view(-1)  # 1
        y += 1  # 2
        return old.sum()  # 3

    assert edges(write_then_look_through_an_old_view) == [(), (0,), (0,), (1, 2)]
