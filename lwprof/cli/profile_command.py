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
    layer_options,
    spec_argument,
    strict_option,
)
from lwprof.cli.output import destination, guests, output_options

if TYPE_CHECKING:
    from lwprof.results import TensorSpec


@click.command("profile", short_help="Show what a network costs, layer by layer.")
@spec_argument
@input_size_option
@batch_option
@block_option
@layer_options
@output_options
@strict_option
@debug_option
def profile_command(
    spec: str,
    input_sizes: tuple[TensorSpec, ...],
    batch: int,
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
    from lwprof import models, profiling

    with progress.status(f"profiling {spec}"), guests():
        network = models.resolve(spec, input_sizes=input_sizes, batch=batch, weights=False)
        result = profiling.profile_network(network, block=block)
    target.write(result, depth=depth, sort=sort, top=top)
    return gate.coverage([result], strict)
