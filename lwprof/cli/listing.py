"""Listing: named networks as rows of a table, for ``lwprof list``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from lwprof import units
from lwprof.models.catalog import Entry
from lwprof.models.names import Named
from lwprof.models.projects import ProjectNetwork
from lwprof.reports.contents import Cell, Column, Table
from lwprof.results.networks import IMAGENET


@dataclass(frozen=True, slots=True)
class Row:
    """A network, or a variant of one; ``None`` or an empty text is what the catalogue does not know."""

    name: str
    title: str
    family: str = ""
    params: int | None = None
    mult_adds: int | None = None
    additions: int | None = None
    top1: float | None = None
    year: int | None = None
    paper: str = ""
    spec: str = ""
    """What a name stands for that is not the catalogue's."""
    dataset: str = IMAGENET
    """That the accuracy is of."""

    @property
    def on_imagenet(self) -> bool:
        """Whether its accuracy is one on ImageNet."""
        return self.dataset == IMAGENET


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
                variant.additions,
                None if published is None else published.top1,
                network.year,
                network.paper,
                dataset=network.dataset,
            )
        )
    return found


def table(listed: Sequence[Row], notes: Iterable[str]) -> Table:
    """Lay the rows out; additions and what names stand for are columns only where a row has them."""
    columns = [
        Column("name", "network"),
        Column("title", "title", optional=True),
        Column("family", "family", optional=True),
        Column("params", "params", align="right"),
        Column("mult_adds", "FLOPs (mult-adds)", ("FLOPs", "(mult-adds)"), align="right"),
        Column("additions", "additions", align="right", optional=True),
        Column("top1", "top-1 published", ("top-1", "published"), align="right"),
        Column("year", "year", align="right"),
        Column("paper", "paper", optional=True),
        Column("spec", "stands for"),
    ]
    cells = [
        (
            row.name,
            row.title,
            row.family,
            Cell(units.count(row.params), row.params),
            Cell(f"{units.count(row.mult_adds)}{'†' if row.additions else ''}", row.mult_adds),
            Cell(units.count(row.additions), row.additions),
            Cell("–" if row.top1 is None else f"{row.top1:.1f} %{'' if row.on_imagenet else '*'}", row.top1),
            Cell("–" if row.year is None else str(row.year), row.year),
            row.paper,
            row.spec,
        )
        for row in listed
    ]
    added = [f"{row.name} {units.count(row.additions)}" for row in listed if row.additions]
    if added:
        notes = [*notes, f"† and additions, which are no mult-adds: {', '.join(added)}"]
    others = sorted({row.dataset for row in listed if row.top1 is not None and not row.on_imagenet})
    if others:
        notes = [*notes, f"* on {' or '.join(others)}, the others on {IMAGENET}"]
    rare = {"additions": any(row.additions for row in listed), "spec": any(row.spec for row in listed)}
    shown = [place for place, column in enumerate(columns) if rare.get(column.key, True)]
    kept = [[line[place] for place in shown] for line in cells]
    return Table.of("networks", [columns[place] for place in shown], kept, notes=notes)
