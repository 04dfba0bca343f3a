"""``lwprof crosscheck``: our count beside other tools'."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from lwprof.cli import progress
from lwprof.cli.options import (
    batch_option,
    debug_option,
    input_size_option,
    inputs_option,
    spec_argument,
    weights_option,
)
from lwprof.cli.output import destination, guests, output_options

if TYPE_CHECKING:
    from lwprof.models.specs import Size


@click.command("crosscheck", short_help="Reconcile the count with other tools'.")
@spec_argument
@input_size_option
@inputs_option
@batch_option
@weights_option
@output_options
@debug_option
def crosscheck_command(
    spec: str,
    input_sizes: tuple[Size, ...],
    inputs: str | None,
    batch: int,
    weights: str | None,
    format_name: str | None,
    output: Path | None,
) -> None:
    """Count with fvcore, thop and torch too, or an ONNX file with onnx-tool, and name every difference to our count."""
    target = destination(format_name, output)
    from lwprof.crosscheck import crosscheck

    with progress.status(f"cross-checking {spec}"), guests():
        result = crosscheck(spec, inputs=inputs, input_size=input_sizes or None, batch=batch, weights_file=weights)
    target.write(result)
