"""A profile with the times of its layers, on the runtimes themselves; how long anything takes is not looked at."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

import lwprof
from lwprof import layer_timing
from lwprof.errors import BackendError, InputError
from lwprof.results.profile import ProfileResult

SMALL: dict[str, Any] = {"input_size": (3, 16, 16), "budget_s": 0.05}


class Mixed(nn.Module):
    """A convolution that is used twice, functional calls, and a container."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU())
        self.conv = nn.Conv2d(8, 8, 3, padding=1)
        self.flat = nn.Flatten()

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        found = self.stem(image)
        found = torch.cat([self.conv(found), nn.functional.relu(self.conv(found))], dim=1)
        return self.flat(found)


def timed(result: ProfileResult) -> list[tuple[str, str]]:
    assert result.time is not None
    return [(" ".join(item.layers), item.kind) for item in result.time.layers]


@pytest.mark.slow
def test_layers_that_compute_have_a_time_and_all_else_is_unattributed() -> None:
    network = Mixed().train()
    before = [dict(vars(module)) for module in network.modules()]
    result = lwprof.time_layers(network, **SMALL)
    assert timed(result) == [("", "copy"), ("stem.0", "dense conv"), ("stem.1", "activation"), ("conv", "dense conv")]
    assert [dict(vars(module)) for module in network.modules()] == before
    assert result.time is not None
    assert {len(item.samples_s) for item in (*result.time.layers, result.time.unattributed)} == {
        len(result.time.timing.samples_s)
    }
    assert all(min(item.samples_s) >= 0 for item in (*result.time.layers, result.time.unattributed))
    assert [span.layers for span in result.time.spans] == [
        ("",), ("stem",), ("stem.0",), ("stem.1",), ("conv",), ("conv",), ("flat",),
    ]  # fmt: skip
    assert {kind.kind for kind in result.time.kinds} == {"copy", "dense conv", "activation"}
    assert result.layers == lwprof.profile(network, input_size=(3, 16, 16)).layers


@pytest.mark.slow
def test_shares_are_of_all_the_time_and_of_all_costs() -> None:
    result = lwprof.time_layers(Mixed(), **SMALL)
    assert result.time is not None
    left = result.time.unattributed.median_s
    for shares in (result.shares(), result.shares_of_kinds()):
        assert sum(item.time or 0 for item in shares) + left / result.time.total_s == pytest.approx(1)
        assert sum(item.mult_adds or 0 for item in shares) == pytest.approx(1)
        assert sum(item.eager_elements or 0 for item in shares) == pytest.approx(1)
    assert lwprof.profile(Mixed(), input_size=(3, 16, 16)).shares() == ()


@pytest.mark.slow
@pytest.mark.parametrize("options", [{"dtype": "bfloat16"}, {"layout": "channels_last"}])
def test_a_copy_in_another_dtype_or_layout_has_the_same_layers(options: Any) -> None:
    result = lwprof.time_layers(Mixed(), **SMALL, **options)
    assert [name for name, _ in timed(result)] == ["", "stem.0", "stem.1", "conv"]
    assert result.time is not None
    assert result.time.timing.setting == " ".join(["torch", *options.values()])


@pytest.mark.slow
def test_a_script_belongs_to_the_module_that_calls_it() -> None:
    class Scripted(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.script = torch.jit.trace(
                nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU()).eval(), torch.zeros(1, 3, 16, 16)
            )

        def forward(self, image: torch.Tensor) -> torch.Tensor:
            return self.script(image)

    assert [name for name, _ in timed(lwprof.time_layers(Scripted(), **SMALL))] == ["script"]


@pytest.mark.slow
def test_inputs_by_keyword_and_lazy_modules() -> None:
    class Lazy(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.LazyConv2d(4, 3)
            self.linear = nn.Linear(5, 5)

        def forward(self, *, image: torch.Tensor, vector: torch.Tensor) -> Any:
            return {"a": self.conv(image), "b": [self.linear(vector)]}

    network = Lazy()
    inputs = {"image": torch.zeros(1, 3, 8, 8), "vector": torch.zeros(1, 5)}
    assert timed(lwprof.time_layers(network, inputs=inputs, budget_s=0.05)) == [
        ("conv", "dense conv"), ("linear", "linear"),
    ]  # fmt: skip
    assert isinstance(network.conv, nn.LazyConv2d)


@pytest.mark.parametrize("backend", ["torch-compile", "openvino", "ncnn"])
def test_a_backend_that_does_not_tell_layers_apart_is_refused_before_any_work(backend: str) -> None:
    with pytest.raises(BackendError, match=f"^{backend} does not tell .* torch and onnxruntime do$"):
        lwprof.time_layers("no_such_network", backend=backend)


@pytest.mark.parametrize(
    ("device", "message"),
    [
        ("arm-emulated", "instructions are counted on arm-emulated.*, not times of layers; on device cpu, torch and"),
        ("cuda", "torch cuda does not tell the times of layers apart"),
        ("ssh://user@board", "torch ssh://user@board does not tell"),
    ],
)
def test_a_device_that_does_not_tell_layers_apart_is_refused(device: str, message: str) -> None:
    with pytest.raises(BackendError, match=message):
        lwprof.time_layers("mbv2", device=device)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"backend": "torhc"}, "unknown backend 'torhc'; did you mean 'torch'"),
        ({"backend": ["torch"]}, r"backend must be one name, not \['torch'\]"),
        ({"budget_s": 0}, "budget_s must be more than 0, not 0"),
        ({"precision": float("inf")}, "precision must be more than 0"),
        ({"budget_s": "1"}, "budget_s must be more than 0, not '1'"),
        ({"threads": 0}, "cannot run on 0 threads"),
        ({"threads": "2"}, "threads must be a whole number, not '2'"),
        ({"threads": True}, "threads must be a whole number, not True"),
        ({"seed": -1}, "seed must be 0 or more, not -1"),
    ],
)
def test_a_wrong_option_is_named(options: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        lwprof.time_layers("mbv2", **options)


def test_interrupted_before_anything_was_measured_it_is_a_profile_without_times(monkeypatch: Any) -> None:
    def interrupted(*arguments: Any, **options: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(layer_timing, "observe_layers", interrupted)
    result = lwprof.time_layers(Mixed(), **SMALL)
    assert result.time is None
    assert result.totals.mult_adds > 0
