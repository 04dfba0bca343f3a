"""Contents: what a report shows, before any format has touched it.

A :class:`Page` holds tables and notes. Every format renders the same page, so every format shows the
same numbers. Commands that only list things build a :class:`Table` of their own and render that.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from lwprof import units

Style = Literal["", "good", "bad", "warning", "quiet"]


def printable(text: str) -> str:
    r"""Make control, formatting and other invisible characters visible, as Python would escape them.

    >>> printable("mb\x1b[31mv1\n")
    'mb\\x1b[31mv1\\n'
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


@dataclass(frozen=True, slots=True)
class Cell:
    """One entry of a table: its text for people, and the value behind it for CSV and JSON."""

    text: str
    raw: Any = None
    lines: tuple[str, ...] = ()
    """The same text on several short lines, for a narrow terminal."""
    style: Style = ""
    indent: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", printable(self.text))
        object.__setattr__(self, "lines", tuple(printable(line) for line in self.lines))


def cell(value: Any) -> Cell:
    """Write a plain value: counts in full, ``None`` as a dash, a list joined by commas.

    >>> cell(4231976).text, cell(None).text, cell(True).text, cell(["a", 2]).text, cell(0.75).text
    ('4,231,976', '–', 'yes', 'a, 2', '0.75')
    """
    if isinstance(value, Cell):
        return value
    if value is None:
        return Cell("–")
    if isinstance(value, bool):
        return Cell("yes" if value else "no", value)
    if isinstance(value, int):
        return Cell(units.exact(value), value)
    if isinstance(value, float):
        return Cell(f"{value:g}", value)
    if isinstance(value, list | tuple):
        return Cell(", ".join(map(str, value)), list(value))
    return Cell(str(value), str(value))


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table."""

    key: str
    """Its name in CSV and JSON."""
    header: str
    lines: tuple[str, ...] = ()
    """The same header on several short lines, for a narrow terminal."""
    align: Literal["left", "right"] = "left"
    wrap: bool = False
    """Running text, which may be folded; numbers never are."""
    shorten: bool = False
    """Folded text would be a word torn apart: cut its end off instead, with an ellipsis."""
    group: str = ""
    """Where a terminal is too narrow, neighbouring groups become tables of their own, without the rows that have
    nothing in them; columns without a group are repeated in each, those of several, parted by blanks, in theirs. What
    such a repeated column says in a row that is left out stands in the next one."""
    optional: bool = False
    """May be left out, and named as left out, where a terminal is too narrow."""
    narrowest: int = 12
    """To which running text may be folded."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "header", printable(self.header))
        object.__setattr__(self, "lines", tuple(printable(line) for line in self.lines))


@dataclass(frozen=True, slots=True)
class Note:
    """A sentence under a table."""

    text: str
    style: Style = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", printable(self.text))


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under columns. ``name`` is the table's key in JSON."""

    name: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    title: str = ""
    notes: tuple[Note, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "title", printable(self.title))

    @classmethod
    def of(
        cls,
        name: str,
        columns: Sequence[Column],
        rows: Iterable[Iterable[Any]],
        title: str = "",
        notes: Iterable[Note | str] = (),
    ) -> Table:
        """Make a table of plain values, :class:`Cell` where a value needs a text of its own.

        >>> table = Table.of("networks", [Column("name", "network"), Column("params", "params")], [["mbv1", 4231976]])
        >>> table.rows[0][1].text, table.records()
        ('4,231,976', [{'name': 'mbv1', 'params': 4231976}])
        """
        cells = tuple(tuple(cell(value) for value in row) for row in rows)
        if any(len(row) != len(columns) for row in cells):
            raise ValueError(f"every row of {name} needs {len(columns)} cells")
        return cls(name, tuple(columns), cells, title, tuple(map(note, notes)))

    def records(self) -> list[dict[str, Any]]:
        """One dict a row, with the values behind the texts."""
        return [{column.key: item.raw for column, item in zip(self.columns, row, strict=True)} for row in self.rows]


@dataclass(frozen=True, slots=True)
class Page:
    """A whole report: tables, then what is to be said about them."""

    title: str
    tables: tuple[Table, ...]
    notes: tuple[Note, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "title", printable(self.title))

    def to_dict(self) -> dict[str, Any]:
        """Every table's records under its name, and the notes."""
        records = {table.name: table.records() for table in self.tables}
        notes = [*(item for table in self.tables for item in table.notes), *self.notes]
        return {**records, "notes": [item.text for item in notes]}


def note(item: Note | str) -> Note:
    """Turn a plain sentence into a :class:`Note`."""
    return item if isinstance(item, Note) else Note(item)
