"""Fitting: in which form a table fits a terminal, so that no number is ever cut off.

From the richest form to the leanest: one line a header and cell, headers broken, cells broken too;
running text folded; optional columns left out; the table split by its column groups. Where nothing
fits, there is no form, and each row is to be written as a record.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise

from rich.cells import cell_len

from lwprof.reports.contents import Cell, Column, Table

GAP = 2
"""Spaces between columns."""


@dataclass(frozen=True, slots=True)
class Form:
    """Some columns of a table, each with its width, and whether headers and cells are broken."""

    places: tuple[int, ...]
    widths: tuple[int, ...]
    broken_headers: bool = False
    broken_cells: bool = False

    def header(self, column: Column) -> tuple[str, ...]:
        """Lines of a column's header in this form."""
        return column.lines if self.broken_headers and column.lines else (column.header,)

    def lines(self, cell: Cell, width: int | None = None) -> tuple[str, ...]:
        """Lines of a cell in this form; what is wider than ``width`` is broken where it has parts, not in a word."""
        lines = cell.lines if self.broken_cells and cell.lines else (cell.text,)
        if width is not None and cell_len(cell.text) > width and "".join(cell.lines) == cell.text:
            lines = tuple(_packed(cell.lines, width - 2 * cell.indent))
        return tuple("  " * cell.indent + line for line in lines)


def _packed(parts: Iterable[str], width: int) -> Iterator[str]:
    """Join parts to lines, as many as fit.

    >>> list(_packed(("mbv2:", "width=0.75,", "resolution=160"), 16))
    ['mbv2:width=0.75,', 'resolution=160']
    """
    line = ""
    for part in parts:
        if line and cell_len(line + part) > width:
            yield line
            line = ""
        line += part
    yield line


def forms(table: Table, width: int | None) -> list[Form]:
    """Give the form that shows ``table`` within ``width``: one, several for a split table, or none."""
    for parts in _parts(table):
        for fold in (False, True):
            fitted = [_form(table, part, width, fold) for part in parts]
            found = [form for form in fitted if form is not None]
            if len(found) == len(parts):
                return found
    return []


def rows(table: Table, form: Form) -> Iterator[list[Cell]]:
    """Give the cells that ``form`` shows, row by row, without the rows that have nothing in its columns."""
    own = [place for place in form.places if len(table.columns[place].group.split()) == 1]
    said: dict[int, Cell] = {}  # in rows that are left out, of those that follow
    for row in table.rows:
        said |= {place: row[place] for place in form.places if place not in own and row[place].text}
        if own and not any(row[place].text for place in own):
            continue
        yield [row[place] if place in own else said.pop(place, row[place]) for place in form.places]


def left_out(table: Table, chosen: Sequence[Form]) -> list[str]:
    """Headers of the columns that none of the forms shows."""
    shown = {place for form in chosen for place in form.places}
    return [column.header for place, column in enumerate(table.columns) if place not in shown]


def _parts(table: Table) -> Iterator[list[tuple[int, ...]]]:
    """Ways to show the columns, from one table with all of them over tables of some groups to one for each."""
    whole = tuple(range(len(table.columns)))
    yield [whole]
    optional = [place for place in whole if table.columns[place].optional]
    while optional:
        optional.pop()
        yield [tuple(p for p in whole if not table.columns[p].optional or p in optional)]
    names = list(dict.fromkeys(name for column in table.columns for name in column.group.split()))
    for count in range(1, len(names)):
        for cuts in combinations(range(1, len(names)), count):
            chosen = [set(names[start:end]) for start, end in pairwise((0, *cuts, len(names)))]
            yield [tuple(p for p in whole if _shown(table.columns[p], some)) for some in chosen]


def _shown(column: Column, groups: set[str]) -> bool:
    return not column.group or not groups.isdisjoint(column.group.split())


def _form(table: Table, places: tuple[int, ...], width: int | None, fold: bool) -> Form | None:
    for broken_headers, broken_cells in ((False, False), (True, False), (True, True)):
        form = Form(places, (), broken_headers, broken_cells)
        widths = [_width(table, place, form) for place in places]
        gaps = GAP * (len(places) - 1)
        spare = None if width is None else width - gaps - sum(widths)
        if spare is not None and spare < 0 and fold:
            widths = _folded([table.columns[place] for place in places], widths, -spare)
            spare = width - gaps - sum(widths) if width is not None else None
        if spare is None or spare >= 0:
            return Form(places, tuple(widths), broken_headers, broken_cells)
    return None


def _width(table: Table, place: int, form: Form) -> int:
    texts = [*form.header(table.columns[place]), *(line for row in table.rows for line in form.lines(row[place]))]
    return max(map(cell_len, texts))


def _folded(columns: Sequence[Column], widths: Sequence[int], excess: int) -> list[int]:
    """Take ``excess`` from the columns of running text, from the widest first."""
    folded = list(widths)
    while excess > 0:
        wide = [p for p, column in enumerate(columns) if column.wrap and folded[p] > column.narrowest]
        if not wide:
            break
        folded[max(wide, key=lambda place: folded[place])] -= 1
        excess -= 1
    return folded
