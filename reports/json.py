"""JSON: the result itself, as it is saved, or an array of several; a page's tables by name."""

from __future__ import annotations

import json
from collections.abc import Sequence

from lwprof.reports.contents import Page, Table
from lwprof.reports.formats import Content, Named, Writer
from lwprof.reports.options import Options
from lwprof.results.document import json_text


def write(content: Content, options: Options) -> str:
    """Write ``content`` whole; no option changes it."""
    if isinstance(content, Table):
        content = Page("", (content,))
    if isinstance(content, Page):
        return json_text(content.to_dict(), indent=2) + "\n"
    return content.to_json()


def write_all(named: Sequence[Named], options: Options) -> str:
    """Write several as one array."""
    documents = [json.loads(write(content, options)) for _, content in named]
    return json_text(documents, indent=2) + "\n"


WRITER = Writer(write, write_all)
