"""Executed instructions in a comparison: columns beside the latencies, and a table of their classes.

They are counted on emulated cores, and say nothing of time: none of them stands under a latency, or has its unit.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from lwprof import units
from lwprof.reports import compare_details, phrases
from lwprof.reports.contents import Cell, Column, Note, Table, cell
from lwprof.reports.runs import Network, Outcome, Run, names_once
from lwprof.reports.timed_settings import Settings
from lwprof.results.latency import Counted, Timing

GROUP, RATIO = "instructions", "ratio"
"""Of columns; a narrow terminal shows the ratio apart, if it has to."""
LONGEST_IN_A_HEADER = 20
CLASSES = (
    Column("vector_fma", "vector FMA", ("vector", "FMA"), "right", group="vectors"),
    Column("vector_load", "vector load", ("vector", "load"), "right", group="vectors"),
    Column("vector_store", "vector store", ("vector", "store"), "right", group="vectors"),
    Column("vector_other", "other vector", ("other", "vector"), "right", group="vectors"),
    Column("scalar", "scalar", align="right", group="scalars"),
    Column("branch", "branch", align="right", group="scalars"),
    Column("load", "load", align="right", group="scalars"),
    Column("store", "store", align="right", group="scalars"),
    Column("other", "other", align="right", group="scalars"),
)


class Columns:
    """The columns beside the latencies: total, per mult-add, share that is no FMA, and the ratio to the first network.

    There are none where nothing was counted.
    """

    def __init__(self, runs: Sequence[Run]) -> None:
        self._any = any(run.counts for run in runs)
        bases = [(run, place) for run in runs for place in _related(run)]
        names = Counter(run.names[place] for run, place in bases)
        self._base = max(names, key=lambda name: names[name], default="")
        self._related = bool(bases)

    def columns(self) -> list[Column]:
        """None, or those that there is something for."""
        to = self._base if len(self._base) <= LONGEST_IN_A_HEADER else "first"
        found = [
            Column("instructions", "instructions", ("instruc-", "tions"), "right", group=GROUP),
            Column("per_mult_add", "instructions per mult-add", ("per", "mult-", "add"), "right", group=GROUP),
            Column("not_fma", "not vector FMA", ("not", "vector", "FMA"), "right", group=GROUP),
        ]
        if self._related:
            lines = ("instruc-", "tions", "relative", f"to {to}")
            header = f"instructions relative to {to}"
            found.append(Column("instructions_relative", header, lines, "right", group=RATIO))
        return found if self._any else []

    def cells(self, run: Run, place: int, outcome: Outcome | None) -> dict[str, Cell]:
        """What they say of an outcome: nothing of a latency, a dash where a count is missing."""
        if not isinstance(outcome, Counted):
            empty = isinstance(outcome, Timing) or (outcome is not None and not outcome.is_count)
            return {column.key: Cell("" if empty else "–") for column in self.columns()}
        found = outcome.instructions
        per = found.per(run.result.models[place].totals.mult_adds)
        return {
            "instructions": Cell(units.count(found.total)),
            "per_mult_add": Cell("–" if per is None else f"{per:,.3f}"),
            "not_fma": Cell(f"{100 * found.not_fma:.1f} %"),
            "instructions_relative": self._ratio(run, place, outcome),
        }

    def _ratio(self, run: Run, place: int, count: Counted) -> Cell:
        """The total over that of the first network on the same core: exact, so without interval and verdict."""
        first = run.first(count.timed_on)
        name = run.names[first]
        if first == place:
            return Cell("1 ×" if name == self._base else "–", style="quiet")
        base = next(item for item in run.result.models[first].counts if item.timed_on == count.timed_on)
        if not base.instructions.total:
            return Cell("–", style="quiet")
        ratio = f"{phrases.digits(count.instructions.total / base.instructions.total)} ×"
        return Cell(ratio) if name == self._base else Cell(f"{ratio} {name}", lines=(ratio, name))


def _related(run: Run) -> list[int]:
    """Places of the networks that others are relative to, for each setting that has others."""
    settings = Counter(count.timed_on for count in run.counts)
    return [run.first(setting) for setting, times in settings.items() if times > 1]


def table(networks: Sequence[Network], settings: Settings, several_files: bool) -> Table:
    """Lay out every count by class, with the core and the runtime that it is of."""
    dtypes = len({count.dtype for count in settings.counts}) > 1
    used = [
        item for item in compare_details.MODEL
        if item not in compare_details.beside_latency(settings) and compare_details.said(item[0].key, settings.counts)
    ]  # fmt: skip
    columns = [
        Column("name", "network", wrap=True),
        *([Column("file", "file", wrap=True)] if several_files else []),
        Column("core", "core"),
        Column("runtime", "runtime", wrap=True),
        *([Column("dtype", "dtype")] if dtypes else []),
        *CLASSES,
        *(column for column, _ in used),
    ]
    rows: list[list[Cell | str | None]] = [
        [
            name,
            *([file] if several_files else []),
            count.core,
            count.runtime or None,
            *([count.dtype] if dtypes else []),
            *(Cell(units.count(getattr(count.instructions, column.key))) for column in CLASSES),
            *(cell(compare_details.written(count, item)) for item in used),
        ]
        for name, file, count in names_once(networks, Counted)
    ]
    return Table.of("instructions", columns, rows, "Executed instructions by class")


def notes(runs: Sequence[Run], settings: Settings) -> Iterator[Note]:
    """Say what the numbers are, and what they are not."""
    counts = settings.counts
    if not counts:
        return
    runtimes = list(dict.fromkeys(count.runtime for count in counts if count.runtime))
    cores = list(dict.fromkeys(count.core.title() for count in counts))
    yield Note(
        f"instructions: executed AArch64 instructions of one inference of {' or '.join(runtimes) or 'the runtime'} "
        f"on an emulated {' or '.join(cores)}; deterministic; no time, and no estimate of it"
    )
    related = [run for run in runs if _related(run)]
    relative = ""
    if related:
        places = {run.names[place] for run in related for place in _related(run)}
        first = places.pop() if len(places) == 1 and len(runs) == 1 else "the first network"
        core = " on the same core" if settings.counted.several else ""
        file = " of the same file" if len(runs) > 1 else ""
        relative = f"; relative: the total over that of {first}{file}{core}"
    yield Note(
        "instructions per mult-add: the total over the network's mult-adds; "
        f"not vector FMA: share that is no fused multiply-add of vectors{relative}"
    )
    if shared := settings.counted.shared():
        yield Note(f"counted {shared}")
    if len(runtimes) > 1:
        yield Note(f"{' and '.join(runtimes)} execute different instructions for the same network", "warning")
    for run in runs:
        if not run.counts:
            yield Note(run.said("no instructions: nothing was counted"))
