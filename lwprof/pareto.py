"""Pareto front: networks that no other one is shown to dominate, in published top-1 and in what they cost."""

from __future__ import annotations

from collections.abc import Sequence

from lwprof.results.latency import Counted, Timing
from lwprof.results.networks import Published
from lwprof.timing.verdicts import FASTER, ROUNDS_FOR_A_VERDICT, paired


def front_of_networks(
    published: Sequence[Published | None],
    timings: Sequence[Timing | None],
    counts: Sequence[Counted | None],
    mult_adds: Sequence[int],
    margin: float,
    seed: int,
) -> list[bool | None]:
    """Tell which of the networks that were timed are on the front; else of those that were counted, else of all.

    Accuracies on another data set than the first one's cannot be compared with it.
    """
    dataset = next((figures.dataset for figures in published if figures and figures.top1 is not None), "")
    top1 = [figures.top1 if figures and figures.dataset == dataset else None for figures in published]
    exact = not any(timings)
    costs: list[Sequence[float] | None] = [None if timing is None else timing.samples_s for timing in timings]
    if exact:
        costs = [None if count is None else (float(count.instructions.total),) for count in counts]
    if not any(costs):
        costs = [(float(number),) for number in mult_adds]
    known = [accuracy for accuracy, cost in zip(top1, costs, strict=True) if cost is not None]
    placed = iter(pareto_front(known, [cost for cost in costs if cost is not None], margin, seed, exact=exact))
    return [None if cost is None else next(placed) for cost in costs]


def pareto_front(
    top1: Sequence[float | None],
    latency: Sequence[Sequence[float]],
    margin: float,
    seed: int = 0,
    *,
    exact: bool = False,
) -> list[bool | None]:
    """Tell which networks no other one is shown to dominate.

    A network dominates another in two cases. Its top-1 is at least as high and it is faster: the whole
    interval of the ratio of their paired samples lies below 1 - ``margin``. Or its top-1 is higher and it
    is not slower: the whole interval lies at or below 1 + ``margin``. Noise alone shows neither.

    Args:
        top1: published accuracy of each; one without it is neither on the front nor behind it.
        latency: samples of each, taken in the same rounds; with too few for a verdict nothing is known.
        margin: as for verdicts.
        seed: of the bootstrap.
        exact: whether ``latency`` is one exact cost each; these need no margin.
    """
    if not exact and any(len(samples) < ROUNDS_FOR_A_VERDICT for samples in latency):
        return [None] * len(top1)

    def dominates(a: int, b: int) -> bool:
        ours, theirs = top1[a], top1[b]
        if ours is None or theirs is None or ours < theirs:
            return False
        if exact:
            return latency[a][0] < latency[b][0] or (ours > theirs and latency[a][0] == latency[b][0])
        ratio, verdict = paired(latency[a], latency[b], margin, seed)
        return verdict == FASTER or (ours > theirs and ratio.high <= 1 + margin)

    everyone = range(len(top1))
    return [None if top1[b] is None else not any(dominates(a, b) for a in everyone if a != b) for b in everyone]
