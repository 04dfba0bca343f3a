"""``lwprof show``: the card of one network of the catalogue."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lwprof.cli.options import complete_name, debug_option
from lwprof.cli.output import destination, output_options

if TYPE_CHECKING:
    from lwprof.catalog import Entry
    from lwprof.reports.contents import Table


@click.command("show", short_help="Show one network's paper, options and figures.")
@click.argument("name", shell_complete=complete_name)
@output_options
@debug_option
def show_command(name: str, format_name: str | None, output: Path | None) -> None:
    """Show a network's paper, options, variants with exact counts, and published figures."""
    target = destination(format_name, output)
    from lwprof import catalog
    from lwprof.reports.contents import Page

    entry = catalog.find(name)
    tables = (_facts(entry), _options(entry), _variants(entry), _published(entry))
    target.write(Page(f"{entry.name}: {entry.title}", tuple(table for table in tables if table.rows)))


def _facts(entry: Entry) -> Table:
    from lwprof.reports.contents import Column, Table

    rows = [
        ("paper", entry.paper),
        ("year", str(entry.year)),
        ("family", entry.family),
        ("also called", ", ".join(entry.aliases)),
        ("about", entry.summary),
        ("block", entry.block),
        ("resolution", f"{entry.resolution} (at least {entry.min_resolution})"),
        *(("deviation", reason) for reason in entry.deviations),
    ]
    columns = (Column("fact", "fact"), Column("value", "value", wrap=True))
    return Table.of("facts", columns, [row for row in rows if row[1]])


def _options(entry: Entry) -> Table:
    from lwprof.reports.contents import Cell, Column, Table

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
            Cell(", ".join(map(str, option.choices)), list(option.choices)) if option.choices else None,
            option.help,
        )
        for option in entry.options
    ]
    return Table.of("options", columns, rows, "Options")


def _variants(entry: Entry) -> Table:
    from lwprof.reports.contents import Column, Table

    columns = (
        Column("spec", "model spec"),
        Column("params", "params", align="right"),
        Column("mult_adds", "FLOPs (mult-adds)", ("FLOPs", "(mult-adds)"), align="right"),
    )
    rows = [(variant.label, variant.params, variant.mult_adds) for variant in entry.variants]
    return Table.of("variants", columns, rows, "Variants")


def _published(entry: Entry) -> Table:
    from lwprof.reports.contents import Cell, Column, Table

    columns = (
        Column("options", "options"),
        Column("resolution", "resolution", align="right"),
        Column("params_millions", "params (M)", align="right"),
        Column("mult_adds_millions", "mult-adds (M)", align="right"),
        Column("top1", "top-1", align="right"),
        Column("source", "source", wrap=True),
        Column("note", "note", wrap=True, optional=True),
    )
    rows = [
        (
            Cell(_spelled(row.options) or "default", dict(row.options)),
            row.resolution,
            row.params_millions,
            row.mult_adds_millions,
            Cell("–" if row.top1 is None else f"{row.top1:.1f} %", row.top1),
            row.source,
            row.note,
        )
        for row in entry.published
    ]
    return Table.of("published", columns, rows, "Published figures")


def _spelled(options: Mapping[str, object]) -> str:
    return ",".join(f"{key}={value}" for key, value in options.items())
