"""``lwprof doctor``: what this machine can do, and whether its timings can be trusted."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lwprof import units
from lwprof.cli.options import OneOf, debug_option
from lwprof.cli.output import destination, output_options
from lwprof.errors import BackendError, InputError

if TYPE_CHECKING:
    from lwprof.reports.contents import Style


STYLES: dict[str, Style] = {"ok": "good", "note": "warning", "problem": "bad"}


def _installable() -> Sequence[str]:
    from lwprof.timing.devices import EMULATED

    return (EMULATED,)


@click.command("doctor", short_help="Check libraries, backends and machine.")
@click.option("--clear-cache", is_flag=True, help="Remove the conversions that are kept, and do nothing else.")
@click.option(
    "--install",
    type=OneOf(_installable),
    help="Fetch what this device needs into the user's cache, say how much that is, and do nothing else.",
)
@click.option(
    "--remove", type=OneOf(_installable), help="Remove what --install has fetched for this device, and do nothing else."
)
@output_options
@debug_option
def doctor_command(
    clear_cache: bool, install: str | None, remove: str | None, format_name: str | None, output: Path | None
) -> int:
    """Check libraries, backends and the machine, and say what to do where something is amiss.

    The exit code is 3 if something that lwprof needs is missing; backends that are not installed are no problem.
    """
    if sum(map(bool, (clear_cache, install, remove))) > 1:
        raise InputError("--clear-cache, --install and --remove are done one at a time")
    if clear_cache:
        _clear()
    elif remove:
        _remove()
    elif install:
        _install()
    if clear_cache or install or remove:
        return 0
    target = destination(format_name, output)
    from lwprof.cli.doctor_checks import checks
    from lwprof.reports.contents import Cell, Column, Note, Table

    found = list(checks())
    columns = (
        Column("check", "check"),
        Column("found", "found", wrap=True),
        Column("state", "state"),
        Column("advice", "what to do", wrap=True),
    )
    rows = [
        (
            check.subject,
            check.found,
            Cell(check.state, check.state, style=STYLES[check.state]),
            check.advice,
        )
        for check in found
    ]
    problems = [check.subject for check in found if check.state == "problem"]
    notes = [Note(f"needs repair: {', '.join(problems)}", "bad")] if problems else []
    target.write(Table.of("checks", columns, rows, notes=notes))
    return BackendError.exit_code if problems else 0


def _clear() -> None:
    """Remove the conversions that are kept.

    Raises:
        InputError: some are still there.
    """
    from lwprof.cli.doctor_checks import amount
    from lwprof.timing.conversions import cache
    from lwprof.timing.emulation import installation

    removed = amount(*cache.clear())
    folder = cache.cache_folder()
    if left := cache.contents()[0]:
        raise InputError(f"{left} of the conversions in {folder} cannot be removed; {removed} are")
    click.echo(f"removed {removed} from {folder}")
    if taken := installation.size():
        click.echo(f"{installation.NAME} is left as it is ({units.size(taken)}): {installation.REMOVE} removes it")


def _install() -> None:
    """Fetch what the emulated device needs, and see that it counts; progress goes to standard error.

    Raises:
        BackendError: it cannot be had here, or a compiler is missing.
    """
    from lwprof.timing.emulation import counting, installation

    installation.install(lambda line: click.echo(line, err=True))
    counting.found()


def _remove() -> None:
    """Remove what was fetched for the emulated device.

    Raises:
        BackendError: it cannot be removed.
    """
    from lwprof.timing.emulation import installation

    taken = installation.remove()
    done = f"removed {installation.NAME} ({units.size(taken)}) from" if taken else f"there is no {installation.NAME} in"
    click.echo(f"{done} {installation.folder()}")
