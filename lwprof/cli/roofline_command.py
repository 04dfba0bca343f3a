"""``lwprof roofline``: a machine's ceilings, and networks under them."""

from __future__ import annotations

import click

from lwprof.cli.options import debug_option


@click.command("roofline", short_help="Measure this machine's ceilings, and place networks under them.")
@debug_option
def roofline_command() -> int:
    """Measure this machine's ceilings, and place networks and their layers under them."""
    raise NotImplementedError
