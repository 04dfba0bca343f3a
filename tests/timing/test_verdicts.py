from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lwprof.timing.statistics import Interval
from lwprof.timing.verdicts import FASTER, INDISTINGUISHABLE, SLOWER, paired, verdict


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (1.01, 2.0, INDISTINGUISHABLE),
        (math.nextafter(1.01, 2), 2.0, SLOWER),
        (0.5, 0.99, INDISTINGUISHABLE),
        (0.5, math.nextafter(0.99, 0), FASTER),
        (1.001, 1.009, INDISTINGUISHABLE),
        (0.5, 2.0, INDISTINGUISHABLE),
    ],
)
def test_only_an_interval_wholly_beyond_the_margin_decides(low: float, high: float, expected: str) -> None:
    assert verdict(Interval((low + high) / 2, low, high), margin=0.01) == expected


@pytest.mark.parametrize(("low", "high", "expected"), [(1.0, 1.1, INDISTINGUISHABLE), (1.001, 1.1, SLOWER)])
def test_margin_of_zero(low: float, high: float, expected: str) -> None:
    assert verdict(Interval(1.05, low, high), margin=0.0) == expected


def test_fewer_than_six_rounds_decide_nothing() -> None:
    assert paired([2.0] * 5, [1.0] * 5, margin=0.01) == ((2.0, 2.0, 2.0), INDISTINGUISHABLE)
    assert paired([2.0] * 6, [1.0] * 6, margin=0.01) == ((2.0, 2.0, 2.0), SLOWER)


@given(st.lists(st.floats(0.1, 10), min_size=6, max_size=40), st.sampled_from([0.5, 2.0]))
def test_verdict_turns_round_with_the_pair(samples: list[float], factor: float) -> None:
    scaled = [factor * sample for sample in samples]
    there, back = paired(scaled, samples, 0.01)[1], paired(samples, scaled, 0.01)[1]
    assert {there, back} == {FASTER, SLOWER}
    assert there == (SLOWER if factor > 1 else FASTER)
