"""Markdown: headings, pipe tables and a list of notes, as GitHub reads them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from urllib.parse import quote

from lwprof.reports import charts, layouts
from lwprof.reports.contents import Cell, Note, Page, Table, printable
from lwprof.reports.formats import Content, Illustrated, Named, Writer
from lwprof.reports.options import Options


def write(content: Content, options: Options) -> str:
    """Write ``content`` with everything that Markdown or HTML would take as markup escaped."""
    return _document(layouts.page(content, options), [])


def illustrate(named: Sequence[Named], options: Options, folder: str) -> Illustrated:
    """Write several, each with its charts below its first table.

    Each is shown as PNG, which every viewer has, and leads to the same as SVG, which is sharp at any size.

    Raises:
        BackendError: there is something to draw, and nothing to draw it with.
    """
    contents = layouts.pages(named, options)
    members = [[item] for item in named] if len(contents) == len(named) else [list(named)]
    place, files, texts = quote(os.fsencode(folder)), dict[str, bytes](), []
    for content, shown in zip(contents, members, strict=True):
        images = []
        for drawing in (drawing for _, item in shown for drawing in charts.drawings(item)):
            count = 1 + sum(re.fullmatch(rf"{drawing.kind}(-\d+)?\.png", name) is not None for name in files)
            stem = f"{drawing.kind}-{count}" if count > 1 else drawing.kind
            files |= {f"{stem}.{ending}": data for ending, data in drawing.files().items()}
            images.append(f"[![{escape(printable(drawing.alt))}]({place}/{stem}.png)]({place}/{stem}.svg)")
        texts.append(_document(layouts.page(content, options), images))
    return "\n".join(texts), files


def _document(page: Page, images: Sequence[str]) -> str:
    parts = [f"## {escape(page.title)}"] if page.title else []
    if not page.tables:
        parts += images
    for place, table in enumerate(page.tables):
        parts += [f"### {escape(table.title)}"] if table.title else []
        parts += [_table(table), *_list(table.notes), *(images if place == 0 else ())]
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


WRITER = Writer(write, illustrate=illustrate)
