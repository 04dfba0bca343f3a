"""Where the time goes: tables of the layers that were timed and of their kinds, and how that was measured."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from lwprof import units
from lwprof.reports import phrases
from lwprof.reports.contents import Cell, Column, Note, Table
from lwprof.reports.options import TIME, Options
from lwprof.results.layer_times import LayerTime, LayerTimes, Shares
from lwprof.results.profile import ProfileResult

TOP = 20
"""Layers that are shown where nobody says how many."""

NOWHERE = "unattributed"
BY = {
    "time": "time",
    "params": "params",
    "mult_adds": "mult-adds",
    "paper_elements": "MAC, paper",
    "eager_elements": "MAC, eager",
}
COLUMNS = (
    Column("time", "time", align="right"),
    Column("time_share", "share of time", ("share", "of time"), "right"),
    Column("mult_adds_share", "share of mult-adds", ("share of", "mult-", "adds"), "right"),
    Column("eager_share", "share of MAC, eager", ("share", "of MAC,", "eager"), "right"),
    Column("excess", "time × cost", ("time", "× cost"), "right"),
)


def tables(result: ProfileResult, time: LayerTimes, options: Options) -> list[Table]:
    """The layers that take the most time, or cost the most otherwise, and the kinds."""
    return [_layers(result, time, options.sort or TIME, options.top or TOP), _kinds(result, time)]


def _layers(result: ProfileResult, time: LayerTimes, sort: str, top: int) -> Table:
    by_size = _sizes(result, sort)
    ranked = sorted(zip(time.layers, result.shares(), strict=True), key=lambda row: -by_size(row[0]))[:top]
    columns = [
        Column("layers", "layer", wrap=True),
        Column("kind", "kind", optional=True),
        *COLUMNS,
    ]
    rows = [
        [phrases.halved(phrases.leading(item.layers, result.model.name)), item.kind, *_cells(item, shares)]
        for item, shares in ranked
    ]
    rows.append([Cell(NOWHERE, style="quiet"), "", *_rest(time)])
    count = f"{len(ranked)} of {len(time.layers)}" if len(ranked) < len(time.layers) else f"all {len(ranked)}"
    title = f"Where the time goes on {time.timing.timed_on}: layers by {BY[sort]} ({count})"
    return Table.of("layer_times", columns, rows, title)


def _sizes(result: ProfileResult, sort: str) -> Callable[[LayerTime], float]:
    if sort == TIME:
        return lambda item: item.median_s
    costs = {layer.name: getattr(layer, sort) for layer in result.layers}
    return lambda item: sum(costs.get(name, 0) for name in item.layers)


def _kinds(result: ProfileResult, time: LayerTimes) -> Table:
    columns = [Column("kind", "kind"), Column("layers", "layers", align="right", optional=True), *COLUMNS]
    rows = [
        [kind.kind, sum(item.kind == kind.kind for item in time.layers), *_cells(kind, shares)]
        for kind, shares in zip(time.kinds, result.shares_of_kinds(), strict=True)
    ]
    rows.append([Cell(NOWHERE, style="quiet"), Cell(""), *_rest(time)])
    return Table.of("kind_times", columns, rows, f"Where the time goes on {time.timing.timed_on}: kinds of operator")


def _cells(timed: phrases.Timed, shares: Shares) -> list[Cell]:
    found = shares.out_of_proportion
    excess = "" if not found else "no cost" if shares.excess is None else f"{shares.excess:.1f} ×"
    return [
        phrases.latency(timed),
        Cell(units.share(shares.time, 1), style="warning" if found else ""),
        Cell(units.share(shares.mult_adds, 1)),
        Cell(units.share(shares.eager_elements, 1)),
        Cell(excess, style="warning"),
    ]


def _rest(time: LayerTimes) -> list[Cell]:
    cells = phrases.latency(time.unattributed), units.share(time.unattributed.median_s, time.total_s), "", "", ""
    return [Cell(cell.text, lines=cell.lines, style="quiet") if isinstance(cell, Cell) else Cell(cell, style="quiet")
            for cell in cells]  # fmt: skip


def notes(result: ProfileResult, time: LayerTimes) -> Iterator[Note]:
    """What the figures are of, and what they cost."""
    timing = time.timing
    if time.interrupted:
        yield Note("interrupted: the times are of what had been measured by then", "bad")
    for warning in timing.warnings:
        yield Note(warning, "warning")
    yield Note(
        "time: a layer's own in one call, without the layers inside it, median ± 95 % interval; shares are of all "
        f"medians together; {NOWHERE}: what is left of the call, between the layers and in what computes nothing"
    )
    if any(shares.out_of_proportion for shares in (*result.shares(), *result.shares_of_kinds())):
        yield Note(
            "time × cost: takes so many times the share of the time that its mult-adds or its memory access would "
            "explain, whichever explains more; only where it is twice or more, and 1 % of the time"
        )
    if any(item.layers[1:] for item in time.layers):
        yield Note("+1: runs as one with another layer, +2 with two; CSV and JSON name them")
    low, high = time.observed.ci95
    ratio, half = units.uncertain(time.observed.ratio, low, high)
    yield Note(
        f"measured in {len(timing.samples_s)} rounds with calls that nobody looked into: the calls that were looked "
        f"into took {ratio} ± {half} times as long"
    )
    if environment := phrases.environment(time.environment):
        yield Note(f"environment: {environment}", "quiet")
