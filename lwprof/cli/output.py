"""Output: where a report goes, checked before the work starts, and how it gets there whole."""

from __future__ import annotations

import codecs
import contextlib
import io
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO, TypeVar

import click

from lwprof.cli.options import OneOf
from lwprof.errors import BackendError, InputError

if TYPE_CHECKING:
    from lwprof.reports.formats import Content, Illustrated, Named

F = TypeVar("F", bound=Callable[..., Any])

READABLE = "lwprof.readable"
"""How a stream treats what its encoding lacks: a stand-in that can be read rather than an error."""

STAND_INS = {
    "±": "+/-",
    "×": "x",
    "★": "*",
    "≠": "!=",
    "µ": "u",
    "†": "+",
    "─": "-",
    "–": "-",
    "·": "*",
    "•": "*",
    "…": "...",
    "→": "->",
}


NARROWEST, WIDEST = 20, 10_000
"""Between which a report's width lies, whatever a terminal says of itself."""


def _readable(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(map(_stand_in, error.object[error.start : error.end])), error.end


def _stand_in(letter: str) -> str:
    r"""Write a byte that was no text as ``\xff``."""
    return f"\\x{ord(letter) - 0xDC00:02x}" if "\udc80" <= letter <= "\udcff" else STAND_INS.get(letter, "?")


codecs.register_error(READABLE, _readable)


class Nowhere(io.TextIOWrapper):
    """What stands for a standard stream that was closed before lwprof began."""

    def __init__(self) -> None:
        super().__init__(open(os.devnull, "wb"), encoding="utf-8", errors=READABLE)  # noqa: SIM115


def open_streams() -> None:
    """Give the standard streams that are closed a stand-in, and all of them a way to write every text."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, Nowhere())
        elif hasattr(stream, "reconfigure"):
            stream.reconfigure(errors=READABLE)


class OutputFile(click.Path):
    """Name of a file to write."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if value == "":
            self.fail("the name is empty; name a file such as result.json", param, ctx)
        return super().convert(value, param, ctx)


def _format_names(shows: Sequence[str]) -> list[str]:
    from lwprof.reports import FORMATS

    return [item.name for item in FORMATS if not item.only or item.only in shows]


def output_options(command: F, shows: Sequence[str] = ()) -> F:
    """Add ``--format`` and ``-o`` to a command; :func:`destination` takes their values.

    Those that have audits or profiles to show are given formats that show nothing else, too.
    """
    command = click.option(
        "-o",
        "--output",
        metavar="FILE",
        type=OutputFile(path_type=Path),
        help="Write the report to FILE instead; its suffix says the format. NAME.md gets charts, in NAME_files.",
    )(command)
    return click.option(
        "--format",
        "format_name",
        type=OneOf(partial(_format_names, shows)),
        help="Format of the report; default: table.",
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

        A file that turns out not to be writable leaves them on standard output, so that nothing is lost; so does
        a report that cannot be laid out, as JSON.

        Raises:
            InputError: the file or standard output cannot be written.
        """
        from lwprof import reports

        if self.file is None:
            options.update(_terminal())
        try:
            text, charts = self._rendered(named, options)
        except InputError:
            raise
        except Exception:
            write_out(reports.render_all(named, "json"))
            raise
        self._deliver(text, charts)

    def _rendered(self, named: Sequence[Named], options: dict[str, Any]) -> Illustrated:
        """Render; a file whose suffix is that of a format that shows charts gets them, where they can be drawn."""
        from lwprof import reports

        if self.charts is not None:
            try:
                return reports.illustrate(named, self.format, self.charts.name, **options)
            except BackendError as error:
                click.echo(f"{self.file} is without charts: {error}", err=True)
        return reports.render_all(named, self.format, **options), {}

    @property
    def charts(self) -> Path | None:
        """Folder of the charts beside a file that people read; none where something else reads it."""
        if self.file is None or self.file.suffix.lower() != ".md" or (self.file.exists() and not self.file.is_file()):
            return None
        return self.file.with_name(f"{self.file.stem}_files")

    def write_document(self, document: str, content: Content) -> None:
        """Write running text in Markdown: laid out for a terminal, else as it stands; ``content`` in other formats.

        Raises:
            InputError: as :meth:`write_all`.
        """
        if self.format not in ("table", "markdown"):
            self.write(content)
            return
        if self.format == "table" and self.file is None and sys.stdout.isatty():
            from lwprof.reports import prose

            document = prose.render(document, **_terminal())
        self._deliver(document)

    def _deliver(self, text: str, charts: Mapping[str, bytes] | None = None) -> None:
        if self.file is None:
            write_out(text)
            return
        from lwprof.files import write_folder, write_whole

        try:
            if charts and self.charts is not None:
                write_folder(self.charts, charts)
            write_whole(self.file, text)
        except InputError:
            write_out(text)
            raise
        click.echo(f"wrote {self.file}" + f", with charts in {self.charts}" * bool(charts), err=True)


def destination(format_name: str | None, output: Path | None, *, shows: Sequence[str] = ()) -> Destination:
    """Settle where the report goes, before any work is done.

    Args:
        format_name: by default, the format is that of the file's suffix, or a table.
        output: a file; by default, standard output.
        shows: what there may be to show, "audits" or "profiles", for the formats which show nothing else.

    Raises:
        InputError: the suffix names no format, or one of other results only; or the folder cannot be written.
    """
    if output is None or str(output) == "-":
        if isinstance(sys.stdout, Nowhere):
            raise InputError("cannot write to standard output: it is closed")
        return Destination(format_name or "table", None)
    import tempfile

    from lwprof import reports

    folder = output.parent
    try:
        if output.is_dir():
            raise InputError(f"cannot write {output}: it is a folder; name a file in it")
        chosen = format_name or reports.format_of(output)
        if chosen not in _format_names(shows):
            only = next(item.only for item in reports.FORMATS if item.name == chosen)
            raise InputError(f"cannot write {output}: {chosen} shows {only} only; name a file such as result.json")
        if not output.exists() or output.is_file():
            with tempfile.NamedTemporaryFile(dir=folder, prefix=f".{output.name}."):
                pass
    except FileNotFoundError as error:
        reason = f"no file can be made in {folder}" if folder.is_dir() else f"there is no folder {folder}"
        raise InputError(f"cannot write {output}: {reason}") from error
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
    abandon(sys.stdout)


def abandon(stream: TextIO) -> None:
    """Send what a stream has still to flush nowhere."""
    with contextlib.suppress(OSError, ValueError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, stream.fileno())
        os.close(null)


@contextlib.contextmanager
def guests() -> Iterator[None]:
    """Send what users' code prints to standard error, since standard output is for the report."""
    with contextlib.redirect_stdout(sys.stderr):
        yield


def _terminal() -> dict[str, Any]:
    """Width and colour of the terminal; a pipe or a file is as wide as the text and has no colour."""
    if not sys.stdout.isatty():
        try:
            columns = int(os.environ.get("COLUMNS", ""))
        except ValueError:
            columns = 0
        return {"width": _usable(columns) if columns > 0 else None}
    import shutil

    color = not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return {"width": _usable(shutil.get_terminal_size().columns), "color": color}


def _usable(columns: int) -> int:
    return min(max(NARROWEST, columns), WIDEST)
