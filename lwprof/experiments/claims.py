"""Claims: the orderings that the paper's figures show, and what the samples taken here say to each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from lwprof.timing.statistics import Interval, ratio_interval
from lwprof.timing.verdicts import ROUNDS_FOR_A_VERDICT

YES, NO, UNCLEAR = "yes", "no", "unclear"

PRINTED_MARGIN = 0.01
"""Figures of the paper that are closer than this, or than a unit of their last digit, claim nothing."""


@dataclass(frozen=True, slots=True)
class Claim:
    """That one row of a column is slower, or faster, than another, as the paper's speeds are."""

    row: int
    to: int
    paper: float
    """Speed of the one over that of the other, in the paper."""
    here: Interval | None
    """The same here, paired round by round; ``None`` where one of them was not measured."""
    rounds: int
    margin: float

    @property
    def slower(self) -> bool:
        """Whether it says "slower"."""
        return self.paper < 1

    @property
    def answer(self) -> str:
        """Whether it is true here.

        "yes" where the whole interval lies beyond the margin on the side that the paper's figures lie on, "no" where
        none of it does, "unclear" between the two and with too few rounds.
        """
        if self.here is None or self.rounds < ROUNDS_FOR_A_VERDICT:
            return UNCLEAR
        border = 1 - self.margin if self.slower else 1 + self.margin
        below, above = self.here.high < border, self.here.low > border
        if not (below or above):
            return UNCLEAR
        return YES if below == self.slower else NO


def claims(
    pairs: Sequence[tuple[int, int]],
    paper: Sequence[float],
    samples: Mapping[int, Sequence[float]],
    margin: float,
    seed: int,
) -> Iterator[Claim]:
    """Hold what was measured against the order of the paper's figures.

    Args:
        pairs: positions of two rows each.
        paper: speeds as printed, by position.
        samples: seconds a call, one a round, of the rows that were timed.
        margin: a difference matters when the whole interval is beyond it.
        seed: of the bootstrap.
    """
    for to, row in pairs:
        if _may_be_equal(paper[row], paper[to]):
            continue
        ratio = paper[row] / paper[to]
        known = row in samples and to in samples
        here = ratio_interval(samples[to], samples[row], seed) if known else None
        yield Claim(row, to, ratio, here, len(samples[row]) if known else 0, margin)


def _may_be_equal(one: float, other: float) -> bool:
    """Whether two printed figures say nothing of which is larger: rounding alone may have parted them.

    >>> _may_be_equal(2.3, 2.2), _may_be_equal(2.3, 2.1), _may_be_equal(2427, 2428), _may_be_equal(2427, 2647)
    (True, False, True, False)
    """
    last_digit = max(1 if isinstance(figure, int) else 0.1 for figure in (one, other))
    return abs(one - other) <= max(1.001 * last_digit, PRINTED_MARGIN * other)


def holds(found: Sequence[Claim]) -> str:
    """Sum up a column: "yes" where every claim is true, "no" where one is not, else "unclear".

    >>> slower, same = (Claim(1, 0, 0.5, Interval(x, x, x), 9, 0.01) for x in (0.6, 1.0))
    >>> holds([slower, slower]), holds([slower, same]), holds([])
    ('yes', 'no', 'unclear')
    """
    answers = {claim.answer for claim in found}
    if NO in answers:
        return NO
    return YES if answers == {YES} else UNCLEAR
