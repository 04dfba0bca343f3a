"""Sections: what stands on the page, in order, and what of it belongs together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from lwprof.reports import compare_page, layouts, phrases
from lwprof.reports.contents import Cell, Column, Note, Page, Table, printable
from lwprof.reports.formats import Content, Named
from lwprof.reports.html import charts
from lwprof.reports.html.tables import Shown, show, shown
from lwprof.reports.options import TIME, Options
from lwprof.reports.runs import labels
from lwprof.results.audit import AuditResult
from lwprof.results.crosscheck import CrosscheckResult
from lwprof.results.experiment import ExperimentResult
from lwprof.results.latency import CompareResult
from lwprof.results.profile import ProfileResult
from lwprof.results.roofline import RooflineResult
from lwprof.results.structure import Fragmentation

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Part:
    """Tables that are of one thing, with what is to be said about them."""

    title: str
    tables: tuple[Shown, ...]
    notes: tuple[Note, ...] = ()
    open: bool = True


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the page with a heading."""

    id: str
    title: str
    lead: str = ""
    chart: str = ""
    """Name of what draws there; empty where nothing does."""
    data: Any = None
    """What it draws."""
    same: str = ""
    """Id of what has the chart's numbers as a table."""
    parts: tuple[Part, ...] = ()


@dataclass(frozen=True, slots=True)
class Contents:
    """The page."""

    title: str
    files: tuple[str, ...]
    """As the page calls them: the folders of whoever made it are nobody else's business."""
    sections: tuple[Section, ...] = field(default=())


def contents(named: Sequence[Named], options: Options) -> Contents:
    """Lay out all results as one page."""
    names = labels([name for name, _ in named]) if len(named) > 1 else [""]
    labelled = [(label, content) for label, (_, content) in zip(names, named, strict=True)]
    sections = [
        *_compared(_of(CompareResult, named), options),
        *_profiled(_of(ProfileResult, labelled), options),
        *_placed(_of(RooflineResult, labelled), options),
        *_fragmented([content for _, content in named]),
        *_audited(_of(AuditResult, labelled), options),
        *_experiments(_of(ExperimentResult, labelled), options),
        *_others(labelled, options),
        *_method(labelled, named, options),
    ]
    if len(named) == 1:
        title = layouts.page(named[0][1], options).title or "Report"
    else:
        title = f"Report of {len(named)} results"
    return Contents(title, tuple(printable(name) for name in names if name), tuple(sections))


def _of(kind: type[T], named: Iterable[tuple[str, Any]]) -> list[tuple[str, T]]:
    return [(name, content) for name, content in named if isinstance(content, kind)]


def _compare_page(found: Sequence[tuple[str, CompareResult]], options: Options) -> Page:
    return compare_page.page_of_several(found, options) if len(found) > 1 else compare_page.page(found[0][1], options)


def _compared(found: Sequence[tuple[str, CompareResult]], options: Options) -> Iterator[Section]:
    if not found:
        return
    page = _compare_page(found, options)
    part = Part("", shown(page, "comparison", ["timings"]), page.notes)
    data = charts.tradeoff(found, options.view)
    if len(data["points"]) > 1:
        lead = data["lacks"] or "Up and to the left is better: more accuracy for less cost."
        yield Section("tradeoff", "Trade-off", lead, "tradeoff", data, "comparison-1")
    yield Section("comparison", page.title[:1].upper() + page.title[1:], parts=(part,))


def _profiled(found: Sequence[tuple[str, ProfileResult]], options: Options) -> Iterator[Section]:
    if not found:
        return
    names = _profile_names([result for _, result in found])
    parts = []
    for place, (name, (_, result)) in enumerate(zip(names, found, strict=True), 1):
        page = layouts.page(result, _listing(result, options))
        parts.append(Part(name, shown(page, f"profile-{place}"), page.notes, open=len(found) == 1))
    data = charts.layers([(name, result) for name, (_, result) in zip(names, found, strict=True)])
    drawn = [network for network in data["networks"] if network["layers"]]
    timed = any(network["timed"] for network in drawn)
    lead = (
        "Each layer's share of the network's time beside its share of the work; layers whose time is out of "
        "proportion are marked."
        if timed
        else "Each layer's share of the network's work; profile --time adds its share of the time."
    )
    if drawn:
        yield Section("layers", "Where the time goes" if timed else "Where the work is", lead, "layers", data,
                      "profiles")  # fmt: skip
    title = f"Profiles of {len(found)} networks" if len(found) > 1 else f"Profile of {printable(names[0])}"
    yield Section("profiles", title, parts=tuple(parts))


def _profile_names(found: Sequence[ProfileResult]) -> list[str]:
    """Tell profiles apart: by network, and those of one network by what its layers were timed on."""
    networks = [(result.model.name, result.model.spec) for result in found]
    settings = [
        f" on {result.time.timing.timed_on}" if result.time and networks.count(network) > 1 else ""
        for result, network in zip(found, networks, strict=True)
    ]
    return phrases.labels(
        [(name + setting, spec + setting) for (name, spec), setting in zip(networks, settings, strict=True)]
    )


def _listing(result: ProfileResult, options: Options) -> Options:
    """Layers as a list, which can be sorted, unless somebody asked for something else: all of them, as for CSV."""
    if options.sort or options.top:
        return options
    return (
        replace(options, sort=TIME, top=len(result.layers) + 1) if result.time else replace(options, sort="mult_adds")
    )


def _placed(found: Sequence[tuple[str, RooflineResult]], options: Options) -> Iterator[Section]:
    if not found:
        return
    parts = [
        Part(name if len(found) > 1 else "", shown(page, f"roofline-{place}"), page.notes)
        for place, (name, page) in enumerate(((name, layouts.page(result, options)) for name, result in found), 1)
    ]
    data = charts.roofline(found)
    tables = sorted(parts[0].tables, key=lambda table: table.columns[0].header != "network")
    lead = "The roofs are what this machine does at best; the nearer to them, the less there is to gain."
    yield Section("roofline", "Roofline", lead, "roofline" if data["roofs"] else "", data,
                  tables[0].id, tuple(parts))  # fmt: skip


def _fragmented(found: Sequence[Content]) -> Iterator[Section]:
    """Every network once, from whatever result knows its blocks."""
    known: dict[tuple[str, str], Fragmentation] = {}
    for content in found:
        models: Sequence[Any] = [content] if isinstance(content, ProfileResult) else getattr(content, "models", ())
        for model in models:
            blocks, network = getattr(model, "fragmentation", None), getattr(model, "model", None)
            if blocks is not None and network is not None and blocks.mean_fragments is not None:
                key = network.name, network.spec
                if key not in known or len(blocks.blocks) > len(known[key].blocks):
                    known[key] = blocks
    if not known:
        return
    names = phrases.labels(list(known))
    rows = [
        [phrases.breakable(name), Cell(f"{blocks.mean_fragments:.2f}", blocks.mean_fragments), blocks.max_fragments,
         blocks.max_branches, max((block.depth for block in blocks.blocks), default=None), len(blocks.blocks) or None]
        for name, blocks in zip(names, known.values(), strict=True)
    ]  # fmt: skip
    columns = [
        Column("name", "network", wrap=True),
        Column("mean_fragments", "fragments per block, mean", align="right"),
        Column("max_fragments", "most fragments", align="right"),
        Column("max_branches", "most branches", align="right"),
        Column("depth", "longest chain", align="right"),
        Column("blocks", "blocks", align="right"),
    ]
    table = Table.of("fragmentation", columns, rows, "Fragmentation of each network")
    data = charts.fragmentation(dict(zip(names, known.values(), strict=True)))
    lead = (
        "How many convolutions and poolings a building block is made of, and how many of them could run side by side: "
        "many small ones keep a device waiting."
    )
    yield Section("fragmentation", "Fragmentation", lead, "fragmentation", data, "fragmentation-1",
                  (Part("", (show(table, "fragmentation-1", ""),)),))  # fmt: skip


def _audited(found: Sequence[tuple[str, AuditResult]], options: Options) -> Iterator[Section]:
    if found:
        yield Section("audit", "Audit", parts=_parts(found, "audit", options))


def _experiments(found: Sequence[tuple[str, ExperimentResult]], options: Options) -> Iterator[Section]:
    for place, (name, result) in enumerate(found, 1):
        page = layouts.page(result, options)
        ids = f"experiment-{place}"
        title = f"{printable(result.title)} ({name})" if len(found) > 1 and name else printable(result.title)
        data = charts.experiment(result)
        lead = printable(result.verdict)  # and not a second time below the tables
        notes = tuple(note for note in page.notes if note.text != lead)
        yield Section(ids, title, lead, "experiment" if data["columns"] else "", data, f"{ids}-1",
                      (Part("", shown(page, ids), notes),))  # fmt: skip


def _others(found: Sequence[tuple[str, Content]], options: Options) -> Iterator[Section]:
    crosschecks = _of(CrosscheckResult, found)
    if crosschecks:
        yield Section("crosscheck", "Counted by other tools", parts=_parts(crosschecks, "crosscheck", options))
    pages = [(name, content) for name, content in found if isinstance(content, Page | Table)]
    if pages:
        yield Section("tables", "Tables", parts=_parts(pages, "table", options))


def _parts(found: Sequence[tuple[str, Any]], prefix: str, options: Options) -> tuple[Part, ...]:
    pages = [layouts.page(content, options) for _, content in found]
    return tuple(Part(page.title, shown(page, f"{prefix}-{place}"), page.notes) for place, page in enumerate(pages, 1))


HOW: dict[type[Any], str] = {
    CompareResult: (
        "Latency is the median over rounds in which every network ran once, in random order; ± is the longer half of "
        "its 95 % bootstrap interval. Ratios are taken round by round, because a machine drifts."
    ),
    ProfileResult: (
        "Counts are of one call in inference. Shares of time are of a call in which every layer was observed; what "
        "belongs to no layer is called unattributed."
    ),
    RooflineResult: (
        "A roof is the best of several large probes through the same backend; mult-adds are counted, bytes are memory "
        "access in the fused view."
    ),
    ExperimentResult: (
        "Speeds are relative to the first row of a column, here as in the paper; those of this machine are paired "
        "round by round, with 95 % intervals."
    ),
    AuditResult: "An audit counts; only what says so was timed.",
}


def _method(labelled: Sequence[tuple[str, Content]], named: Sequence[Named], options: Options) -> Iterator[Section]:
    """Where and how it was measured, so that a reader can judge."""
    compared = _of(CompareResult, named)
    tables: list[Shown] = []
    if compared:
        page = _compare_page(compared, options)
        tables += [show(table, "timings", page.title) for table in page.tables if table.name == "timings"]
    machines: dict[str, Any] = {}
    for name, content in labelled:
        time = content.time if isinstance(content, ProfileResult) else None
        facts = getattr(content, "environment", None) or (time.environment if time else {})
        machines |= {name or "this result": facts} if facts else {}
        for board, known in getattr(content, "boards", {}).items():
            machines |= {f"{name}: {board}" if name else board: known}
    if machines:
        tables.append(show(_environments(machines), "environment", ""))
    how = tuple(Note(text) for kind, text in HOW.items() if any(isinstance(content, kind) for _, content in labelled))
    if tables or how:
        yield Section("method", "Environment and method", parts=(Part("", tuple(tables), how),))


def _environments(machines: dict[str, Any]) -> Table:
    keys = dict.fromkeys(key for facts in machines.values() for key, value in facts.items() if value is not None)
    columns = [Column("fact", "fact"), *(Column(f"machine{n}", name, wrap=True) for n, name in enumerate(machines))]
    rows = [[key.replace("_", " "), *(_fact(facts.get(key)) for facts in machines.values())] for key in keys]
    return Table.of("environment", columns, rows, "Environment")


def _fact(value: Any) -> Cell:
    return Cell("–" if value is None else f"{value:g}" if isinstance(value, float) else str(value))
