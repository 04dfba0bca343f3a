"""``lwprof show``: the card of one network."""

from __future__ import annotations

from pathlib import Path

import click

from lwprof import collector
from lwprof.cli.completion import complete_name
from lwprof.cli.options import debug_option
from lwprof.cli.output import destination, output_options
from lwprof.errors import InputError


@click.command("show", short_help="Show one network's paper, options and figures.")
@click.argument("name", shell_complete=complete_name)
@output_options
@debug_option
@collector.paused()  # collecting would take a twentieth of the time
def show_command(name: str, format_name: str | None, output: Path | None) -> None:
    """Show a network's card: paper, block, variants with exact counts, published figures, deviations.

    The deviations are where network and paper differ, or the paper from itself.
    """
    target = destination(format_name, output)
    from lwprof.cli.card import card, short_card
    from lwprof.models import catalog, names

    if ":" in name:
        raise InputError(
            f"show takes a name of 'lwprof list', without options; 'lwprof profile {name}' counts any spec"
        )
    network = names.find(name)
    target.write(card(network) if isinstance(network, catalog.Entry) else short_card(network))
