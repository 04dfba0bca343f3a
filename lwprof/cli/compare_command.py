"""``lwprof compare``: several networks side by side, structure and latency."""

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
    specs_argument,
    strict_option,
    view_option,
    weights_files_option,
)
from lwprof.cli.output import destination, guests, output_options
from lwprof.cli.runtime_options import budget_option, margin_option, precision_option, seed_option, several_runtimes
from lwprof.errors import InputError

if TYPE_CHECKING:
    from lwprof.models.specs import Size


@click.command("compare", short_help="Compare networks: structure and latency.")
@specs_argument
@input_size_option
@inputs_option
@batch_option
@weights_files_option
@block_option
@several_runtimes
@budget_option("5 for each network and setting")
@precision_option()
@margin_option("is called indistinguishable")
@click.option("--no-time", is_flag=True, help="Compare the structure only; what says how to time is left out.")
@click.option(
    "--no-floor",
    is_flag=True,
    envvar="LWPROF_NO_FLOOR",
    help="Leave out × floor, and measure no ceilings; LWPROF_NO_FLOOR=1 does the same.",
)
@seed_option()
@view_option
@output_options
@strict_option
@debug_option
def compare_command(
    specs: tuple[str, ...],
    input_sizes: tuple[Size, ...],
    inputs: str | None,
    batch: int,
    weights_files: tuple[str | None, ...],
    block: str | None,
    backends: tuple[str, ...],
    devices: tuple[str, ...],
    dtypes: tuple[str, ...],
    layout: str,
    cold_l2: bool,
    threads: int,
    cores: str,
    budget: float | None,
    precision: float,
    margin: float,
    no_time: bool,
    no_floor: bool,
    seed: int,
    view: str,
    format_name: str | None,
    output: Path | None,
    strict: bool,
) -> int:
    """Compare networks: structure, latency with its uncertainty, and published accuracy.

    Latency is relative to the first network, and stands in times of the floor that this machine's ceilings allow;
    those are measured once for each setting, which takes about 3 seconds. The same network may be named twice, to see
    what the machine's noise alone does. Ctrl-C ends the timing and shows what was measured until then.
    """
    target = destination(format_name, output)
    from lwprof import comparison

    with progress.bar() as show, guests():
        result = comparison.compare(
            specs,
            input_size=input_sizes or None,
            inputs=inputs,
            batch=batch,
            weights_files=weights_files,
            block=block,
            backend=backends,
            device=devices,
            dtype=dtypes or "",
            layout=layout,
            cold_l2=cold_l2,
            threads=threads,
            cores=cores,
            budget_s=budget,
            precision=precision,
            margin=margin,
            timed=not no_time,
            floors=not no_floor,
            measure_ceilings=not no_floor,
            seed=seed,
            progress=show,
        )
    target.write(result, view=view)
    for model, item in result.untimed():
        if not item.failed:
            what = "count of instructions" if item.is_count else "latency"
            where = f"on {item.setting}" if model.timings or model.counts else "here"
            click.echo(f"note: {model.model.name} has no {what} {where}: {item.reason}", err=True)
    if result.interrupted:
        return gate.interrupted(any(model.timings or model.counts for model in result.models))
    if result.failure:
        raise InputError(f"{result.failure}; everything else is shown")
    gate.timed(item for _, item in result.untimed())
    return gate.coverage(result.models, strict)
