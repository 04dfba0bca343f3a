"""HTML: one self-contained page of results, with charts, that works from a file and asks nothing of a network."""

from __future__ import annotations

from collections.abc import Sequence

from lwprof.reports.formats import Content, Named, Writer
from lwprof.reports.html import document, sections
from lwprof.reports.options import Options


def write(content: Content, options: Options) -> str:
    """Write a page of one result."""
    return write_all([("", content)], options)


def write_all(named: Sequence[Named], options: Options) -> str:
    """Write one page of all results, whatever their kinds."""
    return document.render(sections.contents(named, options))


WRITER = Writer(write, write_all)
