"""How the networks of a comparison were timed: a row for each timing, columns with content only."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from lwprof import units
from lwprof.reports.contents import Cell, Column, Table
from lwprof.reports.runs import Measured, Network, Outcome, Run, names_once
from lwprof.reports.timed_settings import Settings
from lwprof.results.latency import Timing, Untimed

STOPPED = {
    "interval": "interval narrow enough",
    "budget": "time budget spent",
    "interrupted": "interrupted",
    "failed": "a network failed",
}
Written = tuple[Column, Callable[[Any], Cell | str]]
"""A column, with what it says of a timing that has its key; those of models say it of a count, too."""

MODEL: tuple[Written, ...] = (
    (Column("size_bytes", "model on disk", ("model", "on disk"), "right", group="model"),
     lambda timing: units.size(timing.size_bytes)),
    (Column("difference", "difference from torch", ("difference", "from torch"), "right", group="model"),
     lambda timing: f"{timing.difference:.1e}" if timing.difference else "0"),
)  # fmt: skip
"""What a dtype changes besides latency: where there are several, it stands beside it."""
COLUMNS: tuple[Written, ...] = (
    (Column("samples_s", "samples × calls", ("samples", "× calls"), "right", group="sampling"),
     lambda timing: f"{len(timing.samples_s)} × {timing.calls_per_sample}"),
    (Column("p90_s", "90th percentile", ("90th per-", "centile"), "right", group="sampling"),
     lambda timing: units.seconds(timing.p90_s)),
    (Column("first_call_s", "first call", ("first", "call"), "right", group="sampling"),
     lambda timing: units.seconds(timing.first_call_s)),
    (Column("load_s", "load", align="right", group="sampling"),
     lambda timing: units.seconds(timing.load_s)),
    (Column("cores", "pinned to cores", ("pinned", "to cores"), group="sampling"),
     lambda timing: timing.cores),
    (Column("convert_s", "conversion", ("conver-", "sion"), "right", group="model"),
     lambda timing: _conversion(timing)),
    *MODEL,
    (Column("layout", "layout", group="model"),
     lambda timing: timing.layout.replace("_", " ")),
    (Column("median_events_s", "median by events", ("median", "by events"), "right", group="device"),
     lambda timing: units.seconds(timing.median_events_s)),
    (Column("l2", "L2 cache", ("L2", "cache"), group="device"),
     lambda timing: timing.l2),
    (Column("peak_memory_bytes", "peak memory", ("peak", "memory"), "right", group="device"),
     lambda timing: units.size(timing.peak_memory_bytes)),
)  # fmt: skip
ENDED = Column("stopped", "ended by", wrap=True, optional=True, group="sampling")
OF_ONE = {"samples_s", "p90_s", "first_call_s", "load_s"}
"""What is shown in any case where there is one setting."""
UNSAID = (None, "", "contiguous")
"""Values that alone do not make a column."""


def table(runs: Sequence[Run], networks: Sequence[Network], settings: Settings) -> Table:
    """Lay out every timing."""
    timed = settings.timed
    several = len(runs) > 1 or timed.several
    always: set[str] = set() if several else OF_ONE
    elsewhere = {"layout"} if timed.several else set()  # in the name of the setting
    elsewhere |= {column.key for column, _ in beside_latency(settings)}
    used = [
        (column, write)
        for column, write in COLUMNS
        if column.key in always or (column.key not in elsewhere and said(column.key, timed.timings))
    ]
    ends = {STOPPED.get(timing.stopped, timing.stopped) for timing in timed.timings}
    apart = not several or len(ends) > 1
    columns = [
        Column("name", "network", wrap=True),
        *([Column("file", "file", wrap=True)] if len(runs) > 1 else []),
        *timed.columns(),
        *(column for column, _ in used),
        *([ENDED] if apart else []),
    ]
    rows: list[list[Cell | str | None]] = [
        [
            name,
            *([file] if len(runs) > 1 else []),
            *([timed.cell(timing)] if timed.shown else []),
            *(written(timing, item) for item in used),
            *([STOPPED.get(timing.stopped, timing.stopped) or None] if apart else []),
        ]
        for name, file, timing in names_once(networks, Timing)
    ]
    notes = [f"ended by: {end}" for end in ends if end and not apart]
    return Table.of("timings", columns, rows, "How it was timed", notes)


def beside_latency(settings: Settings) -> list[Written]:
    """Columns that stand in the table of latencies instead."""
    return [item for item in MODEL if settings.several_dtypes and said(item[0].key, settings.measured)]


def written(outcome: Outcome | None, item: Written) -> Cell | str | None:
    """What a column says of a timing or count; ``None`` where that is nothing."""
    column, write = item
    if outcome is None or isinstance(outcome, Untimed) or getattr(outcome, column.key) in (None, ""):
        return None
    return write(outcome)


def said(key: str, measured: Iterable[Measured]) -> bool:
    """Whether any of them says something under a key that all of them have."""
    return any(getattr(item, key) not in UNSAID for item in measured)


def _conversion(timing: Timing) -> Cell:
    """Seconds that a conversion took, and whether that was in an earlier run."""
    text = units.seconds(timing.convert_s)
    return Cell(f"{text}, kept", lines=(text, "kept")) if timing.converted_before else Cell(text)
