"""``lwprof audit``: what breaks a guideline or a budget in a network's design."""

from __future__ import annotations

import os
import traceback
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lwprof import units
from lwprof.cli import gate, progress
from lwprof.cli.audit_options import Judging, budget_option, judging_options
from lwprof.cli.completion import complete_spec
from lwprof.cli.options import (
    DEBUG_ADVICE,
    FiniteRange,
    IntegerRange,
    batch_option,
    block_option,
    debug_option,
    input_size_option,
    inputs_option,
    weights_files_option,
)
from lwprof.cli.output import OutputFile, destination, guests, output_options
from lwprof.cli.runtime_options import one_runtime
from lwprof.errors import INTERRUPTED

if TYPE_CHECKING:
    from lwprof.auditing import Configuration, Measuring
    from lwprof.models.specs import Size
    from lwprof.results.audit import AuditResult, Budget

GRAVEST = (4, 2, 3)
"""Exit codes of what could not be looked at or timed; each goes before those behind it."""


@click.command("audit", short_help="Audit a network's design: guidelines, budgets, baseline.")
@click.argument("specs", metavar="[SPEC]...", nargs=-1, shell_complete=complete_spec)
@judging_options
@budget_option
@click.option("--baseline", metavar="FILE", type=OutputFile(path_type=Path), help="Fail only on what is new.")
@click.option("--no-baseline", is_flag=True, help="Leave out the baseline that the settings name.")
@click.option(
    "--write-baseline", metavar="FILE", type=OutputFile(path_type=Path), help="Write what is found as a baseline."
)
@click.option("--config", metavar="FILE", type=click.Path(path_type=Path), help="File of settings to go by.")
@click.option("--no-config", is_flag=True, help="Leave out what the settings say of the audit.")
@click.option(
    "--measure",
    is_flag=True,
    help="Time what findings suggest against the layers as they are; on arm-emulated, count instructions.",
)
@click.option(
    "--seconds",
    metavar="SECONDS",
    type=FiniteRange(min=0, min_open=True, max=86_400),
    show_default="40; no limit where instructions are counted",
    help="Seconds for all of that together.",
)
@partial(one_runtime, audits=True)
@input_size_option
@inputs_option
@batch_option
@weights_files_option
@block_option
@click.option("--top", type=IntegerRange(min=1), help="Show only so many lines of findings, the costliest first.")
@partial(output_options, shows=("audits",))
@click.option("--strict/--no-strict", default=None, help="Fail when an operator could not be counted.")
@debug_option
@click.pass_context
def audit_command(
    ctx: click.Context,
    /,
    specs: tuple[str, ...],
    budgets: tuple[tuple[str, str], ...],
    baseline: Path | None,
    no_baseline: bool,
    write_baseline: Path | None,
    config: Path | None,
    no_config: bool,
    measure: bool,
    seconds: float | None,
    backend: str | None,
    device: str | None,
    dtype: str | None,
    threads: int | None,
    cores: str | None,
    input_sizes: tuple[Size, ...],
    inputs: str | None,
    batch: int,
    weights_files: tuple[str | None, ...],
    block: str | None,
    top: int | None,
    format_name: str | None,
    output: Path | None,
    strict: bool | None,
    judging: Judging,
) -> int:
    """Audit networks: which layers break a design guideline, at what price, and what to write instead.

    Without SPEC, the networks that lwprof.toml or pyproject.toml names; their policy and budgets count in any case. The
    exit code is 1 where something was found.
    """
    target = destination(format_name, output, shows=("audits",))
    if write_baseline is not None:
        destination("json", write_baseline)  # that it can be written is known before the work
    _check(ctx)
    _check_files(ctx)
    from lwprof.auditing import Configuration, audit, configuration
    from lwprof.cli import overrides

    configured = Configuration() if no_config else configuration.read(config)
    runtime = {"backend": backend, "device": device, "dtype": dtype, "threads": threads, "cores": cores}
    measuring = _measuring(ctx, configured, {name: value for name, value in runtime.items() if value is not None})
    configured = replace(configured, policy=overrides.policy(configured.policy, judging))
    if no_baseline or write_baseline is not None:
        configured = replace(configured, baseline=None)
    errors: list[BaseException] = []
    with progress.bar() as show, guests():
        result = audit(
            specs or None,
            config=configured,
            budgets=dict(budgets),
            baseline=baseline,
            strict=strict,
            measuring=measuring,
            inputs=inputs,
            input_size=input_sizes or None,
            batch=batch,
            weights_files=weights_files,
            block=block,
            progress=show,
            failed=errors.append,
        )
    alone = len(result.models) == len(errors) == 1 and not result.interrupted
    if alone and (target.format, target.file) == ("table", None):
        raise errors[0]  # a table would say no more; programs get a document all the same
    known = write_baseline is not None and not (errors or result.interrupted)  # from now on: no verdict is due
    if not known or format_name or output:
        target.write(result, top=top)
    if isinstance(ctx.obj, dict) and ctx.obj.get("debug"):
        for error in errors:
            traceback.print_exception(error)
    code = _said(result)
    if code in (0, gate.FOUND):
        elsewhere = bool(specs or judging.select or judging.ignore or judging.threshold)
        for idle in configured.policy.idle(result.models):
            if idle.reason == overrides.REASON or not elsewhere:  # those of the settings may be for other networks
                click.echo(f"note: nothing is found in {idle.module!r}, which is exempt", err=True)
    if write_baseline is None:
        return code
    if not known:
        click.echo(f"error: {write_baseline} is not written", err=True)
        return code
    from lwprof.auditing import baselines

    baselines.write(write_baseline, result)
    findings, networks = sum(len(model.findings) for model in result.models), len(result.models)
    numbers = f"{units.number_of(findings, 'finding')} in {units.number_of(networks, 'network')}"
    click.echo(f"wrote {write_baseline}, which knows {numbers}", err=True)
    return 0 if code == gate.FOUND else code


def _said(result: AuditResult) -> int:
    """Say on standard error what makes the audit fail besides findings, and return the exit code."""
    from lwprof.auditing.budgets import UNKNOWN

    failures = [model for model in result.models if model.failure]
    for model in failures:
        click.echo(f"error: {model.failure}{DEBUG_ADVICE if model.failure_code == GRAVEST[0] else ''}", err=True)
    codes = {model.failure_code for model in failures}
    for model in result.models:
        unknown: dict[str, Budget] = {}
        for budget in model.budgets:
            if budget.name == UNKNOWN and not budget.ok:
                click.echo(f"error: {model.name}: {budget.remark} (--strict)", err=True)
            if budget.failure_code and not budget.advisory:
                unknown.setdefault(budget.remark, budget)  # one reason may be that of several budgets
        for remark, budget in unknown.items():
            click.echo(f"error: {model.name}: {budget.name} {remark}", err=True)
            codes.add(budget.failure_code)
    if result.interrupted:
        click.echo("error: interrupted; what was found until then is shown", err=True)
        return INTERRUPTED
    return next((code for code in GRAVEST if code in codes), 0 if result.ok else gate.FOUND)


def _measuring(ctx: click.Context, configured: Configuration, runtime: Mapping[str, Any]) -> Measuring | None:
    """How to time what is to be timed: alternatives with ``--measure``, latency budgets where there are some.

    Raises:
        click.UsageError: there is nothing to time.
    """
    from lwprof.auditing import Measuring
    from lwprof.auditing.latency_limits import NAME

    if not ctx.params["measure"]:
        budgets = any(name.startswith(f"{NAME}.") for name, _ in ctx.params["budgets"])
        if runtime and not (budgets or any(limits.latency for limits in configured.budgets.values())):
            raise click.UsageError(f"{_option(next(iter(runtime)))} goes with --measure or a latency budget", ctx)
        return Measuring(**runtime, alternatives=False) if runtime else None
    seconds = {"total_s": ctx.params["seconds"]} if ctx.params["seconds"] else {}
    return Measuring(**runtime, **seconds)


def _check(ctx: click.Context) -> None:
    """Refuse options that do not go together.

    Raises:
        click.UsageError: there are such.
    """
    given = {name for name, value in ctx.params.items() if value not in (None, False, ())}
    for one, other in (
        ("baseline", "no_baseline"), ("baseline", "write_baseline"), ("config", "no_config")
    ):  # fmt: skip
        if {one, other} <= given:
            raise click.UsageError(f"give either {_option(one)} or {_option(other)}, not both", ctx)
    if "seconds" in given and "measure" not in given:
        raise click.UsageError("--seconds goes with --measure", ctx)
    if "no_config" in given and "specs" not in given:
        raise click.UsageError("--no-config leaves nothing to audit; name a network", ctx)


def _check_files(ctx: click.Context) -> None:
    """Refuse to write the report over another file of the audit, and a baseline to standard output.

    Raises:
        click.UsageError: that is asked for.
    """
    if str(ctx.params["write_baseline"]) == "-":
        raise click.UsageError("--write-baseline needs a file; - is none", ctx)
    for name in ("baseline", "write_baseline", "config"):
        file, output = ctx.params[name], ctx.params["output"]
        if file is not None and output is not None and os.path.realpath(file) == os.path.realpath(output):
            raise click.UsageError(f"-o and {_option(name)} name the same file", ctx)


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"
