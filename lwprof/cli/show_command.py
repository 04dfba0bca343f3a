"""``lwprof show``: the card of one network of the catalogue."""

from __future__ import annotations

from pathlib import Path

import click

from lwprof.cli.options import complete_name, debug_option
from lwprof.cli.output import destination, output_options
from lwprof.errors import InputError


@click.command("show", short_help="Show one network's paper, options and figures.")
@click.argument("name", shell_complete=complete_name)
@output_options
@debug_option
def show_command(name: str, format_name: str | None, output: Path | None) -> None:
    """Show a network's paper, options, variants with exact counts, and published figures."""
    target = destination(format_name, output)
    from lwprof import catalog
    from lwprof.cli.card import card

    if ":" in name:
        advice = f"lwprof profile {name} counts a variant"
        raise InputError(f"show takes a name without options; {advice}")
    target.write(card(catalog.find(name)))
