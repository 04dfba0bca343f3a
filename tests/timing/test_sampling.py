from __future__ import annotations

import gc
import math
import random
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lwprof.timing.portable import blocks
from lwprof.timing.portable.blocks import Contender
from lwprof.timing.sampling import WARMUP_SHARE, Rules, measure
from lwprof.timing.statistics import median
from lwprof.timing.verdicts import INDISTINGUISHABLE, SLOWER, paired

LONG = Rules(budget_s=1e6, single_calls=0)


def noisy(seconds: float, seed: int, spread: float = 0.04) -> Any:
    """Lognormal noise, and now and then a call that takes three times as long."""
    source = random.Random(seed)
    return lambda calls: seconds * source.lognormvariate(0, spread) * (3 if source.random() < 0.03 else 1)


@pytest.mark.parametrize(
    ("seconds", "calls", "singly"),
    [
        (10.0, 1, True),
        (1e-3, 1, True),  # a block is at least 10,000 ticks of 1e-7 s
        (0.9e-3, 2, True),
        (3e-4, 5, True),
        (1e-4, 10, True),  # a single call is at least 1,000 ticks
        (0.9e-4, 20, False),
        (1.1e-6, 1000, False),
    ],
)
def test_block_is_as_long_as_the_clock_needs(machine: Any, seconds: float, calls: int, singly: bool) -> None:
    (series,) = measure([machine.contender("a", seconds)], LONG, machine.clock).series
    assert series.calls_per_sample == calls
    assert series.samples_s == pytest.approx([seconds] * 20)
    assert series.single_calls_s == pytest.approx([seconds] * 20 * calls if singly else [])


def test_each_contender_has_its_own_block(machine: Any) -> None:
    contenders = [machine.contender("long", 1.0), machine.contender("short", 1e-5)]
    measurement = measure(contenders, LONG, machine.clock)
    assert [series.calls_per_sample for series in measurement.series] == [1, 100]
    assert [series.samples_s[0] for series in measurement.series] == pytest.approx([1.0, 1e-5])


def test_contender_that_takes_no_time_ends(machine: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "MOST_CALLS", 100)
    (series,) = measure([machine.contender("a", 0.0)], LONG, machine.clock).series
    assert series.calls_per_sample == 100
    assert series.samples_s == (0.0,) * 20


def test_first_call_is_told_apart(machine: Any) -> None:
    (series,) = measure([machine.contender("a", lambda calls: 0.1 if calls else 7.0)], LONG, machine.clock).series
    assert series.first_call_s == 7.0
    assert series.samples_s == pytest.approx([0.1] * 20)


def test_warm_up_lasts_until_latency_no_longer_falls(machine: Any) -> None:
    seconds = [max(1.0, 2.0 - 0.05 * calls) for calls in range(1000)]
    measurement = measure([machine.contender("a", seconds.__getitem__)], LONG, machine.clock)
    assert measurement.warm
    assert measurement.series[0].samples_s == (1.0,) * 20
    assert 20 < len(machine.log) - 20 < 35


def test_warm_up_waits_for_every_contender(machine: Any) -> None:
    seconds = [max(1.0, 2.0 - 0.05 * calls) for calls in range(1000)]
    contenders = [machine.contender("steady", 1.0), machine.contender("falling", seconds.__getitem__)]
    assert measure(contenders, LONG, machine.clock).series[1].samples_s == (1.0,) * 20


def test_warm_up_of_a_steady_contender_takes_five_rounds(machine: Any) -> None:
    assert measure([machine.contender("a", 1.0)], LONG, machine.clock).warm
    assert len(machine.log) == 1 + 1 + 5 + 20  # first call, finding the block, warm-up, samples


def test_warm_up_does_not_wait_for_a_fall_that_does_not_matter(machine: Any) -> None:
    assert measure([machine.contender("a", lambda calls: 0.9999**calls)], LONG, machine.clock).warm
    assert len(machine.log) == 1 + 1 + 5 + 20


def test_warm_up_takes_its_share_of_the_budget_at_most(machine: Any) -> None:
    contender = machine.contender("a", lambda calls: 0.99**calls)
    sampling_began = []

    def progress(what: str, share: float) -> None:
        if what == "timing":
            sampling_began.append(machine.now)

    measurement = measure([contender], Rules(budget_s=50.0), machine.clock, progress)
    assert not measurement.warm
    assert WARMUP_SHARE * 50 <= sampling_began[0] <= WARMUP_SHARE * 50 + 2


def test_sampling_stops_once_the_interval_is_narrow(machine: Any) -> None:
    measurement = measure([machine.contender("a", noisy(1.0, seed=0))], LONG, machine.clock)
    assert measurement.stopped == "interval"
    wide = measure(
        [machine.contender("a", noisy(1.0, seed=0))], Rules(1e6, precision=0.1, single_calls=0), machine.clock
    )
    assert 20 <= len(wide.series[0].samples_s) < len(measurement.series[0].samples_s)


def test_sampling_goes_on_for_the_noisiest(machine: Any) -> None:
    contenders = [machine.contender("steady", 1.0), machine.contender("noisy", noisy(1.0, seed=0))]
    steady, loud = measure(contenders, LONG, machine.clock).series
    assert len(steady.samples_s) == len(loud.samples_s) > 40


@pytest.mark.parametrize(("seconds", "rounds"), [(1.0, 100), (3e-4, 20), (1e-4 / 2, 20)])
def test_sampling_goes_on_for_the_single_calls_of_a_percentile(machine: Any, seconds: float, rounds: int) -> None:
    (series,) = measure([machine.contender("a", seconds)], Rules(1e6), machine.clock).series
    assert len(series.samples_s) == rounds
    assert len(series.single_calls_s) in (0, 100)


def test_sampling_stops_when_the_budget_is_spent(machine: Any) -> None:
    contenders = [machine.contender("a", noisy(1.0, 0)), machine.contender("b", noisy(1.0, 1))]
    measurement = measure(contenders, Rules(budget_s=60.0), machine.clock)
    assert measurement.stopped == "budget"
    assert 60 <= machine.now < 70


def test_three_rounds_are_taken_whatever_the_budget(machine: Any) -> None:
    measurement = measure([machine.contender("a", 100.0)], Rules(budget_s=1.0), machine.clock)
    assert (measurement.stopped, measurement.warm) == ("budget", False)
    assert measurement.series[0].samples_s == (100.0,) * 3


def test_every_round_runs_every_contender_once_in_random_order(machine: Any) -> None:
    contenders = [machine.contender(label, noisy(1.0, seed)) for seed, label in enumerate("abc")]
    measure(contenders, Rules(budget_s=600.0), machine.clock)
    log = "".join(machine.log[6:])  # after each one's first call and the finding of its block
    rounds = [log[start : start + 3] for start in range(0, len(log), 3)]
    assert {"".join(sorted(each)) for each in rounds} == {"abc"}
    assert set(rounds) == {"".join(order) for order in permutations("abc")}


def test_seed_decides_the_order(machine: Any) -> None:
    def order(seed: int) -> list[str]:
        machine.log = []
        contenders = [machine.contender(label, 1.0) for label in "abcd"]
        measure(contenders, Rules(1e6, seed=seed, single_calls=0), machine.clock)
        return list(machine.log)

    assert order(0) == order(0) != order(1)


@pytest.mark.slow
@given(interrupt_at=st.integers(0, 100))
@settings(max_examples=50)
def test_interruption_keeps_every_complete_round(interrupt_at: int) -> None:
    from lwprof.timing.portable.blocks import Contender
    from lwprof.timing.portable.clock import Clock

    calls: list[str] = []

    def contender(label: str) -> Contender:
        def run() -> None:
            if len(calls) == interrupt_at:
                raise KeyboardInterrupt
            calls.append(label)

        return Contender(label, run)

    source = random.Random(0)
    clock = Clock(lambda: len(calls) + 0.3 * source.random(), tick_s=1e-7)  # never narrow enough
    measurement = measure([contender("a"), contender("b")], Rules(1e6, precision=1e-9), clock)
    lengths = {len(series.samples_s) for series in measurement.series}
    assert measurement.stopped == "interrupted"
    assert lengths == {max(0, interrupt_at - 4 - 2 * 5) // 2}
    assert gc.isenabled()


def failing(at: int) -> Any:
    """A second a call; from one of them on it raises."""

    def fail(calls: int) -> float:
        assert not gc.isenabled()
        if calls >= at:
            raise RuntimeError("shapes do not fit\nlong explanation")
        return 1.0

    return fail


@pytest.mark.parametrize("at", [0, 1, 2, 4, 7, 12])  # first call, finding the block, warm-up, sampling
@pytest.mark.parametrize("place", [0, 1, 2])
def test_contender_that_raises_is_left_out_and_the_others_go_on(machine: Any, at: int, place: int) -> None:
    contenders = [machine.contender("a", 1.0), machine.contender("c", 2.0)]
    contenders.insert(place, machine.contender("b", failing(at)))
    measurement = measure(contenders, LONG, machine.clock)
    series = list(measurement.series)
    failed = series.pop(place)
    assert failed.failure == "b cannot be timed: RuntimeError: shapes do not fit"
    assert (failed.label, failed.samples_s, failed.single_calls_s) == ("b", (), ())
    assert [(item.label, item.samples_s, item.failure) for item in series] == [
        ("a", (1.0,) * 20, ""),
        ("c", (2.0,) * 20, ""),
    ]
    assert (measurement.stopped, measurement.warm) == ("interval", True)
    assert machine.log.count("b") == at + 1  # it is never asked again
    assert gc.isenabled()


def test_measurement_ends_with_the_last_that_raises(machine: Any) -> None:
    contenders = [machine.contender("a", failing(9)), machine.contender("b", failing(12))]
    measurement = measure(contenders, LONG, machine.clock)
    assert measurement.stopped == "failed"
    assert [(bool(series.failure), series.samples_s) for series in measurement.series] == [(True, ()), (True, ())]
    assert gc.isenabled()


@pytest.mark.parametrize("interrupt_at", [None, 36, 37, 38])
def test_events_are_those_of_the_samples(machine: Any, interrupt_at: int | None) -> None:
    """Neither of the warm-up, nor of a round that was not finished."""
    machine.interrupt_at = interrupt_at
    contenders = []
    for label in "ab":
        contender = machine.contender(label, lambda calls: 1 + calls / 1e6)
        events: list[float] = [99.0]  # of a check before

        def run(call: Any = contender.run, events: list[float] = events) -> None:
            before = machine.now
            call()
            events.append(machine.now - before)

        contenders.append(Contender(label, run, events_s=events))
    for series in measure(contenders, LONG, machine.clock).series:
        assert len(series.samples_s) >= 10
        assert series.events_s == pytest.approx(series.samples_s, rel=1e-9)


def test_collector_that_was_off_stays_off(machine: Any) -> None:
    gc.disable()
    try:
        measure([machine.contender("a", 1.0)], LONG, machine.clock)
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_progress_rises_to_one_through_both_phases(machine: Any) -> None:
    seen: list[tuple[str, float]] = []
    contenders = [machine.contender("a", noisy(1.0, 0)), machine.contender("b", noisy(1.0, 1))]
    measure(contenders, Rules(budget_s=60.0), machine.clock, lambda what, share: seen.append((what, share)))
    assert list(dict.fromkeys(what for what, _ in seen)) == ["warm-up", "timing"]
    shares = [share for _, share in seen]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


def test_drift_of_the_machine_cancels(machine: Any) -> None:
    machine.speed = lambda now: 1 + 0.3 * min(now / 400, 1)
    contenders = [machine.contender("a", 1.0), machine.contender("b", 1.0)]
    first, second = measure(contenders, Rules(400.0, precision=1e-9), machine.clock).series
    assert median(first.samples_s[-20:]) > 1.2 * median(first.samples_s[:20])
    ratio, verdict = paired(second.samples_s, first.samples_s, margin=0.01)
    assert ratio.median == pytest.approx(1, abs=0.001)
    assert verdict == INDISTINGUISHABLE


def test_five_per_cent_are_found_on_a_machine_that_drifts(machine: Any) -> None:
    machine.speed = lambda now: 1 + 0.3 * min(now / 400, 1)
    contenders = [machine.contender("a", noisy(1.0, 0)), machine.contender("b", noisy(1.05, 1))]
    first, second = measure(contenders, Rules(400.0, precision=1e-9), machine.clock).series
    ratio, verdict = paired(second.samples_s, first.samples_s, margin=0.01)
    assert ratio.median == pytest.approx(1.05, abs=0.02)
    assert verdict == SLOWER


@pytest.mark.slow
@pytest.mark.parametrize(("factor", "expected", "at_least"), [(1.0, INDISTINGUISHABLE, 39), (1.05, SLOWER, 38)])
def test_forty_comparisons_on_a_noisy_machine(machine: Any, factor: float, expected: str, at_least: int) -> None:
    verdicts = []
    for seed in range(40):
        contenders = [machine.contender("a", noisy(1.0, 2 * seed)), machine.contender("b", noisy(factor, 2 * seed + 1))]
        first, second = measure(contenders, Rules(budget_s=300.0, seed=seed), machine.clock).series
        verdicts.append(paired(second.samples_s, first.samples_s, margin=0.01, seed=seed)[1])
    assert verdicts.count(expected) >= at_least


def lingering(seed: int, persistence: float, spread: float = 0.04) -> Any:
    """Noise in which each draw resembles the one before (a first-order autoregressive process)."""
    source = random.Random(seed)
    state = source.gauss(0, 1)

    def draw(_: float) -> float:
        nonlocal state
        state = persistence * state + (1 - persistence**2) ** 0.5 * source.gauss(0, 1)
        return math.exp(spread * state)

    return draw


@pytest.mark.slow
@pytest.mark.parametrize(("factor", "expected", "at_least"), [(1.0, INDISTINGUISHABLE, 39), (1.05, SLOWER, 38)])
def test_forty_comparisons_on_a_machine_that_is_slow_for_a_while(
    machine: Any, factor: float, expected: str, at_least: int
) -> None:
    verdicts = []
    for seed in range(40):
        machine.speed = lingering(seed, persistence=0.9)
        contenders = [machine.contender("a", 1.0), machine.contender("b", factor)]
        first, second = measure(contenders, Rules(budget_s=300.0, seed=seed), machine.clock).series
        verdicts.append(paired(second.samples_s, first.samples_s, margin=0.01, seed=seed)[1])
    assert verdicts.count(expected) >= at_least


@pytest.mark.slow
@pytest.mark.parametrize(("persistence", "at_least"), [(0.5, 39), (0.8, 38)])
def test_forty_comparisons_of_networks_that_are_slow_for_a_while_each_by_itself(
    machine: Any, persistence: float, at_least: int
) -> None:
    """What does not slow both halves of a pair does not cancel; it must not look like a difference."""
    verdicts = []
    for seed in range(40):
        contenders = [machine.contender(str(n), lingering(2 * seed + n, persistence)) for n in range(2)]
        first, second = measure(contenders, Rules(budget_s=300.0, seed=seed), machine.clock).series
        verdicts.append(paired(second.samples_s, first.samples_s, margin=0.01, seed=seed)[1])
    assert verdicts.count(INDISTINGUISHABLE) >= at_least
