"""The page of a comparison: structure, latency and published accuracy in one table."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from lwprof import units
from lwprof.reports import phrases
from lwprof.reports.contents import Cell, Column, Note, Page, Table
from lwprof.reports.options import Options
from lwprof.results import ComparedModel, CompareResult, Relative, Timing

VERDICT_STYLES: dict[str, Any] = {"faster": "good", "slower": "warning"}
FIGURE = re.compile(r"(?<![\w.])\d+(?:\.\d+)?(?![\w.]*\w)")
"""A number that stands by itself in a warning."""
STOPPED = {
    "interval": "interval narrow enough",
    "budget": "time budget spent",
    "interrupted": "interrupted",
    "failed": "a network failed",
}


def page(result: CompareResult, options: Options) -> Page:
    """Lay out a comparison."""
    timings = [timing for model in result.models for timing in model.timings]
    tables = [_comparison(result.models, timings, options.view)]
    if timings:
        tables.append(_details(result.models, timings))
    count = len(result.models)
    return Page(
        f"{count} network{'s' * (count != 1)} compared", tuple(tables), tuple(_notes(result, timings, options.view))
    )


def labels(models: Sequence[ComparedModel]) -> list[str]:
    """Name the networks so that they can be told apart."""
    return phrases.labels([(model.model.name, model.model.spec) for model in models])


def _comparison(models: Sequence[ComparedModel], timings: Sequence[Timing], view: str) -> Table:
    accurate = any(model.published and model.published.top1 is not None for model in models)
    placed = any(model.pareto is not None for model in models)
    varied = _varied(timings)
    several_inputs = len({phrases.inputs(model.model) for model in models}) > 1
    columns = [
        Column("name", "network", wrap=True),
        *([Column("inputs", "input", group="structure")] if several_inputs else []),
        Column("params", "params", align="right", group="structure"),
        Column("mult_adds", "FLOPs (mult-adds)", ("FLOPs", "(mult-", "adds)"), "right", group="structure"),
        Column(
            "memory_access",
            f"MAC (memory access), {view}",
            ("MAC", "(memory", "access)", view),
            "right",
            group="structure",
        ),
        Column(
            "fragmentation",
            "fragments per block / most branches",
            ("fragments", "per block", "/ most", "branches"),
            "right",
            group="structure",
        ),
        Column("peak", "peak activation", ("peak", "acti-", "vation"), "right", group="structure"),
        *([Column("setting", "timed on", group="latency")] if varied else []),
        *([Column("latency", "latency", align="right", group="latency")] if timings else []),
        *(
            [Column("relative", "relative to first", ("relative", "to first"), "right", group="latency")]
            if timings
            else []
        ),
        *([Column("top1", "published top-1", ("top-1",), "right", group="latency")] if accurate else []),
        *([Column("pareto", "Pareto", ("★",), group="latency")] if placed else []),
    ]
    unit = units.time_unit(max(timing.median_s for timing in timings)) if timings else (1.0, "s")
    first_timed = next((place for place, model in enumerate(models) if model.timings), 0)
    rows: list[tuple[Cell, ...]] = []
    for place, (label, model) in enumerate(zip(labels(models), models, strict=True)):
        first = _structure(model, label, view)
        for timing in model.timings or (None,):
            cells = {**first, **_latency(model, timing, varied, unit, place == first_timed)}
            rows.append(tuple(cells.get(column.key, Cell("")) for column in columns))
            first = {"name": first["name"]}  # the structure is said once
    return Table.of("networks", columns, rows)


def _structure(model: ComparedModel, label: str, view: str) -> dict[str, Cell]:
    totals, blocks = model.totals, model.fragmentation
    figures = model.published
    fragments = "–" if blocks.mean_fragments is None else f"{blocks.mean_fragments:.2f} / {blocks.max_branches}"
    access = getattr(totals.memory_access, f"{view}_elements")
    return {
        "name": phrases.breakable(label),
        "pareto": Cell("★" if model.pareto else "", style="good"),
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


def _latency(
    model: ComparedModel, timing: Timing | None, varied: Sequence[int], unit: tuple[float, str], first: bool
) -> dict[str, Cell]:
    if timing is None:
        return {key: Cell("–") for key in ("setting", "latency", "relative")}
    scale, name = unit
    median, half = units.uncertain(timing.median_s * scale, timing.ci95_s[0] * scale, timing.ci95_s[1] * scale)
    return {
        "setting": Cell(_setting(timing, varied)),
        "latency": Cell(f"{median} ± {half} {name}", lines=(f"{median} {name}", f"± {half}")),
        "relative": _ratio(model.relative_of(timing), first),
    }


def _ratio(relative: Relative | None, first: bool) -> Cell:
    if relative is None:
        return Cell("1 ×" if first else "–", style="quiet")
    ratio, half = units.uncertain(relative.ratio, *relative.ci95)
    number = f"{ratio} ± {half} ×"
    return Cell(
        f"{number}, {relative.verdict}",
        lines=(number, relative.verdict),
        style=VERDICT_STYLES.get(relative.verdict, "quiet"),
    )


def _details(models: Sequence[ComparedModel], timings: Sequence[Timing]) -> Table:
    varied = _varied(timings)
    columns = [
        Column("name", "network", wrap=True),
        *([Column("setting", "timed on")] if varied else []),
        Column("samples", "samples × calls", ("samples", "× calls"), "right"),
        Column("p90_s", "90th percentile", ("90th per-", "centile"), "right"),
        Column("first_call_s", "first call", ("first", "call"), "right"),
        Column("load_s", "load", align="right"),
        Column("stopped", "ended by", wrap=True, optional=True),
    ]
    rows = [
        [
            phrases.breakable(label),
            *([_setting(timing, varied)] if varied else []),
            Cell(f"{len(timing.samples_s)} × {timing.calls_per_sample}"),
            Cell(units.seconds(timing.p90_s)),
            Cell(units.seconds(timing.first_call_s)),
            Cell(units.seconds(timing.load_s)),
            STOPPED.get(timing.stopped, timing.stopped or None),
        ]
        for label, model in zip(labels(models), models, strict=True)
        for timing in model.timings
    ]
    return Table.of("timings", columns, rows, "How it was timed")


def _varied(timings: Sequence[Timing]) -> list[int]:
    """Which of the settings differ between the timings."""
    return [
        index for index, values in enumerate(zip(*map(phrases.settings, timings), strict=True)) if len(set(values)) > 1
    ]


def _setting(timing: Timing, places: Iterable[int]) -> str:
    return ", ".join(phrases.settings(timing)[place] for place in places)


def _notes(result: CompareResult, timings: Sequence[Timing], view: str) -> Iterable[Note]:
    models, names = result.models, labels(result.models)
    if result.failure:
        yield Note(f"ended early: {result.failure}", "bad")
    if result.interrupted:
        measured = "this is what had been measured by then" if timings else "nothing had been timed yet"
        yield Note(f"interrupted: {measured}", "bad")
    for name, model in zip(names, models, strict=True):
        if model.coverage.unknown:
            yield Note(f"{name}: {phrases.no_rule(model.coverage)}", "bad")
    yield from _warnings(models, names)
    yield Note(
        "FLOPs (mult-adds): multiply-accumulates; MAC (memory access): elements read plus written, "
        f"{view} view; peak activation: most bytes of activations alive at once, run operator by operator"
    )
    added = [
        f"{name} {units.count(model.totals.additions)}"
        for name, model in zip(names, models, strict=True)
        if model.totals.additions
    ]
    if added:
        yield Note(f"† and additions, which are no mult-adds: {', '.join(added)}")
    same = {phrases.inputs(model.model) for model in models}
    if len(same) == 1:
        yield Note(f"input: {same.pop()}")
    if timings:
        varied = _varied(timings)
        first = next(place for place, model in enumerate(models) if model.timings)
        shared = [place for place in range(len(phrases.settings(timings[0]))) if place not in varied]
        yield Note(
            f"latency: median of one call ± its 95 % interval; relative: paired round by round with {names[first]}, "
            f"above 1 is slower"
        )
        if shared:
            yield Note(f"timed on {_setting(timings[0], shared)}")
    else:
        yield Note("no latency: nothing was timed")
    yield from _accuracy(models, names, bool(timings))
    blockless = [name for name, model in zip(names, models, strict=True) if model.fragmentation.mean_fragments is None]
    if blockless:
        yield Note(f"no building blocks found, so no fragmentation: {', '.join(blockless)}")
    said = {"backend", "device", "threads"} if timings else set()
    environment = phrases.environment(result.environment, said)
    if environment:
        yield Note(f"environment: {environment}", "quiet")


def _warnings(models: Sequence[ComparedModel], names: Sequence[str]) -> Iterable[Note]:
    """One sentence for each kind of warning: the networks that have it, and its figures from least to most."""
    kinds: dict[str, dict[str, list[str]]] = {}
    for name, model in zip(names, models, strict=True):
        for warning in (warning for timing in model.timings for warning in timing.warnings):
            kinds.setdefault(FIGURE.sub("#", warning), {}).setdefault(name, []).append(warning)
    for warned in kinds.values():
        who = "all networks" if len(warned) == len(models) > 1 else ", ".join(warned)
        yield Note(f"{who}: {_merged([text for texts in warned.values() for text in texts])}", "warning")


def _merged(texts: Sequence[str]) -> str:
    """Write texts that differ in their figures as one."""
    columns = zip(*map(FIGURE.findall, texts), strict=True)
    ranges = iter([_range(min(column, key=float), max(column, key=float)) for column in columns])
    return FIGURE.sub(lambda _: next(ranges), texts[0])


def _range(least: str, most: str) -> str:
    return least if least == most else f"{least}–{most}"


def _accuracy(models: Sequence[ComparedModel], names: Sequence[str], timed: bool) -> Iterable[Note]:
    if any(model.pareto for model in models):
        better = "faster, or more accurate and no slower" if timed else "lighter, or more accurate and no heavier"
        cost = "latency" if timed else "mult-adds"
        yield Note(
            f"★ on the Pareto front of published top-1 and {cost}: "
            f"no other network here is shown to be as accurate and {better}"
            f"{'; additions are left out' if not timed and any(model.totals.additions for model in models) else ''}"
        )
    sources = {
        name: model.published.source
        for name, model in zip(names, models, strict=True)
        if model.published and model.published.top1 is not None and model.published.source
    }
    if sources:
        yield Note(f"published top-1: {'; '.join(f'{name}: {source}' for name, source in sources.items())}", "quiet")
    bare = [
        name for name, model in zip(names, models, strict=True) if not model.published or model.published.top1 is None
    ]
    if bare:
        yield Note(f"no published top-1, so not placed on the Pareto front: {', '.join(bare)}")
    datasets = {name: model.published.dataset for name, model in zip(names, models, strict=True) if model.published}
    apart = [name for name in sources if datasets[name] != next(datasets[first] for first in sources)]
    if apart:
        yield Note(f"top-1 on another data set, so not placed on the Pareto front: {', '.join(apart)}")
