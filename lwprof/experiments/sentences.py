"""Sentences: whether a guideline holds here, by how much, and with what confidence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lwprof.experiments.claims import NO, UNCLEAR, YES, Claim, holds
from lwprof.experiments.correlations import Ranks
from lwprof.experiments.plans import Column, Plan
from lwprof.experiments.tables import ARM, GPU
from lwprof.timing.statistics import Interval
from lwprof.timing.verdicts import ROUNDS_FOR_A_VERDICT
from lwprof.units import number_of


@dataclass(frozen=True, slots=True)
class Judged:
    """A column, and what became of the paper's claims in it."""

    column: Column
    claims: tuple[Claim, ...]

    @property
    def measured(self) -> bool:
        """Whether any two rows can be held against each other."""
        return any(claim.here is not None for claim in self.claims)

    @property
    def holds(self) -> str:
        """As :func:`~lwprof.experiments.claims.holds`."""
        return holds(self.claims)


def guideline(plan: Plan, judged: Sequence[Judged], margin: float) -> str:
    """Say in how many columns the guideline holds, and what the largest step is in each; name those where it fails."""
    known = [item for item in judged if item.measured]
    if not known:
        return f"Whether {plan.guideline} holds here is not known: too little was measured."
    by_answer = {answer: [item for item in known if item.holds == answer] for answer in (YES, NO, UNCLEAR)}
    columns = f"of {number_of(len(known), 'column')}"
    if by_answer[YES]:
        head, leading = f"{plan.guideline} holds here in {len(by_answer[YES])} {columns}", YES
    elif by_answer[NO]:
        failing = f"here in {len(by_answer[NO])} {columns}"
        head, leading = f"{plan.guideline} does not hold {failing}", NO
        if all(map(_first_leads, by_answer[NO])):
            best = _best(by_answer[NO][0])
            head = f"The paper's order for {plan.guideline} is not seen {failing}, though {best} there"
    else:
        head, leading = f"Whether {plan.guideline} holds here cannot be told from these intervals", UNCLEAR
    parts = []
    for answer, other, tell in ((YES, "", _size), (NO, "not in", _failing), (UNCLEAR, "unclear in", _open)):
        for item in by_answer[answer]:
            best = f"{_best(item)}, but " if leading == YES and answer == NO and _first_leads(item) else ""
            place = f"in {item.column.name}, " if answer == leading else f"{other} {item.column.name}, where "
            parts.append(place + best + tell(item))
    missing = [item.column.name for item in judged if not item.measured]
    tail = f" Not measured: {', '.join(missing)}." if missing else ""
    return (
        f"{head}: {'; '.join(parts)}. Intervals are of 95 % confidence, and a difference counts from "
        f"{100 * margin:g} % on.{tail}"
    )


def devices(ranks: Sequence[Ranks]) -> str:
    """Say whose ranking of networks this device's is more like."""
    found = {item.side: item for item in ranks if not item.group}
    if not found:
        return "How this device ranks the networks is not known: too little was measured."
    arm, gpu = found[ARM], found[GPU]
    told = (
        f"This device ranks {arm.networks} networks as the paper's ARM does with a rank correlation of "
        f"{interval(arm.rho)}, and as its GPU with {interval(gpu.rho)}"
    )
    nearer = arm.nearer_than(gpu)
    end = (
        "it cannot be told which it is more like" if nearer is None else f"it is more like the {ARM if nearer else GPU}"
    )
    return f"{told}: {end}. Intervals are of 95 % confidence, of the noise of timing alone."


def interval(found: Interval) -> str:
    """Write a value with its interval, with so many digits that the two ends can be told apart.

    >>> interval(Interval(0.614, 0.602, 0.625)), interval(Interval(0.9971, 0.9962, 0.9983))
    ('0.61 (0.60–0.62)', '0.997 (0.996–0.998)')
    """
    digits = 2 if found.high - found.low >= 0.01 else 3
    low, high = (f"{end:.{digits}f}" for end in (found.low, found.high))
    return (
        f"{found.median:.{digits}f} ({low}–{high})"
        if min(found.low, found.high) >= 0
        else (f"{found.median:.{digits}f} ({low} to {high})")
    )


def _size(item: Judged) -> str:
    """Say how large the effect is."""
    return _told(item, _largest_step(item), "runs at")


def _failing(item: Judged) -> str:
    """Name the claim that is furthest from true, how many more are not, and how large the effect is."""
    wrong = sorted((claim for claim in item.claims if claim.answer == NO), key=_shortfall, reverse=True)
    more = f" ({len(wrong)} of the paper's {len(item.claims)} orderings are not seen)" * (len(wrong) > 1)
    return _told(item, wrong[0], "runs at") + more + _besides(item, wrong[0])


def _first_leads(item: Judged) -> bool:
    """Whether the first row stands to all others as the paper says, whatever their own order."""
    return all(claim.answer == YES for claim in item.claims if claim.to == 0)


def _best(item: Judged) -> str:
    return f"{item.column.entries[0].short} is the {'fastest' if item.claims[0].slower else 'slowest'}"


def _open(item: Judged) -> str:
    """Name what the intervals do not tell."""
    unmeasured = [claim for claim in item.claims if claim.here is None]
    if unmeasured:
        rows = dict.fromkeys(item.column.entries[claim.row].short for claim in unmeasured)
        return f"{' and '.join(rows)} could not be compared"
    first = next(claim for claim in item.claims if claim.answer == UNCLEAR)
    few = f" after only {first.rounds} rounds" * (first.rounds < ROUNDS_FOR_A_VERDICT)
    return _told(item, first, "runs at") + few + _besides(item, first)


def _largest_step(item: Judged) -> Claim:
    """The last row against the first, which in the paper's figures is the largest effect, or near it."""
    last = len(item.column.entries) - 1
    return next((claim for claim in item.claims if (claim.row, claim.to) == (last, 0)), item.claims[-1])


def _besides(item: Judged, told: Claim) -> str:
    claim = _largest_step(item)
    return "" if claim is told or claim.here is None else f", and {_told(item, claim, 'at')}"


def _told(item: Judged, claim: Claim, verb: str) -> str:
    """Say how fast one row is against another, here and in the paper."""
    assert claim.here is not None
    row, to = (item.column.entries[place].short for place in (claim.row, claim.to))
    paper = f"the paper's {item.column.side}: {claim.paper:.2f}"
    return f"{row} {verb} {interval(claim.here)} times the speed of {to} ({paper})"


def _shortfall(claim: Claim) -> float:
    """By how much the speed is on the wrong side of what the paper claims."""
    assert claim.here is not None
    return (claim.here.median - 1) * (1 if claim.slower else -1)
