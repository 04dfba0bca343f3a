"""Statistics of samples: medians, their intervals, outliers and trends. Pure functions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

RESAMPLES = 4000

CHANCE = 1.645
"""Standard errors that an autocorrelation without cause exceeds once in twenty times."""


class Interval(NamedTuple):
    """A median and the 95 % interval around it."""

    median: float
    low: float
    high: float

    @property
    def relative_width(self) -> float:
        """Width as a share of the median; 0 where the median is 0."""
        return (self.high - self.low) / self.median if self.median else 0.0


def median(samples: Sequence[float]) -> float:
    """Middle of the samples, or the mean of the middle two.

    >>> median([3.0, 1.0, 2.0]), median([4.0, 1.0, 2.0, 3.0])
    (2.0, 2.5)
    """
    return float(np.median(samples))


def quantile(samples: Sequence[float], share: float) -> float:
    """Value below which ``share`` of the samples lie, interpolated linearly.

    Source: Hyndman and Fan, "Sample Quantiles in Statistical Packages", 1996, definition 7.

    >>> quantile([0.0, 1.0, 2.0, 3.0, 4.0], 0.9)
    3.6
    """
    return float(np.quantile(samples, share))


def effective_size(samples: Sequence[float]) -> int:
    """How many independent samples would know the median as well as these, in the order they were taken.

    Neighbours resemble each other where the machine was slow for a while. The median averages on which
    side of it a sample lies, so the autocorrelations of that are summed: in pairs of lags, while the
    pairs are positive and fall. The sum is noise itself, and only ever costs samples; where neighbours do not
    resemble each other by more than chance (one-sided 95 %), all samples count.

    Sources: Geyer, "Practical Markov Chain Monte Carlo", 1992, section 3.3, initial monotone sequence;
    Bartlett, "On the Theoretical Specification and Sampling Properties of Autocorrelated Time-Series", 1946.

    >>> effective_size([1.0, 9.0, 2.0, 8.0, 3.0, 7.0]), effective_size(sorted([1.0, 9.0, 2.0, 8.0, 3.0, 7.0] * 3))
    (6, 3)
    """
    values = np.asarray(samples, dtype=np.float64)
    n = len(values)
    sides = np.sign(values - np.median(values))
    power = np.abs(np.fft.rfft(sides, 2 * n)) ** 2
    covariances = np.fft.irfft(power, 2 * n)[: n - n % 2]
    if len(covariances) == 0 or covariances[1] <= CHANCE * n**-0.5 * covariances[0]:
        return n
    pairs = np.minimum.accumulate(covariances.reshape(-1, 2).sum(axis=1) / covariances[0])
    worth = 2 * pairs[np.minimum.accumulate(pairs > 0)].sum() - 1
    return int(np.clip(round(n / worth), 1, n)) if worth > 0 else n


def median_interval(
    samples: Sequence[float], seed: int = 0, resamples: int = RESAMPLES, size: int | None = None
) -> Interval:
    """Median with its 95 % bootstrap percentile interval.

    A resample has ``size`` samples, by default as many as are independent: :func:`effective_size`.

    Source: Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 13. A resample is
    not drawn in full: sorted, it is the empirical quantile function at the order statistics of n
    uniform numbers, and the middle ones of those are beta-distributed (David and Nagaraja, "Order
    Statistics", 2003, section 2.3). That is the same distribution at a cost that does not grow with n.

    >>> median_interval([5.0])
    Interval(median=5.0, low=5.0, high=5.0)
    """
    ordered = np.sort(np.asarray(samples, dtype=np.float64))
    n = len(ordered)
    size = effective_size(samples) if size is None else size
    random = np.random.default_rng(seed)
    lower_rank = (size + 1) // 2
    lower = random.beta(lower_rank, size + 1 - lower_rank, resamples)
    medians = ordered[_index(lower, n)]
    if size % 2 == 0:  # the next order statistic is the smallest of those that are left above
        upper = lower + (1 - lower) * random.beta(1, size - lower_rank, resamples)
        medians = (medians + ordered[_index(upper, n)]) / 2
    low, high = np.quantile(medians, (0.025, 0.975))
    return Interval(float(np.median(ordered)), float(low), float(high))


def ratio_interval(samples: Sequence[float], reference: Sequence[float], seed: int = 0) -> Interval:
    """Median of the ratios to ``reference``, sample by sample, with its 95 % interval.

    What slows both halves of a pair, such as a clock that drifts, cancels.

    >>> ratio_interval([2.0, 4.0, 8.0], [1.0, 2.0, 4.0])
    Interval(median=2.0, low=2.0, high=2.0)
    """
    return median_interval(np.divide(samples, reference).tolist(), seed)


def far_outliers(samples: Sequence[float]) -> int:
    """Count the samples more than three interquartile ranges beyond the quartiles.

    Source: Tukey, "Exploratory Data Analysis", 1977, outer fences.

    >>> far_outliers([1.0, 2.0, 3.0, 4.0, 5.0, 100.0])
    1
    """
    values = np.asarray(samples)
    first, third = np.quantile(values, (0.25, 0.75))
    reach = 3 * (third - first)
    return int(np.count_nonzero((values < first - reach) | (values > third + reach)))


def trend(samples: Sequence[float]) -> float:
    """Mann–Kendall trend as a standard normal deviate: negative while samples fall, 0 without a trend.

    Sources: Mann, "Nonparametric Tests Against Trend", 1945; Kendall, "Rank Correlation Methods", 1975.

    >>> round(trend([5.0, 4.0, 3.0, 2.0, 1.0]), 3), trend([1.0, 1.0, 1.0])
    (-2.205, 0.0)
    """
    values = np.asarray(samples)
    n = len(values)
    rises = int(np.sign(values[None, :] - values[:, None])[np.triu_indices(n, 1)].sum())
    _, ties = np.unique(values, return_counts=True)
    variance = (n * (n - 1) * (2 * n + 5) - int((ties * (ties - 1) * (2 * ties + 5)).sum())) / 18
    return float((rises - np.sign(rises)) / variance**0.5) if variance > 0 else 0.0


def shift(samples: Sequence[float]) -> float:
    """By what share the last third of the samples lies above the first.

    >>> shift([1.0, 1.0, 1.2, 1.3, 1.5, 1.5])
    0.5
    """
    third = max(1, len(samples) // 3)
    return median(samples[-third:]) / median(samples[:third]) - 1


def _index(position: np.ndarray, n: int) -> np.ndarray:
    return np.minimum((position * n).astype(np.intp), n - 1)
