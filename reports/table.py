"""Terminal tables, with rich."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from lwprof.reports import layouts
from lwprof.reports.contents import Note, Table
from lwprof.reports.formats import Content, Writer
from lwprof.reports.options import Options

if TYPE_CHECKING:
    from rich.console import Console, OverflowMethod, RenderableType

    from lwprof.reports.fitting import Form

STYLES = {"": "", "good": "green", "bad": "bold red", "warning": "yellow", "quiet": "dim"}
WITHOUT_LIMIT = 100_000


def write(content: Content, options: Options) -> str:
    """Write ``content`` within ``options.width`` columns; names are literal, never rich markup."""
    from rich.text import Text

    page = layouts.page(content, options)
    blocks: list[list[RenderableType]] = [[Text(page.title, "bold")]] if page.title else []
    for table in page.tables:
        title = [Text(table.title, "bold")] if table.title else []
        blocks.append([*title, *_table(table, options.width), *_list(table.notes)])
    blocks += [list(_list(page.notes))] if page.notes else []

    console = console_of(options)
    for place, block in enumerate(blocks):
        if place:
            console.print()
        for item in block:
            console.print(item)
    text = console.file.getvalue()  # type: ignore[attr-defined]
    return "".join(line.rstrip() + "\n" for line in text.splitlines())


def console_of(options: Options) -> Console:
    """A console of that width and colour, which writes into a string."""
    from rich.console import Console

    return Console(
        file=io.StringIO(),
        width=options.width or WITHOUT_LIMIT,
        color_system="standard" if options.color else None,
        force_terminal=options.color,
        no_color=not options.color,
        force_jupyter=False,
        legacy_windows=False,
        markup=False,
        highlight=False,
        emoji=False,
        _environ={},
    )


def _table(table: Table, width: int | None) -> Iterator[RenderableType]:
    from rich.text import Text

    from lwprof.reports.fitting import forms, left_out

    fitting = forms(table, width)
    if not fitting:
        yield from _records(table)
        return
    for place, form in enumerate(fitting):
        if place:
            yield Text("")
        yield _grid(table, form)
    if missing := left_out(table, fitting):
        yield Text(f"(left out at this width: {', '.join(missing)})", "dim")


def _grid(table: Table, form: Form) -> RenderableType:
    from rich import box
    from rich.table import Table as Grid
    from rich.text import Text

    from lwprof.reports.fitting import rows

    grid = Grid(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    for place, width in zip(form.places, form.widths, strict=True):
        column = table.columns[place]
        overflow: OverflowMethod = "ellipsis" if column.shorten else "fold"
        whole = column.shorten or not column.wrap
        header = Text("\n".join(form.header(column)), justify=column.align)
        grid.add_column(header, justify=column.align, width=width, overflow=overflow, no_wrap=whole)
    for cells in rows(table, form):
        texts = ["\n".join(form.lines(cell, width)) for cell, width in zip(cells, form.widths, strict=True)]
        grid.add_row(*(Text(text, STYLES[cell.style]) for text, cell in zip(texts, cells, strict=True)))
    return grid


def _records(table: Table) -> Iterator[RenderableType]:
    """Write each row as lines of header and value, the first column, where it has a text and no number, as heading."""
    from rich.padding import Padding
    from rich.text import Text

    headed = table.columns[0].align == "left"
    for row in table.rows:
        if headed and row[0].text:
            yield Text(row[0].text, "bold", overflow="fold")
        for column, cell in zip(table.columns[headed:], row[headed:], strict=True):
            if cell.text:
                line = Text.assemble((f"{column.header}: ", "dim"), (cell.text, STYLES[cell.style]), overflow="fold")
                yield Padding(line, (0, 0, 0, 2))


def _list(notes: Iterable[Note]) -> Iterator[RenderableType]:
    from rich.table import Table as Grid
    from rich.text import Text

    for note in notes:
        grid = Grid.grid(padding=(0, 1, 0, 0))
        grid.add_column(width=1)
        grid.add_column(overflow="fold")
        grid.add_row("-", Text(note.text, STYLES[note.style]))
        yield grid


WRITER = Writer(write)
