"""JSON: the result itself, as it is saved; a page's tables by name."""

from __future__ import annotations

import json

from lwprof.reports.contents import Page, Table
from lwprof.reports.formats import Content, Format
from lwprof.reports.options import Options


def write(content: Content, options: Options) -> str:
    """Write ``content`` whole; no option changes it."""
    if isinstance(content, Table):
        content = Page("", (content,))
    if isinstance(content, Page):
        return json.dumps(content.to_dict(), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    return content.to_json()


FORMAT = Format("json", (".json",), write)
