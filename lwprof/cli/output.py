"""Output: where a report goes, checked before the work starts, and how it gets there whole."""

from __future__ import annotations

import codecs
import contextlib
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from lwprof.cli.options import OneOf
from lwprof.errors import InputError

if TYPE_CHECKING:
    from lwprof.reports.formats import Content, Named

F = TypeVar("F", bound=Callable[..., Any])

READABLE = "lwprof.readable"
"""How a stream treats what its encoding lacks: a stand-in that can be read rather than an error."""

STAND_INS = {"±": "+/-", "×": "x", "★": "*", "≠": "!=", "µ": "u", "─": "-", "–": "-", "·": "*", "…": "..."}


def _readable(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(STAND_INS.get(letter, "?") for letter in error.object[error.start : error.end]), error.end


codecs.register_error(READABLE, _readable)


def _format_names() -> list[str]:
    from lwprof.reports import FORMATS

    return [item.name for item in FORMATS]


def output_options(command: F) -> F:
    """Add ``--format`` and ``-o`` to a command; :func:`destination` takes their values."""
    command = click.option(
        "-o",
        "--output",
        metavar="FILE",
        type=click.Path(path_type=Path),
        help="Write the report to FILE instead; its suffix says the format.",
    )(command)
    return click.option(
        "--format", "format_name", type=OneOf(_format_names), help="Format of the report; default: table."
    )(command)


@dataclass(frozen=True, slots=True)
class Destination:
    """A place to write one report to: a file, or standard output."""

    format: str
    file: Path | None

    def write(self, content: Content, **options: Any) -> None:
        """Render ``content`` and write it, as :meth:`write_all` does."""
        self.write_all([("", content)], **options)

    def write_all(self, named: Sequence[Named], **options: Any) -> None:
        """Render one or several contents, each with the name that tells it from the others, and write them.

        A file that turns out not to be writable leaves them on standard output, so that nothing is lost.

        Raises:
            InputError: the file or standard output cannot be written.
        """
        from lwprof import reports

        if self.file is None:
            options.update(_terminal())
        text = reports.render_all(named, self.format, **options)
        if self.file is None:
            write_out(text)
            return
        from lwprof.files import write_whole

        try:
            write_whole(self.file, text)
        except InputError:
            write_out(text)
            raise
        click.echo(f"wrote {self.file}", err=True)


def destination(format_name: str | None, output: Path | None) -> Destination:
    """Settle where the report goes, before any work is done.

    Raises:
        InputError: the suffix names no format, or the folder cannot be written.
    """
    if output is None or str(output) == "-":
        if sys.stdout is None:
            raise InputError("cannot write to standard output: it is closed")
        return Destination(format_name or "table", None)
    import tempfile

    from lwprof import reports

    chosen = format_name or reports.format_of(output)
    folder = output.parent
    try:
        if output.is_dir():
            raise InputError(f"cannot write {output}: it is a folder; name a file in it")
        if not output.exists() or output.is_file():
            with tempfile.NamedTemporaryFile(dir=folder, prefix=f".{output.name}."):
                pass
    except FileNotFoundError as error:
        raise InputError(f"cannot write {output}: there is no folder {folder}") from error
    except OSError as error:
        raise InputError(f"cannot write {output}: {error.strerror or error}") from error
    return Destination(chosen, output)


def write_out(text: str) -> None:
    """Write to standard output; a reader that has gone (``head``) is not an error.

    Raises:
        InputError: standard output cannot be written.
    """
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        abandon_stdout()
    except OSError as error:
        abandon_stdout()
        raise InputError(f"cannot write to standard output: {error.strerror or error}") from error


def abandon_stdout() -> None:
    """Send what is still to be flushed nowhere, so that the exit stays quiet."""
    with contextlib.suppress(OSError, ValueError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, sys.stdout.fileno())
        os.close(null)


@contextlib.contextmanager
def guests() -> Iterator[None]:
    """Send what users' code prints to standard error, since standard output is for the report."""
    with contextlib.redirect_stdout(sys.stderr):
        yield


def _terminal() -> dict[str, Any]:
    """Width and colour of the terminal; a pipe or a file is as wide as the text and has no colour."""
    if not sys.stdout.isatty():
        return {"width": int(os.environ["COLUMNS"]) if os.environ.get("COLUMNS", "").isdigit() else None}
    import shutil

    color = not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return {"width": max(20, shutil.get_terminal_size().columns), "color": color}
