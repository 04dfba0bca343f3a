from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from lwprof.results.latency import Timing, Untimed
from lwprof.results.networks import TensorSpec
from lwprof.timing.latency import Subject, time_subjects
from lwprof.timing.sampling import Rules

IMAGE = (TensorSpec((4, 3, 8, 8), "float32"),)
LONG = Rules(budget_s=1e6, single_calls=0)


class Timed(nn.Module):
    """A forward that takes as long as it is told to, on the machine whose time is made up."""

    def __init__(self, machine: Any, seconds: Any) -> None:
        super().__init__()
        self.run = machine.contender("timed", seconds).run

    def forward(self, *args: Any) -> None:
        self.run()


def test_timing_holds_what_was_measured(machine: Any) -> None:
    subject = Subject("a", Timed(machine, lambda calls: 0.5 if calls else 3.0), IMAGE, build_s=2.5)
    latencies = time_subjects([subject], rules=LONG, clock=machine.clock)
    (timing,) = latencies.timings
    assert (timing.backend, timing.device, timing.threads) == ("torch", "cpu", 1)
    assert (timing.batch, timing.dtype) == (4, "float32")
    assert (timing.median_s, timing.ci95_s) == (0.5, (0.5, 0.5))
    assert (timing.load_s, timing.first_call_s, timing.calls_per_sample) == (2.5, 3.0, 1)
    assert (timing.samples_s, timing.stopped) == ((0.5,) * 20, "interval")
    assert not latencies.interrupted


def test_p90_comes_from_single_calls(machine: Any) -> None:
    every_fifth = [3.0 if calls % 5 == 0 else 1.0 for calls in range(10_000)]
    subject = Subject("a", Timed(machine, every_fifth.__getitem__), IMAGE)
    (timing,) = time_subjects([subject], rules=Rules(1e6), clock=machine.clock).timings
    assert len(timing.single_calls_s) == 100
    assert (timing.median_s, timing.p90_s) == (1.0, 3.0)


def test_p90_is_absent_with_a_reason_where_single_calls_are_few(machine: Any) -> None:
    subject = Subject("a", Timed(machine, 1.0), IMAGE)
    (timing,) = time_subjects([subject], rules=Rules(50.0), clock=machine.clock).timings
    assert timing.p90_s is None
    assert 20 < len(timing.single_calls_s) == len(timing.samples_s) < 100
    assert timing.warnings[-1].startswith("no 90th percentile: ")


@pytest.mark.slow
def test_p90_is_absent_where_calls_are_too_short(machine: Any) -> None:
    (timing,) = time_subjects([Subject("a", Timed(machine, 1.1e-6), IMAGE)], rules=LONG, clock=machine.clock).timings
    assert (timing.p90_s, timing.single_calls_s, timing.calls_per_sample) == (None, (), 1000)
    assert not any("p90" in warning for warning in timing.warnings)


def test_environment_is_recorded_and_warned_about(machine: Any) -> None:
    latencies = time_subjects(
        [Subject("a", Timed(machine, 1.0), IMAGE)],
        rules=Rules(1e6, seed=7, single_calls=0),
        clock=machine.clock,
        machine={"cores": 4, "load_1min": 9.0},
    )
    assert latencies.environment["torch"] == torch.__version__
    assert latencies.environment["load_1min"] == 9.0
    assert [latencies.environment[key] for key in ("backend", "device", "threads")] == ["torch", "cpu", 1]
    assert latencies.timings[0].warnings[0].startswith("the machine is busy (load 9.0 on 4 cores)")


@pytest.mark.parametrize(
    ("inputs", "batch", "dtype"),
    [
        ((TensorSpec((2, 7), "int64"), TensorSpec((2, 3), "float16")), 2, "float16"),
        ((TensorSpec((5,), "int64"),), 5, "int64"),
        ((TensorSpec((), "float32"),), 1, "float32"),
        ((), 1, "float32"),
    ],
)
def test_batch_and_dtype_are_those_of_the_inputs(inputs: tuple[TensorSpec, ...], batch: int, dtype: str) -> None:
    subject = Subject("a", None, inputs)
    assert (subject.batch, subject.dtype) == (batch, dtype)


def test_interruption_before_the_first_round_leaves_no_timings(machine: Any) -> None:
    machine.interrupt_at = 3
    latencies = time_subjects([Subject("a", Timed(machine, 1.0), IMAGE)], rules=LONG, clock=machine.clock)
    assert (latencies.timings, latencies.interrupted) == ((), True)


def test_interruption_during_loading_leaves_no_timings(machine: Any) -> None:
    class Interrupted(nn.Module):
        def modules(self, remove_duplicate: bool = True) -> Any:
            raise KeyboardInterrupt

    latencies = time_subjects([Subject("a", Interrupted(), IMAGE)], rules=LONG, clock=machine.clock)
    assert (latencies.timings, latencies.interrupted) == ((), True)


def test_interruption_keeps_the_rounds_before(machine: Any) -> None:
    machine.interrupt_at = 2 * (2 + 5 + 8) + 1
    subjects = [Subject("a", Timed(machine, 1.0), IMAGE), Subject("b", Timed(machine, 2.0), IMAGE)]
    latencies = time_subjects(subjects, rules=LONG, clock=machine.clock)
    assert latencies.interrupted
    assert [timing.samples_s for timing in latencies.timings] == [(1.0,) * 8, (2.0,) * 8]
    assert {timing.stopped for timing in latencies.timings} == {"interrupted"}


@pytest.mark.parametrize("at", [0, 1, 4, 12])
def test_network_that_raises_loses_its_own_row_only(machine: Any, at: int) -> None:
    def seconds(calls: int) -> float:
        if calls >= at:
            raise RuntimeError("shapes do not fit")
        return 1.0

    subjects = [Subject("wrong", Timed(machine, seconds), IMAGE), Subject("right", Timed(machine, 1.0), IMAGE)]
    latencies = time_subjects(subjects, rules=LONG, clock=machine.clock)
    ((untimed,), (timing,)) = latencies.outcomes
    assert isinstance(untimed, Untimed)
    assert (untimed.reason, untimed.setting, untimed.failed) == (
        "wrong cannot be timed: RuntimeError: shapes do not fit",
        "torch",
        True,
    )
    assert isinstance(timing, Timing)
    assert timing.samples_s == (1.0,) * 20
    assert (latencies.failure, latencies.interrupted) == (untimed.reason, False)


def test_what_is_no_network_is_named(machine: Any) -> None:
    subjects = [Subject("right", Timed(machine, 1.0), IMAGE), Subject("wrong", "not a module", IMAGE)]
    latencies = time_subjects(subjects, rules=LONG, clock=machine.clock)
    assert latencies.failure.startswith("wrong cannot be timed: AttributeError: ")
    assert [timing.median_s for timing in latencies.timings] == [1.0]
