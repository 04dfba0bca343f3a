from __future__ import annotations

from typing import Any

import pytest

from lwprof.timing.portable.blocks import Contender
from lwprof.timing.sampling import Rules, measure

LONG = Rules(budget_s=1e6, single_calls=0)


def prepared(machine: Any, seconds: float, preparation: float) -> Contender:
    def before() -> None:
        machine.log.append("before")
        machine.now += preparation

    return Contender("a", machine.contender("a", seconds).run, before)


@pytest.mark.parametrize("seconds", [1.0, 1e-6])
def test_what_comes_before_a_call_is_outside_of_its_time(machine: Any, seconds: float) -> None:
    (series,) = measure([prepared(machine, seconds, preparation=5.0)], LONG, machine.clock).series
    assert series.first_call_s == pytest.approx(seconds)
    assert series.samples_s == pytest.approx([seconds] * len(series.samples_s), rel=1e-3)
    assert machine.log == ["before", "a"] * (len(machine.log) // 2)


def test_calls_that_are_prepared_are_timed_one_by_one(machine: Any) -> None:
    (series,) = measure([prepared(machine, 1e-5, preparation=1e-3)], LONG, machine.clock).series
    assert series.calls_per_sample == 100
    assert series.single_calls_s == pytest.approx([1e-5] * 100 * len(series.samples_s), rel=1e-3)


def test_prepared_and_unprepared_run_in_the_same_rounds(machine: Any) -> None:
    contenders = [prepared(machine, 1e-2, preparation=1.0), machine.contender("b", 2e-2)]
    first, second = measure(contenders, LONG, machine.clock).series
    assert len(first.samples_s) == len(second.samples_s)
    assert first.samples_s[0] == pytest.approx(1e-2)
    assert second.samples_s[0] == pytest.approx(2e-2)


def test_preparation_that_fails_names_the_network(machine: Any) -> None:
    def fails() -> None:
        raise RuntimeError("out of memory\n(details)")

    contender = Contender("mbv2", machine.contender("mbv2", 1.0).run, fails)
    measurement = measure([contender], LONG, machine.clock)
    assert measurement.series[0].failure == "mbv2 cannot be timed: RuntimeError: out of memory"
