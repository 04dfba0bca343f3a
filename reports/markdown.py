"""Markdown: headings, pipe tables and a list of notes, as GitHub reads them."""

from __future__ import annotations

import re
from collections.abc import Iterable

from lwprof.reports import layouts
from lwprof.reports.contents import Cell, Note, Table
from lwprof.reports.formats import Content, Format
from lwprof.reports.options import Options


def write(content: Content, options: Options) -> str:
    """Write ``content`` with everything that Markdown or HTML would take as markup escaped."""
    page = layouts.page(content, options)
    parts = [f"## {escape(page.title)}"] if page.title else []
    for table in page.tables:
        parts += [f"### {escape(table.title)}"] if table.title else []
        parts += [_table(table), *_list(table.notes)]
    return "\n\n".join([*parts, *_list(page.notes)]) + "\n"


def escape(text: str) -> str:
    r"""Make ``text`` literal.

    >>> escape("a|b `c` <b> snake_case _x_")
    'a\\|b \\`c\\` &lt;b&gt; snake_case \\_x\\_'
    """
    text = re.sub(r"[\\`*\[\]|~#$]|(?<![^\W_])_|_(?![^\W_])", r"\\\g<0>", text)
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _table(table: Table) -> str:
    rule = ["---:" if column.align == "right" else ":---" for column in table.columns]
    rows = [[_text(cell) for cell in row] for row in table.rows]
    return "\n".join(_line(row) for row in [[escape(column.header) for column in table.columns], rule, *rows])


def _text(cell: Cell) -> str:
    text = "&emsp;" * cell.indent + escape(cell.text)
    return f"**{text}**" if cell.style == "bad" and cell.text else text


def _line(row: Iterable[str]) -> str:
    return f"| {' | '.join(row)} |"


def _list(notes: Iterable[Note]) -> list[str]:
    items = [(re.sub(r"^(\d*)([-+=.)])(?=\s)", r"\1\\\2", escape(note.text)), note.style) for note in notes]
    return ["\n".join(f"- **{text}**" if style == "bad" else f"- {text}" for text, style in items)] if items else []


FORMAT = Format("markdown", (".md",), write)
