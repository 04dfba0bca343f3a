"""Reports: turn a result into text. They format, and compute nothing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lwprof.errors import InputError
from lwprof.reports import layouts
from lwprof.reports.formats import Content, Format, Illustrated, Named, Writer
from lwprof.reports.options import SORTS, VIEWS, Options

__all__ = ["FORMATS", "SORTS", "VIEWS", "Content", "Format", "format_of", "illustrate", "render", "render_all"]

FORMATS: tuple[Format, ...] = (
    Format("table", (".txt",)),
    Format("markdown", (".md",)),
    Format("csv", (".csv",)),
    Format("json", (".json",)),
    Format("html", (".html", ".htm")),
    Format("latex", (".tex",)),
    Format("trace", (".trace",), only="profiles"),
    Format("sarif", (".sarif",), only="audits"),
    Format("junit", (".xml",), only="audits"),
    Format("github", only="audits"),
)


def render(
    content: Content,
    format: str = "table",
    *,
    width: int | None = None,
    color: bool = False,
    view: str = "paper",
    depth: int | None = 2,
    sort: str | None = None,
    top: int | None = None,
    folder: str = "",
) -> str:
    """Write ``content`` in the format of that name; the text ends with a newline.

    The options are those of :class:`lwprof.reports.options.Options`.

    Raises:
        InputError: no such format, or an option's value does not exist.
    """
    options = Options(width=width, color=color, view=view, depth=depth, sort=sort, top=top, folder=folder)
    return _writer(format).write(content, options)


def render_all(named: Sequence[Named], format: str = "table", **options: Any) -> str:
    """Write several reports as one text: rows of one table in CSV, one array in JSON, else one after the other.

    Comparisons are one table for people, too: those of several machines, told apart by the names of their files.

    Raises:
        InputError: as :func:`render`, or results of several kinds are to be one CSV.
    """
    writer = _writer(format)
    wanted = Options(**options)
    if writer.write_all is not None and len(named) > 1:
        return writer.write_all(named, wanted)
    return "\n".join(writer.write(content, wanted) for content in layouts.pages(named, wanted))


def illustrate(named: Sequence[Named], format: str, beside: str, **options: Any) -> Illustrated:
    """Write several reports as one text, with charts that lie in the folder ``beside`` it.

    Returns:
        The text, and the contents of the charts' files by their names: none where there is nothing to draw.

    Raises:
        InputError: as :func:`render_all`.
        BackendError: there is something to draw, and nothing to draw it with.
    """
    writer = _writer(format)
    if writer.illustrate is None:
        return render_all(named, format, **options), {}
    return writer.illustrate(named, Options(**options), beside)


def _writer(name: str) -> Writer:
    for candidate in FORMATS:
        if candidate.name == name:
            return candidate.writer
    raise InputError(f"unknown format {name!r}; choose one of {', '.join(item.name for item in FORMATS)}")


def format_of(path: str | Path) -> str:
    """Name the format that a file's suffix stands for.

    Raises:
        InputError: no format has that suffix.

    >>> format_of("table.md"), format_of("Result.JSON")
    ('markdown', 'json')
    """
    suffix = Path(path).suffix.lower()
    for candidate in FORMATS:
        if suffix in candidate.suffixes:
            return candidate.name
    known = ", ".join(ending for item in FORMATS for ending in item.suffixes)
    raise InputError(f"no format has the suffix of {str(path)!r}; use one of {known}, or name the format")
