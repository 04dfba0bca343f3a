"""The table of a comparison: a row for each network and setting, what a network costs said once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from lwprof import units
from lwprof.reports import compare_details, compare_instructions, phrases
from lwprof.reports.contents import Cell, Column, Table, cell
from lwprof.reports.runs import Network, Outcome, Run
from lwprof.reports.timed_settings import Settings
from lwprof.results.latency import Counted, Relative, Timing, Untimed
from lwprof.results.roofline import MEMORY

VERDICT_STYLES: dict[str, Any] = {"faster": "good", "slower": "warning"}
MEASURED = f"latency across {compare_instructions.GROUP} {compare_instructions.RATIO} model"
"""The groups in which a narrow terminal shows what a row was timed or counted on."""

FLOOR = Column("times_floor", "× floor", ("×", "floor"), "right", group="latency")


def table(runs: Sequence[Run], networks: Sequence[Network], settings: Settings, view: str) -> Table:
    """Lay out the networks, each with its rows together."""
    models = [model for run in runs for model in run.result.models]
    several_inputs = len({phrases.inputs(model.model) for model in models}) > 1
    accurate = any(model.published and model.published.top1 is not None for model in models)
    placed = any(model.pareto is not None for model in models)
    timed, across = bool(settings.timings), any(model.across for model in models)
    related = timed and (not across or any(model.relative for model in models))  # else each is the only one
    beside = compare_details.beside_latency(settings)
    bases, instructions = _Bases(runs), compare_instructions.Columns(runs)
    counted = instructions.columns()
    last = "model" if beside else counted[-1].group if counted else "across" if across else "latency"
    columns = [
        Column("name", "network", wrap=True),
        *([Column("inputs", "input", group="structure")] if several_inputs else []),
        *_structure_columns(view),
        *([Column("file", "file", group=MEASURED, wrap=True)] if len(runs) > 1 else []),
        *settings.columns(MEASURED),
        *([Column("latency", "latency", align="right", group="latency")] if timed else []),
        *([FLOOR] if any(timing.floor_s for timing in settings.timings) else []),
        *([_ratio_column("relative", bases.network, len(runs) > 1 or settings.several, "latency")] if related else []),
        *([_ratio_column("across", bases.setting, True, "across")] if across else []),
        *counted,
        *(column for column, _ in beside),
        *([Column("top1", "published top-1", ("top-1",), "right", group=last)] if accurate else []),
        *([Column("pareto", "Pareto", ("★",), group=last)] if placed else []),
    ]
    unit = units.time_unit(max(timing.median_s for timing in settings.timings)) if timed else (1.0, "s")
    rows: list[tuple[Cell, ...]] = []
    for network in networks:
        said = _structure(network, view)
        earlier: Run | None = None
        for run, place, outcome in network.outcomes():
            cells = said | _starred(run, place, outcome)
            if run is not earlier:
                cells |= {"file": phrases.breakable(run.label)}
            cells |= {"setting": settings.cell(outcome)}
            cells |= _latency(outcome, unit) | bases.ratios(run, place, outcome)
            cells |= instructions.cells(run, place, outcome)
            cells |= {item[0].key: cell(compare_details.written(outcome, item)) for item in beside}
            rows.append(tuple(cells.get(column.key, Cell("")) for column in columns))
            said, earlier = {}, run
    return Table.of("networks", columns, rows)


def _structure_columns(view: str) -> Iterator[Column]:
    for key, header, lines in (
        ("params", "params", ()),
        ("mult_adds", "FLOPs (mult-adds)", ("FLOPs", "(mult-", "adds)")),
        ("memory_access", f"MAC (memory access), {view}", ("MAC", "(memory", "access)", view)),
        ("fragmentation", "fragments per block / most branches", ("fragments", "per block", "/ most", "branches")),
        ("peak", "peak activation", ("peak", "acti-", "vation")),
    ):
        yield Column(key, header, lines, "right", group="structure")


def _ratio_column(key: str, base: str, named: bool, group: str) -> Column:
    first = "first" if key == "relative" else "first setting"
    base = base if named and 0 < len(base) <= compare_instructions.LONGEST_IN_A_HEADER else first
    return Column(key, f"relative to {base}", ("relative", f"to {base}"), "right", group=group)


def _structure(network: Network, view: str) -> dict[str, Cell]:
    model = network.model
    totals, blocks, figures = model.totals, model.fragmentation, model.published
    fragments = "–" if blocks.mean_fragments is None else f"{blocks.mean_fragments:.2f} / {blocks.max_branches}"
    access = getattr(totals.memory_access, f"{view}_elements")
    return {
        "name": phrases.breakable(network.name),
        "inputs": Cell(phrases.inputs(model.model)),
        "params": Cell(units.count(totals.params)),
        "mult_adds": Cell(f"{units.count(totals.mult_adds)}{'†' if totals.additions else ''}"),
        "memory_access": Cell(units.count(access)),
        "fragmentation": Cell(fragments),
        "peak": Cell(units.size(totals.peak_activation_bytes)),
        "top1": Cell(
            "–" if not figures or figures.top1 is None else f"{figures.top1:.1f} %{phrases.elsewhere(figures)}"
        ),
    }


def _starred(run: Run, place: int, outcome: Outcome | None) -> dict[str, Cell]:
    """The star of the Pareto front, in the row of the setting that it is of."""
    of = run.result.pareto_on
    here = not of if outcome is None else outcome.timed_on == of
    return {"pareto": Cell("★", style="good")} if run.result.models[place].pareto and here else {}


def _latency(outcome: Outcome | None, unit: tuple[float, str]) -> dict[str, Cell]:
    if not isinstance(outcome, Timing):
        return dict.fromkeys(("latency", FLOOR.key), _missing(outcome))
    scale, name = unit
    median, half = units.uncertain(outcome.median_s * scale, outcome.ci95_s[0] * scale, outcome.ci95_s[1] * scale)
    return {
        "latency": Cell(f"{median} ± {half} {name}", lines=(f"{median} {name}", f"± {half}")),
        FLOOR.key: _floor(outcome),
    }


def _floor(timing: Timing) -> Cell:
    """Latency in times of its floor, and that it is memory which makes the floor."""
    if timing.times_floor is None:
        return Cell("–", style="quiet")
    times, memory = f"{timing.times_floor:#.3g} ×", "memory" if timing.bound == MEMORY else ""
    return Cell(" ".join(filter(None, (times, memory))), lines=tuple(filter(None, (times, memory))))


def _missing(outcome: Outcome | None) -> Cell:
    """A dash for a latency that is missing; nothing where there was to be none."""
    return Cell("" if isinstance(outcome, Counted) or (isinstance(outcome, Untimed) and outcome.is_count) else "–")


class _Bases:
    """What ratios are relative to: a header names what most are, a cell what another is."""

    def __init__(self, runs: Sequence[Run]) -> None:
        models = [model for run in runs for model in run.result.models if model.across]
        self.network = _most_common(self._network(run, timing) for run in runs for timing in run.timings)
        self.setting = _most_common(relative.to for model in models for relative in model.across)

    def _network(self, run: Run, timing: Timing) -> str:
        return run.names[run.first(timing.timed_on)]

    def ratios(self, run: Run, place: int, outcome: Outcome | None) -> dict[str, Cell]:
        """Both ratios of a row."""
        if not isinstance(outcome, Timing):
            return dict.fromkeys(("relative", "across"), _missing(outcome))
        model = run.result.models[place]
        network, across = self._network(run, outcome), model.across_of(outcome)
        setting = across.to if across else outcome.timed_on  # without a ratio it is the first of its machine
        first = run.first(outcome.timed_on) == place
        return {
            "relative": _ratio(model.relative_of(outcome), first, "" if network == self.network else network),
            "across": _ratio(across, True, "" if setting == self.setting else setting),
        }


def _most_common(names: Iterable[str]) -> str:
    counts = Counter(names)
    return max(counts, key=lambda name: counts[name], default="")


def _ratio(relative: Relative | None, first: bool, other: str) -> Cell:
    if relative is None:
        return Cell("1 ×" if first and not other else "–", style="quiet")
    low, high = relative.ci95
    ratio, half = units.uncertain(relative.ratio, low, high)
    number = f"{ratio} ± {half} ×"
    reach = max(high - relative.ratio, relative.ratio - low)
    if low > 1 > relative.ratio - reach or high < 1 < relative.ratio + reach:  # a longer half, away from 1
        number = f"{relative.ratio:#.3g} [{low:#.3g}, {high:#.3g}] ×"
    than = f"{'from' if relative.verdict == 'indistinguishable' else 'than'} {other}" if other else ""
    verdict = f"{relative.verdict} {than}".strip()
    return Cell(
        f"{number}, {verdict}",
        lines=tuple(filter(None, (number, relative.verdict, than))),
        style=VERDICT_STYLES.get(relative.verdict, "quiet"),
    )
