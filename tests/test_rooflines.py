"""Networks and their layers under roofs that are known exactly."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from lwprof import rooflines
from lwprof.analyses import FusedLayer, placed_layers
from lwprof.comparison import OUTDATED, compare
from lwprof.errors import BackendError, InputError
from lwprof.results.latency import Relative, Timing
from lwprof.results.layer_times import LayerTime, LayerTimes
from lwprof.results.loading import from_dict
from lwprof.results.roofline import CACHED, COMPUTE, MEMORY, WINOGRAD, Ceilings, PlacedModel, RooflineResult
from lwprof.rooflines import roofline
from lwprof.timing import ceilings, kept_ceilings
from lwprof.timing.conversions import cache
from lwprof.timing.portable.clock import Clock
from lwprof.timing.targets import Target, find_targets

ROOFS = Ceilings("torch", "cpu", 1, "float32", "torch", 40e9, 10e9, 50e9, 1_000)


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path / "kept"))


def timed(*layers: tuple[tuple[str, ...], float]) -> LayerTimes:
    """Times of layers, call by call: a tenth less, as said, a tenth more."""
    items = tuple(
        LayerTime(names, "", seconds, (0.9 * seconds, 1.1 * seconds), (0.9 * seconds, seconds, 1.1 * seconds))
        for names, seconds in layers
    )
    whole = Timing("torch", "cpu", 1, 1, "float32", 1.0, (1.0, 1.0), None, (1.0,))
    return LayerTimes(whole, Relative("torch", "", 1.0, (1.0, 1.0), "indistinguishable"), items, (),
                      LayerTime((), "", 0.0, (0.0, 0.0), ()))  # fmt: skip


def test_layer_is_held_against_its_roof() -> None:
    fused = [FusedLayer(("a",), "pointwise", 80_000_000, 2_000_000), FusedLayer(("b",), "activation", 0, 1_000)]
    first, second = placed_layers(fused, timed((("a",), 4e-3), (("b",), 1e-6)), ROOFS)
    assert (first.layers, first.kind, first.latency_s, first.bound) == (("a",), "pointwise", 4e-3, COMPUTE)
    assert (first.intensity, first.attained, first.roof) == (40.0, 20e9, 40e9)
    assert (first.floor_s, first.share, first.times_floor) == (2e-3, 0.5, 2.0)
    assert (second.roof, second.intensity, second.bound, second.marks) == (0.0, 0.0, MEMORY, ("cached",))
    assert second.floor_s == pytest.approx(1_000 / 50e9)


def test_what_either_side_runs_together_is_one_layer() -> None:
    fused = [
        FusedLayer(("conv", "norm"), "dense conv", 4_000_000, 4_000),
        FusedLayer(("block", "relu"), "arithmetic", 0, 3_000),
        FusedLayer(("head",), "linear", 2_000_000, 2_000),
    ]
    times = timed((("conv",), 1e-3), (("norm", "relu"), 2e-3), (("block",), 4e-3), (("head",), 8e-3), ((), 1.0))
    first, second = placed_layers(fused, times, ROOFS)
    assert first.layers == ("conv", "norm", "block", "relu")
    assert (first.mult_adds, first.bytes, first.kind) == (4_000_000, 7_000, "dense conv")
    assert first.latency_s == pytest.approx(7e-3)
    assert first.ci95_s[0] < first.latency_s < first.ci95_s[1]
    assert (second.layers, second.latency_s) == (("head",), 8e-3)
    assert first.marks == ()  # its largest part does not fit into the cache
    (fits, _) = placed_layers(fused, times, replace(ROOFS, cache_bytes=4_000))
    assert fits.marks == ("cached",)


def test_what_is_not_timed_or_costs_nothing_is_not_placed() -> None:
    fused = [FusedLayer(("a",), "linear", 1, 1), FusedLayer(("gone",), "linear", 1, 1)]
    found = list(placed_layers(fused, timed((("a",), 1e-3), (("view",), 1e-3), (("zero",), 0.0)), ROOFS))
    assert [item.layers for item in found] == [("a",)]
    assert list(placed_layers(fused, timed((("a",), 0.0)), ROOFS)) == []


@pytest.mark.parametrize(
    ("layer", "floor_s", "told"),
    [
        (FusedLayer(("a",), "linear", 40_000_000, 2_000), 1e-3, True),
        (FusedLayer(("a",), "linear", 40_000_000, 1_000), 1e-3, True),  # cached, but bound by computing
        (FusedLayer(("a",), "activation", 0, 10_000_000), 6e6 / 10e9 + 4e6 / 50e9, True),
        (FusedLayer(("a",), "activation", 0, 1_000), 2e-8, False),  # a nearer cache is faster
        (FusedLayer(("a",), "activation", 0, 2_000_000), 4e-5, True),  # which that does not fit in
        (FusedLayer(("a",), "dense conv", 100_000_000, 2_000, 100_000_000), 1e-3, False),
    ],
)
def test_layer_above_its_roof_is_told_unless_a_mark_explains_it(layer: FusedLayer, floor_s: float, told: bool) -> None:
    roofs = replace(ROOFS, winograd=True, winograd_mult_adds_per_s=100e9, cache_bytes=4_000_000)
    for share, above in ((1.04, False), (1.06, told)):
        (found,) = placed_layers([layer], timed((("a",), floor_s / share)), roofs)
        assert found.share == pytest.approx(share)
        assert found.is_above == above


@pytest.mark.parametrize("bound", [COMPUTE, MEMORY])
def test_no_mark_explains_a_network_above_its_roof(bound: str) -> None:
    model = PlacedModel(name="a", spec="a", setting="torch", mult_adds=1, bytes=1, latency_s=1.0, ci95_s=(1.0, 1.0),
                        intensity=1.0, attained=1.0, roof=0.9, floor_s=1.1, share=1.1, bound=bound,
                        marks=(WINOGRAD, CACHED))  # fmt: skip
    assert RooflineResult({"torch": ROOFS}, (model,)).above == ((model, model),)


class Watch:
    def __init__(self) -> None:
        self.now = 0.0
        self.clock = Clock(lambda: self.now, tick_s=1e-7)


class Slow(nn.Module):
    """A layer of 12,288 mult-adds for an image of 3x16x16, that takes so long."""

    def __init__(self, watch: Watch, seconds: float) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 16, 1, bias=False)
        self.watch, self.seconds = watch, seconds

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        if image.device.type != "meta":
            self.watch.now += self.seconds
        return self.conv(image)


MULT_ADDS, BYTES = 16 * 16 * 48, 4 * (3 * 256 + 48 + 16 * 256)


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Mult-adds per second that the next measurements of ceilings find; the last one stays."""
    rates = [MULT_ADDS * 2.0]

    def measure(target: Target, **_: Any) -> Ceilings:
        rate = rates.pop(0) if len(rates) > 1 else rates[0]
        threads = target.options.threads
        found = Ceilings(target.backend.name, "cpu", threads, "float32", target.setting, rate, 1e12, 1e12,
                         10**9)  # fmt: skip
        kept_ceilings.write(target, found)
        return found

    monkeypatch.setattr(ceilings, "measure", measure)
    return rates


def test_networks_stand_under_the_roof(measured: list[float]) -> None:
    watch = Watch()
    result = roofline([Slow(watch, 1.0), Slow(watch, 4.0)], input_size=(3, 16, 16), clock=watch.clock, budget_s=100)
    assert [model.latency_s for model in result.models] == pytest.approx([1.0, 4.0])
    assert [model.share for model in result.models] == pytest.approx([0.5, 0.125])
    first = result.models[0]
    assert (first.mult_adds, first.bytes, first.setting, first.marks) == (MULT_ADDS, BYTES, "torch", ("cached",))
    assert first.floor_s == pytest.approx(0.5)
    assert result.above == ()
    assert from_dict(result.to_dict()) == result


@pytest.mark.slow
def test_several_threads_are_settings_of_their_own(measured: list[float]) -> None:
    watch = Watch()
    result = roofline([Slow(watch, 1.0)], input_size=(3, 16, 16), clock=watch.clock, threads=[1, 2], budget_s=100)
    assert list(result.ceilings) == ["torch 1 thread", "torch 2 threads"]
    assert [item.threads for item in result.ceilings.values()] == [1, 2]
    assert [model.setting for model in result.models] == list(result.ceilings)


def test_ceilings_are_measured_again_where_something_passes_them(measured: list[float]) -> None:
    watch = Watch()
    measured[:] = [MULT_ADDS / 2.0, MULT_ADDS * 2.0]
    result = roofline([Slow(watch, 1.0)], input_size=(3, 16, 16), clock=watch.clock, budget_s=100)
    assert result.ceilings["torch"].mult_adds_per_s == MULT_ADDS * 2.0
    assert result.models[0].share == pytest.approx(0.5)


def test_without_networks_there_are_ceilings_alone(measured: list[float]) -> None:
    result = roofline()
    assert (list(result.ceilings), result.models) == (["torch"], ())


def test_backend_without_ceilings_is_left_out_and_told(measured: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    known = ceilings.measure

    def refusing(target: Target, **given: Any) -> Ceilings:
        if target.options.threads == 2:
            raise BackendError("there is none")
        return known(target, **given)

    monkeypatch.setattr(ceilings, "measure", refusing)
    result = roofline(threads=[1, 2])
    assert list(result.ceilings) == ["torch 1 thread"]
    assert [(item.setting, item.reason) for item in result.untimed] == [("torch 2 threads", "there is none")]
    with pytest.raises(BackendError, match="there is none"):
        roofline(threads=2)


def test_interruption_keeps_what_is_known(measured: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> RooflineResult:
        raise KeyboardInterrupt

    monkeypatch.setattr(rooflines, "time_layers", interrupted)
    result = roofline([Slow(Watch(), 1.0)], input_size=(3, 16, 16))
    assert (list(result.ceilings), result.models, result.interrupted) == (["torch"], (), True)


def test_interruption_of_a_backend_that_tells_no_layers_apart_ends_it(
    measured: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    watch = Watch()

    class Ended(Slow):
        """Ctrl-C comes in the tenth call, after some rounds."""

        calls = 0

        def forward(self, image: torch.Tensor) -> torch.Tensor:
            self.calls += image.device.type != "meta"
            if self.calls == 10:
                raise KeyboardInterrupt
            return super().forward(image)

    def indistinct(*_: object, **__: object) -> None:
        raise BackendError("layers cannot be told apart")

    monkeypatch.setattr(rooflines, "time_layers", indistinct)
    result = roofline([Ended(watch, 1.0), Slow(watch, 1.0)], input_size=(3, 16, 16), clock=watch.clock, budget_s=100)
    assert [(model.name, model.layers) for model in result.models] == [("Ended", ())]
    assert result.interrupted


def test_half_precision_is_not_held_against_ceilings_of_float32(measured: list[float]) -> None:
    halves = nn.Conv2d(3, 16, 1).bfloat16()
    result = roofline([halves], input_size=(3, 16, 16), budget_s=0.1)
    assert [item.reason for item in result.untimed] == [
        "Conv2d computes in bfloat16, and these ceilings are of float32; choose dtype bfloat16"
    ]
    (row,) = compare([halves], input_size=(3, 16, 16), budget_s=0.1).models
    assert row.timings[0].floor_s is None
    chosen = roofline([halves], input_size=(3, 16, 16), budget_s=0.1, dtype="bfloat16")
    assert [model.setting for model in chosen.models] == ["torch bfloat16"]


def test_environment_names_all_that_was_measured_on(measured: list[float]) -> None:
    record = roofline(threads=[1, 2], backend=["torch", "onnxruntime"]).environment
    assert (record["backend"], record["threads"]) == ("torch, onnxruntime", "1, 2")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"networks": "mbv1"}, "'mbv1' is no list; give a list of networks"),
        ({"networks": [3]}, "3"),
        ({"networks": ["mbv9"]}, "mbv9"),
        ({"budget_s": 0.0}, "budget_s must be more than 0, not 0"),
        ({"backend": "tortch"}, "tortch"),
        ({"dtype": ()}, "dtype must be a name"),
        ({"threads": ()}, "name a number of threads"),
        ({"threads": "1"}, "threads must be a whole number, not '1'"),
        ({"threads": None}, "threads must be a whole number, not None"),
        ({"networks": ["mbv1"], "weights_files": ["a", "b"]}, "2 files of weights for 1 network"),
    ],
)
def test_wrong_requests_are_refused(measured: list[float], given: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        roofline(**given)


@pytest.mark.slow
def test_comparison_has_floors_where_ceilings_are_known(measured: list[float]) -> None:
    watch = Watch()

    def compared(**given: Any) -> Timing:
        (row,) = compare([Slow(watch, 1.0)], input_size=(3, 16, 16), clock=watch.clock, budget_s=20, **given).models
        return row.timings[0]

    assert (compared().floor_s, compared().bound, compared().times_floor) == (None, "", None)
    timing = compared(measure_ceilings=True)
    assert (timing.floor_s, timing.bound) == (pytest.approx(0.5), COMPUTE)
    assert timing.times_floor == pytest.approx(2.0)
    assert compared().floor_s == pytest.approx(0.5)
    assert compared(threads=2).floor_s is None
    assert compared(floors=False).floor_s is None


@pytest.mark.slow
def test_ceilings_that_are_passed_are_measured_again_or_told(measured: list[float]) -> None:
    watch = Watch()
    (target,) = find_targets(["torch"])

    def compared(rate: float, **given: Any) -> Timing:
        kept_ceilings.write(target, Ceilings("torch", "cpu", 1, "float32", "torch", rate, 1e12, 1e12, 10**9))
        (row,) = compare([Slow(watch, 1.0)], input_size=(3, 16, 16), clock=watch.clock, budget_s=20, **given).models
        return row.timings[0]

    passed = compared(MULT_ADDS / 2)
    assert passed.floor_s is None
    assert OUTDATED in passed.warnings
    mended = compared(MULT_ADDS / 2, measure_ceilings=True)
    assert mended.floor_s == pytest.approx(0.5)
    assert OUTDATED not in mended.warnings
    measured[:] = [MULT_ADDS / 3.0]
    assert OUTDATED in compared(MULT_ADDS / 2, measure_ceilings=True).warnings
    just = compared(MULT_ADDS / 1.02)  # within what clocks differ: it is the network that attains the most
    assert just.times_floor == 1
