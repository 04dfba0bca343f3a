"""``lwprof profile``: what one network costs, layer by layer."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from lwprof.cli import gate, progress
from lwprof.cli.options import (
    batch_option,
    debug_option,
    input_size_option,
    layer_options,
    spec_argument,
    strict_option,
)
from lwprof.cli.output import destination, guests, output_options
from lwprof.errors import InputError

if TYPE_CHECKING:
    from lwprof.results import TensorSpec


@click.command("profile", short_help="Show what a network costs, layer by layer.")
@spec_argument
@input_size_option
@batch_option
@click.option("--block", metavar="TYPE", help="Class of the building block, where the guess is wrong.")
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
    from lwprof import models, profiling, specs

    with progress.status(f"profiling {spec}"), guests():
        network = models.resolve(spec, input_sizes=input_sizes, batch=batch)
        types = {type(module).__name__ for module in network.module.modules()}
        if block is not None and block not in types:
            raise InputError(f"{network.name} has no module of class {block!r}{specs.near(block, types)}")
        result = profiling.profile_network(network, block=block)
    target.write(result, depth=depth, sort=sort, top=top)
    return gate.coverage([result], strict)
