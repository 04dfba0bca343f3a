"""The page of an experiment: the paper's table beside this machine's, then what that says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from lwprof import units
from lwprof.reports import phrases
from lwprof.reports.compare_table import VERDICT_STYLES
from lwprof.reports.compare_troubles import FIGURE, merged
from lwprof.reports.contents import Cell, Column, Note, Page, Style, Table
from lwprof.reports.options import Options
from lwprof.results.experiment import Correlation, ExperimentResult, ExperimentRow, PaperSpeed

HOLDS: Mapping[str, tuple[str, Style]] = {
    "yes": ("the paper's order is seen here", "good"),
    "no": ("the paper's order is not seen here", "bad"),
    "unclear": ("the intervals do not tell", "warning"),
}
ALL = "all networks"


def page(result: ExperimentResult, options: Options) -> Page:
    """Lay it out, one table a column of the paper's."""
    names = list(dict.fromkeys(row.column for row in result.rows))
    tables = [_table(result, name, place) for place, name in enumerate(names)]
    if result.correlations:
        tables.append(_correlations(result.correlations))
    return Page(f"{result.title} ({result.source})", tuple(tables), tuple(_notes(result)))


def _table(result: ExperimentResult, name: str, place: int) -> Table:
    rows = [row for row in result.rows if row.column == name]
    units_of = {side: _unit(speeds) for side, speeds in _printed(rows).items()}
    named, other = any(row.spec for row in rows), any(row.also for row in rows)
    columns = [
        Column("setting", "network", wrap=True),
        *([Column("spec", "spec", group="costs", wrap=True)] if named else []),
        Column("mult_adds", "FLOPs (mult-adds)", ("FLOPs", "(mult-", "adds)"), "right", group="costs"),
        Column("memory_access", "MAC (memory access)", ("MAC", "(memory", "access)"), "right", group="costs"),
        *_paper_columns("paper", units_of["paper"]),
        *(_paper_columns("also", units_of["also"], other=True) if other else []),
        Column("latency", "latency here", ("latency", "here"), "right", group="here"),
        Column("relative", "relative speed here", ("relative", "speed", "here"), "right", group="here"),
        Column("verdict", "verdict", group="here"),
    ]
    found = [row.measured.median_s for row in rows if row.measured]
    unit = units.time_unit(max(found)) if found else (1.0, "s")
    cells = [{**_cells(row, unit)} for row in rows]
    holds, _ = HOLDS.get(result.holds.get(name, ""), ("", ""))
    title = ": ".join(filter(None, (name, holds)))
    return Table.of(f"rows_{place}", columns, [[row[column.key] for column in columns] for row in cells], title)


def _printed(rows: Sequence[ExperimentRow]) -> dict[str, list[PaperSpeed]]:
    return {
        "paper": [row.paper for row in rows if row.paper],
        "also": [row.also for row in rows if row.also],
    }


def _unit(speeds: Sequence[PaperSpeed]) -> str:
    return next((f"{speed.device.partition(',')[0]}, {speed.unit}" for speed in speeds), "speed")


def _paper_columns(key: str, unit: str, other: bool = False) -> Iterator[Column]:
    device, _, per = unit.partition(", ")
    yield Column(f"{key}_speed", f"paper: {unit}", tuple(filter(None, ("paper:", *device.split(), per))), "right",
                 group="paper", optional=other)  # fmt: skip
    yield Column(f"{key}_relative", "paper: relative speed", ("paper:", "relative", "speed"), "right", group="paper",
                 optional=other)  # fmt: skip


def _cells(row: ExperimentRow, unit: tuple[float, str]) -> dict[str, Cell]:
    return {
        "setting": Cell(row.setting),
        "spec": phrases.breakable(row.spec),
        "mult_adds": Cell(units.count(row.mult_adds)),
        "memory_access": Cell(units.count(row.memory_access)),
        **_paper("paper", row.paper),
        **_paper("also", row.also),
        "latency": _latency(row, unit),
        "relative": _relative(row),
        "verdict": Cell(row.verdict, style=VERDICT_STYLES.get(row.verdict, "quiet")),
    }


def _paper(key: str, speed: PaperSpeed | None) -> dict[str, Cell]:
    return {
        f"{key}_speed": Cell(f"{speed.speed:g}" if speed else "–"),
        f"{key}_relative": Cell(f"{speed.relative:.2f} ×" if speed else "–"),
    }


def _latency(row: ExperimentRow, unit: tuple[float, str]) -> Cell:
    if row.measured is None:
        return Cell("–")
    scale, name = unit
    low, high = row.measured.ci95_s
    median, half = units.uncertain(row.measured.median_s * scale, low * scale, high * scale)
    return Cell(f"{median} ± {half} {name}", lines=(f"{median} {name}", f"± {half}"))


def _relative(row: ExperimentRow) -> Cell:
    if row.relative is None or row.relative_ci95 is None:
        return Cell("–")
    low, high = row.relative_ci95
    if not row.verdict:
        return Cell("1 ×", style="quiet")
    digits = 2 if high - low >= 0.01 else 3
    ratio, interval = f"{row.relative:.{digits}f} ×", f"[{low:.{digits}f}, {high:.{digits}f}]"
    return Cell(f"{ratio} {interval}", lines=(ratio, interval))


def _correlations(found: Sequence[Correlation]) -> Table:
    columns = [
        Column("column", "networks"),
        Column("networks", "number", align="right"),
        Column("paper_device", "paper's device"),
        Column("rho", "rank correlation", align="right"),
        Column("ci95", "95 % interval", align="right"),
    ]
    rows = [
        [item.column or "all", item.networks, item.paper_device, Cell(f"{item.rho:.3f}"),
         Cell(f"[{item.ci95[0]:.3f}, {item.ci95[1]:.3f}]")]
        for item in found
    ]  # fmt: skip
    return Table.of("correlations", columns, rows, "Speeds here against speeds in the paper")


def _notes(result: ExperimentResult) -> Iterator[Note]:
    answers = set(result.holds.values())
    style: Style = "good" if answers == {"yes"} else "bad" if answers == {"no"} else "warning" if answers else ""
    yield Note(result.verdict, style)
    if result.interrupted:
        yield Note("interrupted: this is what had been measured by then", "bad")
    for item in result.untimed:
        yield Note(f"not timed on {item.timed_on}: {item.reason}", "bad")
    everyone = sum(row.measured is not None for row in result.rows)
    for warning in result.warnings:
        yield Note(f"{ALL}: {warning}" if everyone > 1 else warning, "warning")
    yield from _warnings(result.rows)
    for choice in result.choices:
        yield Note(f"chosen: {choice}")
    firsts = {row.setting for row in result.rows if row.relative is not None and not row.verdict}
    first = firsts.pop() if len(firsts) == 1 else "the first network of its table"
    yield Note(
        "latency: median of one call ± its 95 % interval; relative speed: that of the network over that of "
        f"{first}, here paired round by round with its 95 % interval, below 1 is slower; "
        "MAC (memory access): elements read plus written, paper view"
    )
    threads = units.number_of(result.threads, "thread")
    yield Note(f"timed with {result.backend} on {result.device}, {threads}, batch {result.batch}, {result.dtype}")
    if printed := list(dict.fromkeys(f"{item.device} ({item.unit})" for row in result.rows for item in _both(row))):
        yield Note(f"the paper's devices: {', '.join(printed)}", "quiet")
    if text := phrases.environment(result.environment, ("backend", "device", "threads")):
        yield Note(f"environment: {text}", "quiet")
    for board, known in result.boards.items():
        if text := phrases.environment(known):
            yield Note(f"board {board}: {text}", "quiet")


def _both(row: ExperimentRow) -> Iterator[PaperSpeed]:
    yield from (speed for speed in (row.paper, row.also) if speed)


def _warnings(rows: Sequence[ExperimentRow]) -> Iterator[Note]:
    """One sentence for each kind of warning: the networks that have it, and its figures from least to most."""
    kinds: dict[str, list[tuple[ExperimentRow, str]]] = {}
    for row in rows:
        for warning in row.measured.warnings if row.measured else ():
            kinds.setdefault(FIGURE.sub("#", warning), []).append((row, warning))
    for found in kinds.values():
        texts = [text for _, text in found]
        yield Note(f"{_who([row for row, _ in found], rows)}: {merged(texts)}", "warning")


def _who(warned: Sequence[ExperimentRow], rows: Sequence[ExperimentRow]) -> str:
    """Name networks by column; of a column that has all of its networks among them, its name will do."""
    timed = [row for row in rows if row.measured]
    if len(warned) == len(timed) > 1:
        return ALL
    parts = []
    for column in dict.fromkeys(row.column for row in warned):
        some = [row.setting for row in warned if row.column == column]
        whole = len(some) == sum(row.column == column for row in timed) > 1 and column
        parts.append(f"all of {column}" if whole else f"{column} {', '.join(some)}".strip())
    return "; ".join(parts)
