"""``lwprof list``: the networks of the catalogue."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from lwprof.cli.options import debug_option
from lwprof.cli.output import destination, output_options
from lwprof.errors import InputError

if TYPE_CHECKING:
    from lwprof.catalog import Entry

SORTS: dict[str, Callable[[Entry], Any]] = {
    "paper": lambda entry: 0,  # the catalogue's own order
    "name": lambda entry: entry.name,
    "params": lambda entry: entry.params,
    "mult_adds": lambda entry: entry.mult_adds,
    "top1": lambda entry: -(_top1(entry) or 0.0),
    "year": lambda entry: entry.year,
}
"""Orders of the list, by the name they have in ``--sort``."""


def _complete_family(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    return [CompletionItem(family) for family in _families() if family.lower().startswith(incomplete.lower())]


@click.command("list", short_help="List the networks known by name.")
@click.option("--family", metavar="NAME", shell_complete=_complete_family, help="Only the networks of this family.")
@click.option("--sort", type=click.Choice(list(SORTS)), default="paper", show_default=True, help="Order of the rows.")
@output_options
@debug_option
def list_command(family: str | None, sort: str, format_name: str | None, output: Path | None) -> None:
    """List the networks that lwprof knows by name."""
    target = destination(format_name, output)
    from lwprof import catalog, specs, units
    from lwprof.reports.contents import Cell, Column, Table

    families = {name.lower(): name for name in _families()}
    if family is not None and family.lower() not in families:
        hint = specs.near(family, _families()) or f"; choose one of {', '.join(_families())}"
        raise InputError(f"unknown family {family!r}{hint}")
    wanted = None if family is None else families[family.lower()]
    entries = [entry for entry in catalog.entries().values() if wanted in (None, entry.family)]
    columns = (
        Column("name", "network"),
        Column("title", "title"),
        Column("family", "family", optional=True),
        Column("params", "params", align="right"),
        Column("mult_adds", "FLOPs (mult-adds)", ("FLOPs", "(mult-adds)"), align="right"),
        Column("top1", "top-1 published", ("top-1", "published"), align="right"),
        Column("year", "year", align="right"),
        Column("paper", "paper", wrap=True, optional=True),
    )
    rows = []
    for entry in sorted(entries, key=SORTS[sort]):
        top1 = _top1(entry)
        rows.append(
            (
                entry.name,
                entry.title,
                entry.family,
                Cell(units.count(entry.params), entry.params),
                Cell(units.count(entry.mult_adds), entry.mult_adds),
                Cell("–" if top1 is None else f"{top1:.1f} %", top1),
                Cell(str(entry.year), entry.year),
                entry.paper,
            )
        )
    target.write(Table.of("networks", columns, rows))


def _top1(entry: Entry) -> float | None:
    published = entry.published_for({}, entry.resolution)
    return None if published is None else published.top1


def _families() -> list[str]:
    from lwprof import catalog

    return list(dict.fromkeys(entry.family for entry in catalog.entries().values()))
