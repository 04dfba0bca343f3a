"""``lwprof doctor``: what this machine can do, and whether its timings can be trusted."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from lwprof.cli.options import debug_option
from lwprof.cli.output import destination, output_options
from lwprof.errors import BackendError, InputError, first_line

if TYPE_CHECKING:
    from lwprof.reports.contents import Style
    from lwprof.timing.backends import Backend


STYLES: dict[str, Style] = {"ok": "good", "note": "warning", "problem": "bad"}


class Check(NamedTuple):
    """One thing looked at."""

    subject: str
    found: str
    state: str
    """"ok", "note" or "problem"."""
    advice: str = ""


@click.command("doctor", short_help="Check libraries, backends and machine.")
@click.option("--clear-cache", is_flag=True, help="Remove the conversions that are kept, and do nothing else.")
@output_options
@debug_option
def doctor_command(clear_cache: bool, format_name: str | None, output: Path | None) -> int:
    """Check libraries, backends and the machine, and say what to do where something is amiss.

    The exit code is 3 if something that lwprof needs is missing; backends that are not installed are no problem.
    """
    if clear_cache:
        _clear()
        return 0
    target = destination(format_name, output)
    from lwprof.reports.contents import Cell, Column, Note, Table

    checks = [*_libraries(), *_backends(), *_conversions(), *_machine()]
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
        for check in checks
    ]
    problems = [check.subject for check in checks if check.state == "problem"]
    notes = [Note(f"needs repair: {', '.join(problems)}", "bad")] if problems else []
    target.write(Table.of("checks", columns, rows, notes=notes))
    return BackendError.exit_code if problems else 0


def _libraries() -> Iterator[Check]:
    import importlib.metadata
    import platform

    yield Check("python", platform.python_version(), "ok")
    try:
        version, requirements = importlib.metadata.version("lwprof"), importlib.metadata.requires("lwprof") or []
    except importlib.metadata.PackageNotFoundError:
        yield Check("lwprof", "not installed as a package", "note", "pip install . in its folder")
        return
    yield Check("lwprof", version, "ok")
    yield from _required(requirements)


def _required(requirements: Iterable[str]) -> Iterator[Check]:
    """Check every requirement that holds always; one with a condition only if it is there."""
    import importlib.metadata

    for requirement in requirements:
        wanted, _, marker = requirement.partition(";")
        parts = re.match(r"\s*([\w.-]+)\s*(?:>=\s*([\w.]+))?", wanted)
        if parts is None or "extra" in marker:
            continue
        name, least = parts[1], parts[2] or "0"
        try:
            found = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            if not marker:
                yield Check(name, "missing", "problem", f"pip install '{wanted.strip()}'")
            continue
        if _numbers(found) < _numbers(least):
            yield Check(name, found, "problem", f"pip install '{wanted.strip()}'")
        else:
            yield Check(name, found, "ok")


def _numbers(version: str) -> list[int]:
    """Compare as much of a version as orders releases."""
    return [int(number) for number in re.findall(r"\d+", version.partition("+")[0])[:3]]


def _backends() -> Iterator[Check]:
    from lwprof.timing.backends import BACKENDS

    try:
        importlib.import_module("torch")
        broken = ""
    except Exception as error:
        broken = f"torch cannot be imported ({first_line(error)})"
    for backend in BACKENDS:
        if broken:  # nothing runs, and nothing is converted, without it
            needed = backend.name == "torch"
            yield Check(_named(backend), broken, "problem" if needed else "note",
                        "pip install --force-reinstall torch" if needed else "")  # fmt: skip
        else:
            yield _backend(backend)


def _backend(backend: Backend) -> Check:
    """Whether a backend can be used, with which versions and where; only torch has to be there."""
    from lwprof.timing.backends import Options, usable

    state = "problem" if backend.name == "torch" else "note"
    try:
        reasons = {device: usable(backend, Options(device)) for device in backend.devices}
        devices = [device for device, reason in reasons.items() if reason is None]
        if devices:
            versions = ", ".join(f"{name} {version}" for name, version in backend.versions().items())
            return Check(_named(backend), f"usable on {', '.join(devices)}: {versions}", "ok")
    except Exception as error:
        return Check(_named(backend), f"broken ({first_line(error)})", state, _again(backend))
    found, _, advice = str(next(iter(reasons.values()))).partition(": pip ")
    return Check(_named(backend), found, state, f"pip {advice}" if advice else "")


def _named(backend: Backend) -> str:
    return f"backend {backend.name}"


def _again(backend: Backend) -> str:
    from lwprof.timing.backends import install_line

    return install_line(backend).replace("install", "install --force-reinstall") if backend.extra else ""


def _conversions() -> Iterator[Check]:
    from lwprof.timing.conversions import cache

    kept, size = cache.contents()
    remedy = "lwprof doctor --clear-cache removes them" if size else ""
    yield Check("cache", f"{_amount(kept, size)} in {cache.cache_folder()}", "ok", remedy)


def _amount(conversions: int, size: int) -> str:
    from lwprof import units

    return f"{conversions} conversion{'s' * (conversions != 1)} ({units.size(size)})"


def _clear() -> None:
    """Remove the conversions that are kept.

    Raises:
        InputError: some are still there.
    """
    from lwprof.timing.conversions import cache

    removed = _amount(*cache.clear())
    folder = cache.cache_folder()
    if left := cache.contents()[0]:
        raise InputError(f"{left} of the conversions in {folder} cannot be removed; {removed} are")
    click.echo(f"removed {removed} from {folder}")


def _machine() -> Iterator[Check]:
    from lwprof.timing import advice
    from lwprof.timing.environment import environment

    found = environment()
    for key, subject in (
        ("cpu", "processor"),
        ("cores", "usable cores"),
        ("governor", "governor"),
        ("load_1min", "load"),
    ):
        yield Check(subject, "unknown" if found[key] is None else str(found[key]), "ok")
    warnings = advice.on_machine(found, threads=1)
    for warning in warnings:
        what, _, remedy = warning.partition(": ")
        yield Check("timing", what, "note", remedy)
    if not warnings:
        yield Check("timing", "nothing here speaks against it", "ok")
