"""The page of a roofline: the ceilings, networks under them, and the layers that take the most time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from lwprof import units
from lwprof.reports import phrases
from lwprof.reports.contents import Cell, Column, Note, Page, Table
from lwprof.reports.options import Options
from lwprof.results.roofline import CACHED, WINOGRAD, Place, PlacedLayer, PlacedModel, RooflineResult

TOP = 10
"""Layers that are shown of a network where nobody says how many."""

MARKS = {WINOGRAD: "W", CACHED: "c"}
SETTING = Column("setting", "timed on", wrap=True)
BOUND = Column("bound", "bound by", ("bound", "by"), group="rate")
MARKED = Column("marks", "marks", group="rate")
WORK = (
    Column("mult_adds", "FLOPs (mult-adds)", ("FLOPs", "(mult-", "adds)"), "right", group="work"),
    Column("bytes", "MAC (memory access), fused", ("MAC", "(memory", "access)", "fused"), "right", group="work"),
    Column("intensity", "intensity (mult-adds per byte)", ("intensity", "(mult-adds", "per byte)"), "right",
           group="work"),
)  # fmt: skip
RATE = (
    Column("attained", "attained (mult-adds/s)", ("attained", "(mult-", "adds/s)"), "right", group="rate"),
    Column("roof", "roof (mult-adds/s)", ("roof", "(mult-", "adds/s)"), "right", group="rate"),
    Column("share", "share of roof", ("share", "of roof"), "right", group="rate"),
    BOUND,
    MARKED,
)
LATENCY = Column("latency", "latency", align="right", group="time")
FLOOR = Column("floor", "floor", align="right", group="time")
TIMES = Column("times_floor", "× floor", ("×", "floor"), "right", group="time")


def page(result: RooflineResult, options: Options) -> Page:
    """Lay it out."""
    several = len(result.ceilings) > 1
    tables = [_ceilings(result, several), _probes(result, several)] if result.ceilings else []
    if result.models:
        names = _labels(result.models)
        tables.append(_networks(result, names, several))
        tables += [
            _layers(model, names[model.spec], several, options.top or TOP) for model in result.models if model.layers
        ]
    return Page("roofline", tuple(tables), tuple(_notes(result)))


def _ceilings(result: RooflineResult, several: bool) -> Table:
    winograd = any(item.winograd for item in result.ceilings.values())
    columns = [
        *([SETTING] if several else []),
        Column("mult_adds_per_s", "compute (mult-adds/s)", ("compute", "(mult-", "adds/s)"), "right"),
        *([Column("winograd", "3x3 by Winograd", ("3x3 by", "Winograd"), "right")] if winograd else []),
        Column("bytes_per_s", "memory", align="right"),
        Column("knee", "knee (mult-adds per byte)", ("knee", "(mult-adds", "per byte)"), "right"),
        Column("cache_bytes_per_s", "cache", align="right"),
        Column("cache_bytes", "last cache", ("last", "cache"), "right"),
        Column("threads", "threads", align="right"),
    ]
    rows = [
        [
            *([setting] if several else []),
            Cell(_rate(item.mult_adds_per_s)),
            *([Cell(_rate(item.winograd_mult_adds_per_s) if item.winograd else "no")] if winograd else []),
            Cell(_traffic(item.bytes_per_s)),
            Cell(f"{item.knee:.3g}"),
            Cell(_traffic(item.cache_bytes_per_s)),
            Cell(units.size(item.cache_bytes)),
            item.threads,
        ]
        for setting, item in result.ceilings.items()
    ]
    return Table.of("ceilings", columns, rows, f"Ceilings{_on(result, several)}")


def _on(result: RooflineResult, several: bool) -> str:
    return "" if several else "".join(f" on {setting}" for setting in result.ceilings)


def _probes(result: RooflineResult, several: bool) -> Table:
    columns = [
        *([SETTING] if several else []),
        Column("name", "probe", wrap=True),
        Column("rate", "at best", align="right"),
        Column("best_s", "shortest", align="right"),
    ]
    rows: list[list[Cell | str]] = []
    for setting, item in result.ceilings.items():
        for number, probe in enumerate(item.probes):
            rate = _traffic(probe.rate) if probe.of_bytes else f"{_rate(probe.rate)} mult-adds/s"
            head = [Cell("") if number else Cell(setting)] if several else []
            rows.append([*head, probe.name, Cell(rate, probe.rate), Cell(units.seconds(probe.best_s))])
    return Table.of("probes", columns, rows, "What they were measured by")


def _networks(result: RooflineResult, names: Mapping[str, str], several: bool) -> Table:
    columns = [Column("name", "network", wrap=True), *([SETTING] if several else []), *WORK, *RATE,
               LATENCY, FLOOR, TIMES]  # fmt: skip
    rows = []
    for model in result.models:
        median, half = units.uncertain(model.latency_s * 1e3, *(1e3 * end for end in model.ci95_s))
        rows.append([
            phrases.breakable(names[model.spec]), *([model.setting] if several else []), *_work(model), *_rates(model),
            Cell(f"{median} ± {half} ms"), Cell(units.seconds(model.floor_s)), _times(model),
        ])  # fmt: skip
    return Table.of("networks", columns, rows, "Networks under the roof")


def _labels(models: Sequence[PlacedModel]) -> dict[str, str]:
    """What networks are called, by their specs."""
    known = {model.spec: model.name for model in models}
    return dict(zip(known, phrases.labels([(name, spec) for spec, name in known.items()]), strict=True))


def _layers(model: PlacedModel, network: str, several: bool, top: int) -> Table:
    ranked = sorted(model.layers, key=lambda layer: layer.latency_s, reverse=True)[:top]
    columns = [
        Column("layers", "layer", wrap=True),
        Column("kind", "kind", group="time"),
        Column("time", "time", align="right", group="time"),
        Column("time_share", "share of latency", ("share of", "latency"), "right", group="time"),
        FLOOR,
        *WORK,
        *RATE,
    ]
    rows = [
        [
            phrases.halved(phrases.leading(layer.layers, network)),
            layer.kind,
            Cell(units.seconds(layer.latency_s)),
            Cell(units.share(layer.latency_s, model.latency_s)),
            Cell(units.seconds(layer.floor_s)),
            *_work(layer),
            *_rates(layer),
        ]
        for layer in ranked
    ]
    count = f"{len(ranked)} of {len(model.layers)}" if len(ranked) < len(model.layers) else f"all {len(ranked)}"
    where = f" on {model.setting}" if several else ""
    notes = []
    if model.unattributed_s is not None:
        notes.append(f"of its latency, {units.seconds(model.unattributed_s)} belong to no layer")
    return Table.of("layers", columns, rows, f"Layers of {network}{where} by time ({count})", notes)


def _work(place: Place) -> list[Cell]:
    return [
        Cell(units.count(place.mult_adds)),
        Cell(units.size(place.bytes)),
        Cell(f"{place.intensity:.3g}" if place.mult_adds else "–"),
    ]


def _rates(place: Place) -> list[Cell]:
    return [
        Cell(_rate(place.attained) if place.mult_adds else "–"),
        Cell(_rate(place.roof) if place.mult_adds else "–"),
        Cell(units.share(place.floor_s, place.latency_s), style="bad" if place.is_above else ""),
        Cell(place.bound),
        Cell(" ".join(MARKS.get(mark, mark) for mark in place.marks)),
    ]


def _times(place: Place) -> Cell:
    return Cell("–" if place.times_floor is None else f"{place.times_floor:.3g} ×")


def _rate(number: float | None) -> str:
    return units.count(number)


def _traffic(number: float) -> str:
    return f"{number / 1e9:.3g} GB/s"


def _notes(result: RooflineResult) -> Iterator[Note]:
    for model, place in result.above:
        what = (
            f"layer {phrases.leading(place.layers, model.name)} of {model.name}"
            if isinstance(place, PlacedLayer)
            else model.name
        )
        yield Note(
            f"{what} attains {units.share(place.floor_s, place.latency_s)} of its roof on {model.setting}: "
            "its count or its clock is wrong, or the ceilings are too low; nothing there can be trusted",
            "bad",
        )
    for item in result.untimed:
        yield Note(f"nothing on {item.timed_on}: {item.reason}", "bad" if item.failed else "warning")
    if result.interrupted:
        yield Note("interrupted: this is what had been measured by then", "bad")
    if result.models:
        yield Note(
            "floor: the latency that the ceilings allow, the longer of computing every mult-add and of moving every "
            "byte of the fused view; roof: the mult-adds per second that this allows; × floor: latency in times of it"
        )
        yield Note("below the knee it is the memory that limits, above it the arithmetic")
        yield from _marks(result)
    if any(layer.layers[1:] for model in result.models for layer in model.layers):
        yield Note("+1: with one more module that runs as one with it, and so on")
    yield Note(
        "ceilings: the best that was ever attained on this machine with these threads and versions; "
        "bytes are those read plus written"
    )
    if facts := phrases.environment(result.environment):
        yield Note(facts, "quiet")


def _marks(result: RooflineResult) -> Iterator[Note]:
    places = [place for model in result.models for place in (model, *model.layers)]
    if any(CACHED in place.marks for place in places):
        yield Note("c: its data fits in the last cache, and has the cache's roof")
    if any(WINOGRAD in place.marks for place in places):
        yield Note(
            "W: its 3x3 convolutions may be computed by Winograd's algorithm with fewer mult-adds than are counted; "
            "what was measured of those is their roof"
        )
