"""HTML: one self-contained page of results, with charts, that works from a file and asks nothing of a network."""

from __future__ import annotations

from collections.abc import Sequence

from lwprof.reports.formats import Content, Format, Named
from lwprof.reports.options import Options


def write(content: Content, options: Options) -> str:
    """Write a page of one result."""
    return write_all([("", content)], options)


def write_all(named: Sequence[Named], options: Options) -> str:
    """Write one page of all results, whatever their kinds."""
    from lwprof.reports.html import document, sections  # which know the layouts, and those all formats

    return document.render(sections.contents(named, options))


FORMAT = Format("html", (".html", ".htm"), write, write_all)
