"""Rank correlation of speeds here with those that the paper prints, with what the noise of timing does to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas

from lwprof.timing.statistics import Interval, effective_size

RESAMPLES = 1000
FEWEST = 3
"""Networks that have a rank correlation worth the name."""


@dataclass(frozen=True, slots=True)
class Ranks:
    """How alike speeds here and on one of the paper's devices are ranked."""

    group: str
    """Of the table's networks; empty for all."""
    side: str
    rho: Interval
    networks: int
    resampled: tuple[float, ...]
    """The same in resamples of the rounds."""

    def nearer_than(self, other: Ranks) -> bool | None:
        """Whether this device is more like the one of these than like the other; ``None`` where that is open."""
        low, high = np.quantile(np.subtract(self.resampled, other.resampled), (0.025, 0.975))
        return True if low > 0 else False if high < 0 else None


def ranks(
    group: str, side: str, speeds: Sequence[float], samples: Sequence[Sequence[float]], seed: int
) -> Ranks | None:
    """Correlate the ranks of printed speeds with those of the speeds here; ``None`` for too few networks.

    Source: Spearman, "The Proof and Measurement of Association between Two Things", 1904; ties at their mean rank. The
    interval is the bootstrap's, over rounds: in a resample all networks have the same rounds. It is of the noise of
    timing, not of which networks were chosen.

    Args:
        group: of the networks; empty for all.
        side: of the paper's devices.
        speeds: what the paper prints, by network.
        samples: seconds a call by network, one a round.
        seed: of the bootstrap.

    >>> found = ranks("", "ARM", [57.0, 36.4, 8.9], [[1.0, 1.1], [2.0, 2.1], [9.0, 8.0]], 0)
    >>> found.rho
    Interval(median=1.0, low=1.0, high=1.0)
    """
    rounds = min(map(len, samples), default=0)
    if len(speeds) < FEWEST or not rounds:
        return None
    seconds = np.asarray([column[:rounds] for column in samples], dtype=np.float64)
    size = min(effective_size(column.tolist()) for column in seconds)
    drawn = np.random.default_rng(seed).integers(rounds, size=(RESAMPLES, size))
    medians = np.stack([np.median(column[drawn], axis=1) for column in seconds])  # (networks, resamples)
    wanted = _standard(_ranks(np.asarray(speeds, dtype=np.float64)[:, None]))
    resampled = (wanted * _standard(_ranks(-medians))).sum(axis=0)
    rho = float((wanted * _standard(_ranks(-np.median(seconds, axis=1, keepdims=True)))).sum())
    low, high = np.quantile(resampled, (0.025, 0.975))
    return Ranks(group, side, Interval(round(rho, 12), float(low.round(12)), float(high.round(12))), len(speeds),
                 tuple(resampled.tolist()))  # fmt: skip


def _ranks(columns: np.ndarray) -> np.ndarray:
    return pandas.DataFrame(columns).rank().to_numpy()


def _standard(columns: np.ndarray) -> np.ndarray:
    """Scale columns so that the sum of products of two of them is their correlation."""
    centred = columns - columns.mean(axis=0)
    length = np.sqrt((centred**2).sum(axis=0))
    scaled: np.ndarray = np.divide(centred, length, out=np.zeros_like(centred), where=length > 0)
    return scaled
