"""Card: all that is known of one named network, for ``lwprof show`` and the documentation."""

from __future__ import annotations

from collections.abc import Mapping

from lwprof import units
from lwprof.cli import network_file
from lwprof.models.aliases import Alias
from lwprof.models.catalog import Entry
from lwprof.models.projects import ProjectNetwork
from lwprof.models.specs import Size
from lwprof.reports.contents import Cell, Column, Page, Table
from lwprof.results.networks import IMAGENET, TensorSpec

DISAGREES = "≠"
WORDS = {"params": "params", "mult_adds": "mult-adds"}
"""What the figures of a published row are called."""
FACTS = (Column("fact", "fact"), Column("value", "value", wrap=True))


def card(entry: Entry) -> Page:
    """Lay out paper, options, exact counts, published figures and deviations of a network of the catalogue."""
    tables = (_facts(entry), _options(entry), _variants(entry), _published(entry), _deviations(entry))
    return Page(f"{entry.name}: {entry.title}", tuple(table for table in tables if table.rows))


def short_card(network: Alias | ProjectNetwork) -> Page:
    """Lay out what a name stands for that is not the catalogue's: it has no counts before it is built."""
    if isinstance(network, Alias):
        rows = [("paper", network.paper), ("year", str(network.year)), ("family", network.family)]
        notes = [f"{network.library} builds it: pip install {network.library}, where that is missing"]
    else:
        size = " and ".join(_size(size) for size in network.input_sizes)
        rows = [("named in", str(network.file)), ("input size", size)]
        rows += [("inputs", network.inputs), ("weights", network.weights)]
        notes = ["building it runs the project's own code"]
    rows = [("stands for", network.spec), *rows]
    notes = [f"'lwprof profile {network.name}' counts it", *notes]
    title = f"{network.name}: {network.title}" if network.title else network.name
    return Page(title, (Table.of("facts", FACTS, [row for row in rows if row[1]], notes=notes),))


def _size(size: Size) -> str:
    return units.shape(size.shape) + f" {size.dtype}" if isinstance(size, TensorSpec) else units.shape(size)


def _facts(entry: Entry) -> Table:
    rows = [
        ("paper", entry.paper),
        ("year", str(entry.year)),
        ("family", entry.family),
        ("also called", ", ".join(entry.aliases)),
        ("about", entry.summary),
        ("building block", entry.block),
        ("block layout", network_file.block_summary(entry)),
        ("resolution", f"{entry.resolution} by default, {entry.min_resolution} at least"),
        ("in Python", f"from lwprof.architectures import {entry.builder.partition(':')[2]}"),
    ]
    return Table.of("facts", FACTS, [row for row in rows if row[1]])


def _options(entry: Entry) -> Table:
    columns = (
        Column("option", "option"),
        Column("default", "default"),
        Column("choices", "choices", wrap=True),
        Column("help", "meaning", wrap=True),
    )
    rows = [
        (
            option.name,
            Cell(str(option.default), option.default),
            Cell(", ".join(map(str, option.choices)), list(option.choices)) if option.choices else Cell(""),
            option.help,
        )
        for option in entry.options
    ]
    return Table.of("options", columns, rows, "Options")


def _variants(entry: Entry) -> Table:
    columns = [
        Column("spec", "model spec"),
        Column("params", "params", align="right"),
        Column("mult_adds", "FLOPs (mult-adds)", ("FLOPs", "(mult-adds)"), align="right"),
    ]
    rows: list[tuple[str | int, ...]] = [(item.label, item.params, item.mult_adds) for item in entry.variants]
    if any(item.additions for item in entry.variants):
        columns.append(Column("additions", "additions", align="right"))
        rows = [(*row, item.additions) for row, item in zip(rows, entry.variants, strict=True)]
    return Table.of("variants", columns, rows, "Exact counts")


def _published(entry: Entry) -> Table:
    """Published figures; what is to be said about them stands below, each remark once."""
    columns = (
        Column("options", "options", wrap=True),
        Column("resolution", "resolution", ("reso-", "lution"), "right"),
        Column("params_millions", "params (M)", ("params", "(M)"), "right"),
        Column("mult_adds_millions", "FLOPs (mult-adds, M)", ("FLOPs", "(mult-", "adds, M)"), "right"),
        Column("top1", "top-1" if entry.dataset == IMAGENET else f"top-1 on {entry.dataset}", align="right"),
        Column("source", "source", wrap=True),
        Column("remarks", "remark"),
    )
    numbers: dict[str, int] = {}
    rows = []
    for row in entry.published:
        variant = entry.variant_for(row.options, row.resolution)
        disagreeing = row.disagreements(variant) if variant else ()
        reasons = (f"{WORDS[figure]}: {reason}" for figure, reason in row.deviations.items())
        remarks = [remark for remark in (row.note, *reasons) if remark]
        marks = [str(numbers.setdefault(remark, len(numbers) + 1)) for remark in remarks]
        rows.append(
            (
                Cell(_spelled(row.options) or "default", dict(row.options)),
                Cell(str(row.resolution), row.resolution),
                _figure(row.params_millions, "params" in disagreeing),
                _figure(row.mult_adds_millions, "mult_adds" in disagreeing),
                Cell(units.accuracy(row.top1), row.top1),
                row.source,
                Cell(", ".join(marks), remarks),
            )
        )
    marked = any(cell.text.startswith(DISAGREES) for row in rows for cell in row if isinstance(cell, Cell))
    legend = [f"{DISAGREES} more than one unit of its last digit away from the exact count"] if marked else []
    notes = [*legend, *(f"({number}) {remark}" for remark, number in numbers.items())]
    return Table.of("published", columns, rows, "Published figures", notes)


def _deviations(entry: Entry) -> Table:
    columns = (
        Column("number", "no.", align="right"),
        Column("deviation", "where network and paper differ, or the paper from itself", wrap=True),
    )
    return Table.of("deviations", columns, enumerate(network_file.deviations(entry), start=1), "Deviations")


def _figure(printed: str | None, disagrees: bool) -> Cell:
    if printed is None:
        return Cell("–")
    return Cell(f"{DISAGREES} {printed}", printed, style="warning") if disagrees else Cell(printed, printed)


def _spelled(options: Mapping[str, object]) -> str:
    return ",".join(f"{key}={value}" for key, value in options.items())
