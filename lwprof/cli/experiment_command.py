"""``lwprof experiment``: the ShuffleNetV2 paper's tables, measured here."""

from __future__ import annotations

import click

from lwprof.cli.options import debug_option


@click.command("experiment", short_help="Measure a table of the ShuffleNetV2 paper on this machine.")
@debug_option
def experiment_command() -> int:
    """Measure a table of the ShuffleNetV2 paper (arXiv 1807.11164) on this machine."""
    raise NotImplementedError
