"""``lwprof profile``: what one network costs, layer by layer."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from lwprof.cli import gate, progress
from lwprof.cli.options import (
    batch_option,
    block_option,
    debug_option,
    input_size_option,
    inputs_option,
    layer_options,
    spec_argument,
    strict_option,
    weights_option,
)
from lwprof.cli.output import destination, guests, output_options

if TYPE_CHECKING:
    from lwprof.models.specs import Size


@click.command("profile", short_help="Show what a network costs, layer by layer.")
@spec_argument
@input_size_option
@inputs_option
@batch_option
@weights_option
@block_option
@layer_options
@output_options
@strict_option
@debug_option
def profile_command(
    spec: str,
    input_sizes: tuple[Size, ...],
    inputs: str | None,
    batch: int,
    weights: str | None,
    block: str | None,
    depth: int,
    sort: str | None,
    top: int | None,
    format_name: str | None,
    output: Path | None,
    strict: bool,
) -> int:
    """Show a network's structural cost: params, FLOPs, memory access, fragmentation, layer by layer."""
    target = destination(format_name, output)
    from lwprof import profiling

    with progress.status(f"profiling {spec}"), guests():
        result = profiling.profile(
            spec, inputs=inputs, input_size=input_sizes or None, batch=batch, weights_file=weights, block=block
        )
    target.write(result, depth=depth, sort=sort, top=top)
    return gate.coverage([result], strict)
