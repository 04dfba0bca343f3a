"""``lwprof explain``: the page of a design guideline, or its reckoning on a network."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from lwprof.cli import progress
from lwprof.cli.completion import complete_rule, complete_spec
from lwprof.cli.options import (
    batch_option,
    block_option,
    debug_option,
    input_size_option,
    inputs_option,
    weights_option,
)
from lwprof.cli.output import destination, guests, output_options

if TYPE_CHECKING:
    from lwprof.models.specs import Size

WANT_A_NETWORK = ("input_sizes", "inputs", "batch", "weights", "block")


@click.command("explain", short_help="Explain a design guideline, also with a network's own numbers.")
@click.argument("code", metavar="[CODE|SLUG]", required=False, shell_complete=complete_rule)
@click.option(
    "--on",
    "spec",
    metavar="SPEC",
    shell_complete=complete_spec,
    help="Walk through the guideline's numbers at the worst place of this network.",
)
@input_size_option
@inputs_option
@batch_option
@weights_option
@block_option
@output_options
@debug_option
@click.pass_context
def explain_command(
    ctx: click.Context,
    code: str | None,
    spec: str | None,
    input_sizes: tuple[Size, ...],
    inputs: str | None,
    batch: int,
    weights: str | None,
    block: str | None,
    format_name: str | None,
    output: Path | None,
) -> None:
    """Explain a design guideline: what it measures, why that costs, and what to write instead.

    Without a code, list the guidelines. What 'lwprof audit' finds is named by these codes. On a network, the thresholds
    are those of an audit here: of the settings, else the guideline's own.
    """
    target = destination(format_name, output)
    from lwprof import guidelines
    from lwprof.cli import explanations
    from lwprof.guidelines import pages

    _check_options(ctx, code, spec)
    if code is None:
        target.write(explanations.listing(guidelines.RULES))
        return
    rule = guidelines.find(code)
    if spec is None:
        target.write_document(pages.document(rule), explanations.card(rule))
        return
    from lwprof import profiling
    from lwprof.auditing import configuration
    from lwprof.auditing.explaining import explanation

    thresholds = configuration.read().policy.thresholds_of(rule)
    with progress.status(f"profiling {spec}"), guests():
        seen = profiling.examine(
            spec, inputs=inputs, input_size=input_sizes or None, batch=batch, weights_file=weights, block=block
        )
        found = explanation(seen, rule, thresholds)
    target.write(explanations.walk(found))


def _check_options(ctx: click.Context, code: str | None, spec: str | None) -> None:
    if spec is not None and code is None:
        raise click.UsageError("name the guideline to explain, such as G1", ctx)
    if spec is None:
        for parameter in ctx.command.params:
            given = ctx.get_parameter_source(parameter.name or "") is click.core.ParameterSource.COMMANDLINE
            if given and parameter.name in WANT_A_NETWORK:
                raise click.UsageError(f"{parameter.opts[0]} needs a network: --on SPEC", ctx)
