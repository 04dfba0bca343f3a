from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lwprof.timing.statistics import (
    Interval,
    effective_size,
    far_outliers,
    median,
    median_interval,
    quantile,
    ratio_interval,
    shift,
    trend,
)

durations = st.lists(st.floats(1e-6, 1e3), min_size=1, max_size=60)


@pytest.mark.parametrize("n", [5, 6, 20, 21])
def test_interval_is_that_of_plain_resampling(n: int) -> None:
    samples = np.random.default_rng(n).lognormal(0, 0.3, n)
    drawn = np.random.default_rng(1).choice(samples, (40_000, n))
    low, high = np.quantile(np.median(drawn, axis=1), (0.025, 0.975))
    interval = median_interval(samples.tolist(), resamples=40_000, size=n)
    assert interval == pytest.approx((np.median(samples), low, high), rel=0.01)


@pytest.mark.slow
@given(durations, st.integers(0, 2**32))
def test_interval_surrounds_the_median_within_the_samples(samples: list[float], seed: int) -> None:
    interval = median_interval(samples, seed)
    assert min(samples) <= interval.low <= interval.median <= interval.high <= max(samples)
    assert interval.median == median(samples)


@pytest.mark.slow
@given(durations)
def test_resamples_do_not_depend_on_the_order_of_samples(samples: list[float]) -> None:
    assert median_interval(samples, size=7) == median_interval(sorted(samples), size=7)


@pytest.mark.slow
@given(durations)
def test_samples_that_repeat_themselves_are_worth_less(samples: list[float]) -> None:
    assert 1 <= effective_size(samples) <= len(samples)
    twice = [sample for sample in samples for _ in range(2)]
    assert effective_size(twice) <= len(twice)


def test_effective_size_is_that_of_an_autoregressive_process() -> None:
    random, samples = np.random.default_rng(0), [0.0]
    for _ in range(20_000):
        samples.append(0.8 * samples[-1] + random.standard_normal())
    # signs of neighbours k apart correlate with asin(0.8**k) * 2 / pi, Sheppard 1899
    worth = 1 + 2 * sum(math.asin(0.8**k) * 2 / math.pi for k in range(1, 100))
    assert effective_size(samples) == pytest.approx(20_001 / worth, rel=0.15)
    random.shuffle(samples)
    assert effective_size(samples) > 0.85 * 20_001


@pytest.mark.slow
@pytest.mark.parametrize("persistence", [0.0, 0.5, 0.8])
def test_interval_covers_the_true_median_though_neighbours_resemble_each_other(persistence: float) -> None:
    covered = 0
    for seed in range(300):
        random = np.random.default_rng(seed)
        state, samples = random.standard_normal(), []
        for _ in range(200):
            state = persistence * state + (1 - persistence**2) ** 0.5 * random.standard_normal()
            samples.append(math.exp(0.05 * state))
        interval = median_interval(samples, seed)
        covered += interval.low <= 1 <= interval.high
    assert covered >= 0.87 * 300


@pytest.mark.slow
@given(durations)
def test_interval_scales_with_the_unit(samples: list[float]) -> None:
    assert median_interval([1024 * sample for sample in samples]) == tuple(1024 * x for x in median_interval(samples))


@pytest.mark.slow
def test_interval_covers_the_true_median_as_often_as_it_says() -> None:
    random = np.random.default_rng(0)
    intervals = [median_interval(random.lognormal(0, 0.5, 31).tolist(), seed) for seed in range(400)]
    covered = sum(interval.low <= 1 <= interval.high for interval in intervals)
    assert 0.91 * 400 <= covered <= 0.99 * 400


def test_interval_narrows_with_more_samples() -> None:
    samples = np.random.default_rng(0).lognormal(0, 0.2, 1000).tolist()
    assert median_interval(samples).relative_width < median_interval(samples[:50]).relative_width / 2


def test_relative_width() -> None:
    assert Interval(2.0, 1.9, 2.2).relative_width == pytest.approx(0.15)
    assert Interval(0.0, 0.0, 0.0).relative_width == 0


@pytest.mark.slow
@given(durations, st.integers(2, 8))
def test_ratio_is_exact_where_every_round_agrees(samples: list[float], factor: int) -> None:
    assert ratio_interval([factor * sample for sample in samples], samples) == pytest.approx((factor, factor, factor))


def test_ratio_pairs_samples_of_one_round() -> None:
    drifting = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]
    assert ratio_interval(drifting, drifting) == (1.0, 1.0, 1.0)
    assert ratio_interval(drifting, drifting[::-1]).relative_width > 1


def test_quantile_interpolates() -> None:
    assert quantile([1.0, 2.0], 0.9) == pytest.approx(1.9)


def test_far_outliers_lie_beyond_three_interquartile_ranges() -> None:
    quartiles = [0.0, 1.0, 2.0, 3.0, 4.0]  # Q1 = 1, Q3 = 3 and both fences 6 beyond, were there no more samples
    assert far_outliers(quartiles) == 0
    assert far_outliers(quartiles * 100 + [9.0, -5.0]) == 0
    assert far_outliers(quartiles * 100 + [9.1, -5.1, 50.0]) == 3


@pytest.mark.parametrize(
    ("samples", "expected"),
    [
        ([1.0, 2.0, 3.0, 4.0, 5.0], 9 / (300 / 18) ** 0.5),  # S = 10; variance 5·4·15/18
        ([5.0, 4.0, 3.0, 2.0, 1.0], -9 / (300 / 18) ** 0.5),
        ([1.0, 1.0, 2.0], 1 / ((66 - 18) / 18) ** 0.5),  # S = 2; one tie of two
        ([2.0, 2.0, 2.0], 0.0),
        ([7.0], 0.0),
    ],
)
def test_trend(samples: list[float], expected: float) -> None:
    assert trend(samples) == pytest.approx(expected)


def test_shift_compares_the_last_third_with_the_first() -> None:
    assert shift([1.0, 1.0, 1.0, 9.0, 9.0, 9.0, 1.1, 1.1, 1.1]) == pytest.approx(0.1)
    assert shift([2.0]) == 0
