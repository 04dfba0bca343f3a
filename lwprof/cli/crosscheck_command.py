"""``lwprof crosscheck``: our count beside other tools'."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from lwprof.cli import progress
from lwprof.cli.options import batch_option, debug_option, input_size_option, spec_argument
from lwprof.cli.output import destination, guests, output_options

if TYPE_CHECKING:
    from lwprof.results import TensorSpec


@click.command("crosscheck", short_help="Reconcile the count with other tools'.")
@spec_argument
@input_size_option
@batch_option
@output_options
@debug_option
def crosscheck_command(
    spec: str,
    input_sizes: tuple[TensorSpec, ...],
    batch: int,
    format_name: str | None,
    output: Path | None,
) -> None:
    """Count with fvcore, thop and torch too, and name every difference to lwprof's count."""
    target = destination(format_name, output)
    from lwprof import models
    from lwprof.crosscheck import crosscheck

    with progress.status(f"cross-checking {spec}"), guests():
        result = crosscheck(models.resolve(spec, input_sizes=input_sizes, batch=batch))
    target.write(result)
