"""``lwprof profile``: what one network costs, layer by layer."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
from lwprof.cli.runtime_options import budget_option, layer_runtime, precision_option, seed_option
from lwprof.errors import InputError

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
@click.option("--time", "timed", is_flag=True, help="Time the layers: where the time goes on a backend.")
@layer_runtime
@budget_option("10", "Seconds of measuring.")
@precision_option("the 95 % interval of the latency", default=None)
@seed_option(default=None)
@partial(output_options, shows=("profiles",))
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
    timed: bool,
    backend: str | None,
    device: str | None,
    dtype: str | None,
    layout: str | None,
    threads: int | None,
    cores: str | None,
    budget: float | None,
    precision: float | None,
    seed: int | None,
    format_name: str | None,
    output: Path | None,
    strict: bool,
) -> int:
    """Show a network's structural cost: params, FLOPs, memory access, fragmentation, layer by layer.

    With --time also where the time goes, on one of the backends that tell layers apart; all options on how to time need
    it. Ctrl-C ends the timing and shows what was measured until then.
    """
    how = {
        "backend": backend, "device": device, "dtype": dtype, "layout": layout, "threads": threads, "cores": cores,
        "budget": budget, "precision": precision, "seed": seed,
    }  # fmt: skip
    given: dict[str, Any] = {name: value for name, value in how.items() if value is not None}
    if not timed and (given or sort == "time"):
        option = f"--{next(iter(given))}" if given else "--sort time"
        raise InputError(f"{option} says how layers are timed: give --time, too")
    target = destination(format_name, output, shows=("profiles",))
    what: dict[str, Any] = {
        "inputs": inputs, "input_size": input_sizes or None, "batch": batch, "weights_file": weights, "block": block,
    }  # fmt: skip
    if not timed:
        from lwprof import profiling

        with progress.status(f"profiling {spec}"), guests():
            result = profiling.profile(spec, **what)
    else:
        from lwprof import layer_timing

        if budget is not None:
            given["budget_s"] = given.pop("budget")
        with progress.bar() as show, guests():
            result = layer_timing.time_layers(spec, **what, **given, progress=show)
    target.write(result, depth=depth, sort=sort if result.time or sort != "time" else None, top=top)
    if timed and (result.time is None or result.time.interrupted):
        return gate.interrupted(result.time)
    return gate.coverage([result], strict)
