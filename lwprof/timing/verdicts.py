"""Verdicts: whether one contender is faster than another, as far as the samples can tell."""

from __future__ import annotations

from collections.abc import Sequence

from lwprof.timing.statistics import Interval, ratio_interval

FASTER, SLOWER, INDISTINGUISHABLE = "faster", "slower", "indistinguishable"

ROUNDS_FOR_A_VERDICT = 6
"""With five samples or fewer even the whole range covers the median with less than 95 %: 1 - 2/2**5."""


def verdict(ratio: Interval, margin: float) -> str:
    """Name what the interval of a ratio shows; only an interval wholly beyond 1 ± ``margin`` shows anything.

    >>> verdict(Interval(1.05, 1.02, 1.08), 0.01), verdict(Interval(1.02, 1.005, 1.03), 0.01)
    ('slower', 'indistinguishable')
    """
    if ratio.low > 1 + margin:
        return SLOWER
    if ratio.high < 1 - margin:
        return FASTER
    return INDISTINGUISHABLE


def paired(samples: Sequence[float], reference: Sequence[float], margin: float, seed: int = 0) -> tuple[Interval, str]:
    """Ratio of ``samples`` to ``reference``, taken round by round, and its verdict."""
    ratio = ratio_interval(samples, reference, seed)
    return ratio, verdict(ratio, margin) if len(samples) >= ROUNDS_FOR_A_VERDICT else INDISTINGUISHABLE
