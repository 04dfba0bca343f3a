"""``lwprof list``: the networks that have a name, at their defaults or in every variant."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from lwprof import collector
from lwprof.cli.options import Amount, debug_option
from lwprof.cli.output import destination, output_options
from lwprof.errors import InputError, near

if TYPE_CHECKING:
    from lwprof.cli.listing import Row

SORTS: dict[str, Callable[[Row], Any]] = {
    "paper": lambda row: 0,  # the catalogue's own order
    "name": lambda row: row.name,
    "family": lambda row: row.family.lower(),
    "params": lambda row: _rising(row.params),
    "mult_adds": lambda row: _rising(row.mult_adds),
    "top1": lambda row: (not row.on_imagenet, -(row.top1 or 0.0)),
    "year": lambda row: _rising(row.year),
}
"""Orders of the list, by the name they have in ``--sort``; what is not known comes last."""


def _complete_family(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    return [CompletionItem(family) for family in _families() if family.lower().startswith(incomplete.lower())]


@click.command("list", short_help="List the networks known by name.")
@click.option("--family", metavar="NAME", shell_complete=_complete_family, help="Only the networks of this family.")
@click.option("--year", metavar="YEAR", type=int, help="Only the networks whose paper is of this year.")
@click.option("--since", metavar="YEAR", type=int, help="Only the networks whose paper is of this year or later.")
@click.option("--max-mult-adds", type=Amount(), help="Only what has at most so many mult-adds, such as 150M.")
@click.option("--max-params", type=Amount(), help="Only what has at most so many params, such as 4M or 600k.")
@click.option("--variants", is_flag=True, help="Every variant with exact counts, instead of the defaults alone.")
@click.option("--all", "libraries", is_flag=True, help="Also the names of networks that other libraries build.")
@click.option("--sort", type=click.Choice(list(SORTS)), default="paper", show_default=True, help="Order of the rows.")
@output_options
@debug_option
@collector.paused()  # collecting would take a twentieth of the time
def list_command(
    family: str | None,
    year: int | None,
    since: int | None,
    max_mult_adds: Decimal | None,
    max_params: Decimal | None,
    variants: bool,
    libraries: bool,
    sort: str,
    format_name: str | None,
    output: Path | None,
) -> None:
    """List the networks that have a name: the project's own and the catalogue's.

    A row is a network at its defaults, and a budget is held against that row. Networks that keep to the budget with
    other options or at a smaller resolution are named below; --variants lists them.
    """
    target = destination(format_name, output)
    from lwprof.cli import listing
    from lwprof.models import catalog, names
    from lwprof.models.aliases import Alias

    def fits(row: Row) -> bool:
        numbers = ((row.mult_adds, max_mult_adds), (row.params, max_params))
        return all(most is None or (number is not None and number <= most) for number, most in numbers)

    wanted = None if family is None else _family(family)
    rows: list[Row] = []
    with_options, uncounted, elsewhere = [], [], 0
    for network in names.known().values():
        every = listing.rows(network)
        first = every[0]
        if (
            (wanted and first.family != wanted)
            or (year is not None and first.year != year)
            or (since is not None and (first.year or 0) < since)
        ):
            continue
        if isinstance(network, Alias) and not libraries:
            elsewhere += 1
            continue
        found = [row for row in (every if variants else every[:1]) if fits(row)]
        rows += found
        if not found and not isinstance(network, catalog.Entry):
            uncounted.append(network)
        elif not found and any(map(fits, every)):
            with_options.append(network.name)
    held = (max_mult_adds is not None or max_params is not None) and not variants
    notes = [] if rows else [f"no network of the list is like that{' at its defaults' if held else ''}"]
    if with_options:
        verb = "fit" if len(with_options) > 1 else "fits"
        notes.append(f"{', '.join(with_options)} {verb} with other options or resolutions: see --variants")
    if uncounted:
        own = [network.name for network in uncounted if not isinstance(network, Alias)]
        other = f"{len(uncounted) - len(own)} of other libraries" if len(own) < len(uncounted) else ""
        notes.append(f"left out, because only 'lwprof profile' counts them: {', '.join(filter(None, [*own, other]))}")
    if elsewhere:
        notes.append(f"other libraries build {elsewhere} more that have a name: see --all")
    target.write(listing.table(sorted(rows, key=SORTS[sort]), notes))


def _rising(number: float | None) -> tuple[bool, float]:
    return number is None, number or 0


def _family(asked: str) -> str:
    """The family that ``asked`` names in whatever case."""
    families = {name.lower(): name for name in _families()}
    if asked.lower() not in families:
        hint = near(asked.lower(), families) or f"; choose one of {', '.join(_families())}"
        raise InputError(f"unknown family {asked!r}{hint}")
    return families[asked.lower()]


def _families() -> list[str]:
    from lwprof.models import aliases, catalog

    families = [entry.family for entry in catalog.entries().values()]
    return list(dict.fromkeys([*families, *(alias.family for alias in aliases.entries().values())]))
