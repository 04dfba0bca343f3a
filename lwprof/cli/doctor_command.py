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
from lwprof.errors import BackendError, first_line

if TYPE_CHECKING:
    from lwprof.reports.contents import Style


STYLES: dict[str, Style] = {"ok": "good", "note": "warning", "problem": "bad"}


class Check(NamedTuple):
    """One thing looked at."""

    subject: str
    found: str
    state: str
    """"ok", "note" or "problem"."""
    advice: str = ""


@click.command("doctor", short_help="Check libraries, backends and machine.")
@output_options
@debug_option
def doctor_command(format_name: str | None, output: Path | None) -> int:
    """Check libraries, backends and the machine, and say what to do where something is amiss.

    The exit code is 3 if something that lwprof needs is missing.
    """
    target = destination(format_name, output)
    from lwprof.reports.contents import Cell, Column, Note, Table

    checks = [*_libraries(), *_backends(), *_machine()]
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
    from lwprof.timing.backends import BACKENDS, Options, usable

    for backend in BACKENDS:
        subject = f"backend {backend.name}"
        reason = usable(backend, Options())
        if reason is None and backend.name == "torch":
            try:
                importlib.import_module("torch")
            except Exception as error:
                reason = f"torch cannot be imported ({first_line(error)}): pip install --force-reinstall torch"
        if reason is None:
            yield Check(subject, f"usable on {', '.join(backend.devices)}", "ok")
        else:
            found, _, advice = reason.partition(": ")
            yield Check(subject, found, "problem" if backend.name == "torch" else "note", advice)


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
