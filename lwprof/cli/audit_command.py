"""``lwprof audit``: what breaks a guideline or a budget in a network's design."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from lwprof.cli import gate, progress
from lwprof.cli.completion import complete_spec
from lwprof.cli.options import debug_option, input_size_option
from lwprof.cli.output import destination, guests, output_options

if TYPE_CHECKING:
    from lwprof.models.specs import Size


@click.command("audit", short_help="Audit a network's design: guidelines, budgets, baseline.")
@click.argument("specs", metavar="[SPEC]...", nargs=-1, shell_complete=complete_spec)
@input_size_option
@output_options
@debug_option
def audit_command(
    specs: tuple[str, ...], input_sizes: tuple[Size, ...], format_name: str | None, output: Path | None
) -> int:
    """Audit networks: which layers break a design guideline, at what price, and what to write instead."""
    target = destination(format_name, output)
    from lwprof import auditing

    with progress.status("auditing"), guests():
        result = auditing.audit(specs, input_size=input_sizes or None)
    target.write(result)
    return 0 if result.ok else gate.FOUND
