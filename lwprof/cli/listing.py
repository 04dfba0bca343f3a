"""Listing: named networks as rows of a table, for ``lwprof list``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from lwprof import units
from lwprof.catalog import Entry
from lwprof.names import Named
from lwprof.reports.contents import Cell, Column, Table
from lwprof.settings import ProjectNetwork


@dataclass(frozen=True, slots=True)
class Row:
    """A network, or a variant of one; ``None`` or an empty text is what the catalogue does not know."""

    name: str
    title: str
    family: str = ""
    params: int | None = None
    mult_adds: int | None = None
    top1: float | None = None
    year: int | None = None
    paper: str = ""
    spec: str = ""
    """What a name stands for that is not the catalogue's."""


def rows(network: Named) -> list[Row]:
    """Every variant of a network, the one at its defaults first."""
    if isinstance(network, ProjectNetwork):
        return [Row(network.name, network.title, spec=network.spec)]
    if not isinstance(network, Entry):
        return [
            Row(network.name, network.title, network.family, year=network.year, paper=network.paper, spec=network.spec)
        ]
    found = []
    for variant in network.variants:
        published = network.published_for(variant.options, variant.resolution)
        found.append(
            Row(
                variant.label,
                network.title,
                network.family,
                variant.params,
                variant.mult_adds,
                None if published is None else published.top1,
                network.year,
                network.paper,
            )
        )
    return found


def table(listed: Sequence[Row], notes: Iterable[str]) -> Table:
    """Lay the rows out; what names stand for is a column only where there is such a name."""
    columns = [
        Column("name", "network"),
        Column("title", "title", optional=True),
        Column("family", "family", optional=True),
        Column("params", "params", align="right"),
        Column("mult_adds", "FLOPs (mult-adds)", ("FLOPs", "(mult-adds)"), align="right"),
        Column("top1", "top-1 published", ("top-1", "published"), align="right"),
        Column("year", "year", align="right"),
        Column("paper", "paper", wrap=True, optional=True),
    ]
    cells = [
        [
            row.name,
            row.title,
            row.family,
            Cell(units.count(row.params), row.params),
            Cell(units.count(row.mult_adds), row.mult_adds),
            Cell("–" if row.top1 is None else f"{row.top1:.1f} %", row.top1),
            Cell("–" if row.year is None else str(row.year), row.year),
            row.paper,
        ]
        for row in listed
    ]
    if any(row.spec for row in listed):
        columns.append(Column("spec", "stands for"))
        cells = [[*line, row.spec] for line, row in zip(cells, listed, strict=True)]
    return Table.of("networks", columns, cells, notes=notes)
