"""``lwprof roofline``: a machine's ceilings, and networks under them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from lwprof.cli import gate, progress
from lwprof.cli.completion import complete_spec
from lwprof.cli.options import (
    IntegerRange,
    batch_option,
    debug_option,
    input_size_option,
    inputs_option,
    weights_files_option,
)
from lwprof.cli.output import destination, guests, output_options
from lwprof.cli.runtime_options import budget_option, seed_option, several_rooflines

if TYPE_CHECKING:
    from lwprof.models.specs import Size


@click.command("roofline", short_help="Measure this machine's ceilings, and place networks under them.")
@click.argument("specs", metavar="[SPEC]...", nargs=-1, shell_complete=complete_spec)
@input_size_option
@inputs_option
@batch_option
@weights_files_option
@several_rooflines
@budget_option(
    "3 for each network and setting", "Seconds of timing the networks; the ceilings of each setting take about 3 more."
)
@click.option("--top", type=IntegerRange(min=1), default=10, show_default=True, help="Layers to show of a network.")
@seed_option()
@output_options
@debug_option
def roofline_command(
    specs: tuple[str, ...],
    input_sizes: tuple[Size, ...],
    inputs: str | None,
    batch: int,
    weights_files: tuple[str | None, ...],
    backends: tuple[str, ...],
    devices: tuple[str, ...],
    dtypes: tuple[str, ...],
    layout: str,
    threads: tuple[int, ...],
    cores: str,
    budget: float | None,
    top: int,
    seed: int,
    format_name: str | None,
    output: Path | None,
) -> int:
    """Measure what this machine attains at best, and how near to that networks and their layers come.

    Without networks only the ceilings are measured. They are kept for 'lwprof compare', and never fall.
    """
    target = destination(format_name, output)
    from lwprof import rooflines

    with progress.bar() as show, guests():
        result = rooflines.roofline(
            specs,
            input_size=input_sizes or None,
            inputs=inputs,
            batch=batch,
            weights_files=weights_files,
            backend=backends,
            device=devices,
            dtype=dtypes or "",
            layout=layout,
            threads=threads,
            cores=cores,
            budget_s=budget,
            seed=seed,
            progress=show,
        )
    target.write(result, top=top)
    if result.interrupted:
        return gate.interrupted(result.ceilings)
    gate.timed(result.untimed)
    return 0
