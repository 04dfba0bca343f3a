"""Layouts: contents as tables and notes for people, as rows for machines.

What lays out results is imported when there is one: a list of networks needs none of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lwprof.reports.contents import Page, Table
from lwprof.reports.formats import Content, Named
from lwprof.reports.options import Options


def page(content: Content, options: Options) -> Page:
    """Lay ``content`` out for people."""
    if isinstance(content, Page):
        return content
    if isinstance(content, Table):
        return Page("", (content,))
    from lwprof.reports import result_layouts

    return result_layouts.page(content, options)


def pages(named: Sequence[Named], options: Options) -> list[Content]:
    """Lay several out for people: comparisons in one page, others in one each."""
    if len(named) > 1:  # otherwise there may be no result at all
        from lwprof.reports import result_layouts

        if (together := result_layouts.page_of_several(named, options)) is not None:
            return [together]
    return [content for _, content in named]


def records(content: Content) -> list[dict[str, Any]]:
    """Lay ``content`` out for machines: one dict a row, raw values under the JSON's keys."""
    if isinstance(content, Page):
        return content.tables[0].records() if content.tables else []
    if isinstance(content, Table):
        return content.records()
    from lwprof.reports import result_layouts

    return result_layouts.records(content)
