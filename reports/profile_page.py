"""The page of a profile: totals, layers, kinds of operator, building blocks, coverage."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from lwprof import units
from lwprof.errors import InputError
from lwprof.reports import layer_times, phrases
from lwprof.reports.contents import Cell, Column, Note, Page, Table
from lwprof.reports.options import TIME, Options
from lwprof.results.profile import ProfileResult
from lwprof.results.structure import Block, Fragmentation, Layer, Subtree, Totals

WORDS = {
    "params": "params",
    "mult_adds": "mult-adds",
    "paper_elements": "MAC, paper",
    "eager_elements": "MAC, eager",
}
PARAMS = Column("params", "params", align="right")
MULT_ADDS = Column("mult_adds", "FLOPs (mult-adds)", ("FLOPs", "(mult-", "adds)"), "right")
ADDITIONS = Column("additions", "additions", align="right")
PAPER = Column("paper_elements", "MAC (memory access), paper", ("MAC", "(memory", "access)", "paper"), "right")


def page(result: ProfileResult, options: Options) -> Page:
    """Lay out a profile."""
    if options.sort == TIME and result.time is None:
        raise InputError(f"{result.model.name} has no times of layers to sort by: profile it with --time")
    sort = None if options.sort == TIME else options.sort
    flat = sort is not None or (options.top is not None and options.sort is None)
    layers = _flat(result, sort or "mult_adds", options.top) if flat else _tree(result, options.depth)
    timed = [] if result.time is None else layer_times.tables(result, result.time, options)
    tables = [_card(result), *timed, layers, _kinds(result)]
    if result.fragmentation.blocks:
        tables.append(_blocks(result.fragmentation.blocks))
    if result.coverage.unknown or result.coverage.free_ops:
        tables.append(_coverage(result))
    return Page(result.model.name, tuple(tables), tuple(_notes(result)))


def _card(result: ProfileResult) -> Table:
    return Table.of("totals", [Column("measure", "measure"), Column("value", "value", wrap=True)], _totals(result))


def _totals(result: ProfileResult) -> Iterator[tuple[str, str]]:
    totals, access = result.totals, result.totals.memory_access
    if result.model.spec != result.model.name:
        yield "network", result.model.spec
    yield "input", phrases.inputs(result.model)
    yield "params", f"{_both(totals.params)}, {units.size(totals.param_bytes)}"
    yield "trainable params", units.exact(totals.trainable_params)
    yield "buffers", units.exact(totals.buffers)
    yield "FLOPs (mult-adds)", _both(totals.mult_adds)
    if totals.additions:
        yield "additions", _both(totals.additions)
    yield "element-wise operations", _both(totals.elementwise_ops)
    for view, elements, size in (
        ("paper", access.paper_elements, access.paper_bytes),
        ("eager", access.eager_elements, access.eager_bytes),
        ("fused", access.fused_elements, access.fused_bytes),
    ):
        yield f"MAC (memory access), {view}", f"{_both(elements)} elements" + f", {units.size(size)}" * bool(size)
    yield from _peaks(totals)
    yield "launches", units.exact(totals.launches)
    if result.time is not None:
        yield f"latency on {result.time.timing.timed_on}", phrases.latency(result.time.timing).text
    yield "fragmentation", _fragmentation(result.fragmentation)
    if result.published:
        yield "published", phrases.published(result.published)
    coverage = result.coverage
    unknown = sum(item.count for item in coverage.unknown)
    yield "operators", f"{coverage.counted} counted, {coverage.free} free, {unknown or 'none'} unknown"
    yield "ran on real values", "yes" if result.input_dependent else "no"


def _peaks(totals: Totals) -> Iterator[tuple[str, str]]:
    for view, number in (("eager", totals.peak_activation_bytes), ("fused", totals.fused_peak_activation_bytes)):
        yield f"peak activation, {view}", f"{units.exact(number)} bytes ({units.size(number)})"


def _both(number: int) -> str:
    """Write a count in full and, where that is long, scaled."""
    return units.exact(number) if abs(number) < 1000 else f"{units.exact(number)} ({units.count(number)})"


def _fragmentation(found: Fragmentation) -> str:
    if found.mean_fragments is None:
        return "no building blocks found"
    return (
        f"{found.mean_fragments:.2f} fragments per block, {found.max_fragments} at most; "
        f"branches side by side: {found.max_branches} at most; blocks: {len(found.blocks)}"
    )


def _layer_columns(share_of: str, paths: bool, adders: bool) -> list[Column]:
    """Columns of a list of layers, named by whole ``paths``, of which the end says most, or by their last part."""
    return [
        Column("name", "layer", wrap=True, shorten=not paths),
        Column("type", "type", wrap=True, shorten=True, optional=True),
        PARAMS,
        MULT_ADDS,
        *([ADDITIONS] if adders else []),
        Column("share", f"share of {WORDS[share_of]}", ("share of", *WORDS[share_of].split()), "right"),
        PAPER,
        Column("eager_elements", "MAC, eager", ("MAC,", "eager"), "right"),
        Column("output_shapes", "output", wrap=True, optional=True),
    ]


def _layer_row(
    name: Cell, item: Layer | Subtree, layer: Layer | None, share_of: str, whole: int, adders: bool
) -> list[Cell]:
    return [
        name,
        Cell(layer.type if layer else ""),
        Cell(units.count(item.params)),
        Cell(units.count(item.mult_adds)),
        *([Cell(units.count(item.additions))] if adders else []),
        Cell(units.share(getattr(item, share_of), whole)),
        Cell(units.count(item.paper_elements)),
        Cell(units.count(item.eager_elements)),
        Cell(phrases.shapes(layer.output_shapes) if layer else ""),
    ]


def _tree(result: ProfileResult, depth: int | None) -> Table:
    subtrees = result.subtrees()
    deepest = max((item.depth for item in subtrees), default=0)
    whole, adders = result.totals.mult_adds, result.totals.additions > 0
    rows = [
        _layer_row(_indented(item, result.model.name), item, item.layer, "mult_adds", whole, adders)
        for item in subtrees
        if depth is None or item.depth <= depth
    ]
    cut = f", {depth} of {deepest} levels deep" if depth is not None and depth < deepest else ""
    title = f"Layers, each with everything inside it{cut}"
    return Table.of("layers", _layer_columns("mult_adds", False, adders), rows, title)


def _indented(item: Subtree, network: str) -> Cell:
    return Cell(item.name.rpartition(".")[2] or network, indent=item.depth)


def _flat(result: ProfileResult, sort: str, top: int | None) -> Table:
    ranked = sorted(result.layers, key=lambda layer: getattr(layer, sort), reverse=True)
    whole = sum(getattr(layer, sort) for layer in result.layers)
    adders = result.totals.additions > 0
    rows = [_layer_row(Cell(item.name or result.model.name), item, item, sort, whole, adders) for item in ranked[:top]]
    count = f"{len(rows)} of {len(ranked)}" if len(rows) < len(ranked) else f"all {len(ranked)}"
    title = f"Layers by their own {WORDS[sort]}, what is inside them left out ({count})"
    return Table.of("layers", _layer_columns(sort, True, adders), rows, title)


def _kinds(result: ProfileResult) -> Table:
    weights, totals = result.params_with_mult_adds, result.totals
    columns = [
        Column("kind", "kind"),
        PARAMS,
        Column("params_share", "share of params", ("share of", "params"), "right"),
        MULT_ADDS,
        *([ADDITIONS] if totals.additions else []),
        Column("mult_adds_share", "share of mult-adds", ("share of", "mult-adds"), "right"),
        replace(PAPER, optional=True),
        Column("paper_share", "share of MAC", ("share", "of MAC"), "right", optional=True),
    ]
    rows = [
        [
            kind.kind,
            Cell(units.exact(kind.params)),
            Cell(units.share(kind.params if kind.mult_adds or kind.additions else None, weights)),
            Cell(units.count(kind.mult_adds)),
            *([Cell(units.count(kind.additions))] if totals.additions else []),
            Cell(units.share(kind.mult_adds, totals.mult_adds)),
            Cell(units.count(kind.paper_elements)),
            Cell(units.share(kind.paper_elements, totals.memory_access.paper_elements)),
        ]
        for kind in result.kinds
    ]
    adders = " or are adder layers" if totals.additions else ""
    explained = (
        f"share of params: among the {units.exact(weights)} parameters of operators that have mult-adds{adders}, "
        "so without normalisation"
    )
    return Table.of("kinds", columns, rows, "Kinds of operator", [explained])


def _blocks(blocks: Iterable[Block]) -> Table:
    blocks = tuple(blocks)
    counts = Counter((block.type, block.fragments, block.branches, block.depth) for block in blocks)
    first = {(block.type, block.fragments, block.branches, block.depth): block.name for block in reversed(blocks)}
    columns = [
        Column("type", "block"),
        Column("count", "count", align="right"),
        Column("fragments", "fragments", align="right"),
        Column("branches", "branches", align="right"),
        Column("depth", "depth", align="right"),
        Column("first", "first of them", wrap=True),
    ]
    rows = [[group[0], count, *group[1:], first[group]] for group, count in counts.items()]
    return Table.of("blocks", columns, rows, "Building blocks")


def _coverage(result: ProfileResult) -> Table:
    columns = [
        Column("op", "operator"),
        Column("count", "count", align="right"),
        Column("why", "not counted because", wrap=True),
    ]
    coverage = result.coverage
    rows: list[list[Any]] = [
        [Cell(item.op, style="bad"), item.count, Cell(item.reason or "unknown", style="bad")]
        for item in coverage.unknown
    ]
    rows += [[item.op, item.count, f"free: {item.reason}".removesuffix(": ")] for item in coverage.free_ops]
    return Table.of("coverage", columns, rows, "Operators in no count of operations")


def _notes(result: ProfileResult) -> Iterator[Note]:
    if result.coverage.unknown:
        yield Note(phrases.no_rule(result.coverage), "bad")
    if result.input_dependent:
        yield Note(
            "ran on real values: where its control flow reads them, another input may give other counts", "warning"
        )
    adders = " or are adder layers" if result.totals.additions else ""
    yield Note(
        "FLOPs (mult-adds): multiply-accumulates; MAC (memory access): elements read plus written, "
        f"paper: by operators that have mult-adds{adders}, eager: as torch calls them, "
        "fused: as an inference runtime runs them"
    )
    if result.time is not None:
        yield from layer_times.notes(result, result.time)
