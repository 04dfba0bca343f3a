"""Tables as the page shows them: whole rows that can be sorted, and the value behind each text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from lwprof.reports.contents import Cell, Column, Note, Page, Table

SAID_ONCE = ("name", "file", "inputs", "params", "mult_adds", "memory_access", "fragmentation", "peak", "top1")
"""Columns of a comparison that are empty in a row which repeats the one above it."""
CARDS = ("totals", "environment")
"""Tables of facts, one a row."""
PREFIXES = {"T": 1e12, "G": 1e9, "M": 1e6, "k": 1e3, "": 1.0, "m": 1e-3, "µ": 1e-6, "n": 1e-9}
NUMBER = re.compile(
    r"[+=]? ?(-? ?\d[\d,]*(?:\.\d+)?(?:e[+-]?\d+)?)[†]?(?: ± [\d.]+| \[[^]]*\])?(?: ([TGMkmµn]?)(?=B\b|s\b|†|$))?"
)
MANY = 8
"""Rows of a table that is worth searching, whatever it is of."""
SHORT = 12
"""Letters of a word that is never folded."""
LONG = 30
"""Rows of a table that gets a box of its own to scroll in."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A table on the page."""

    id: str
    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    notes: tuple[Note, ...] = ()
    card: bool = False
    """Its rows are of different things, in an order that is meant."""

    @property
    def tree(self) -> bool:
        """Whether its rows stand below each other for a reason, so that sorting would tear them apart."""
        return any(cell.indent for row in self.rows for cell in row)

    @property
    def sortable(self) -> bool:
        """Whether there is anything to sort."""
        return len(self.rows) > 1 and not self.tree and not self.card

    @property
    def filterable(self) -> bool:
        """Whether there is anything to search."""
        return (len(self.rows) >= MANY and not self.card) or (self.sortable and self.columns[0].key == "name")

    @property
    def long(self) -> bool:
        """Whether it scrolls in a box of its own."""
        return len(self.rows) > LONG


def shown(page: Page, prefix: str, leave: Sequence[str] = ()) -> tuple[Shown, ...]:
    """Prepare the tables of a page, less those of the names to ``leave``; their ids begin with ``prefix``."""
    numbered = [(place, table) for place, table in enumerate(page.tables, 1) if table.name not in leave]
    return tuple(show(table, f"{prefix}-{place}", page.title) for place, table in numbered)


def show(table: Table, id: str, title: str) -> Shown:
    """Prepare one; a table without a title has that of its page."""
    return Shown(id, table.title or title or table.name, table.columns, _whole(table), table.notes, table.name in CARDS)


def _whole(table: Table) -> tuple[tuple[Cell, ...], ...]:
    """Say in every row what a table for reading says in the first of several only."""
    keys = [column.key for column in table.columns]
    if table.name not in ("networks", "timings", "instructions") or "name" not in keys:
        return table.rows
    rows: list[tuple[Cell, ...]] = []
    for row in table.rows:
        same = bool(rows) and not row[keys.index("name")].text
        filled = [
            rows[-1][place] if same and not cell.text and key in SAID_ONCE else cell
            for place, (key, cell) in enumerate(zip(keys, row, strict=True))
        ]
        rows.append(tuple(filled))
    return tuple(rows)


def order(cell: Cell) -> float | None:
    """Read the number that a cell is sorted by: the value behind it, or what its text says.

    >>> [order(Cell(text)) for text in ("300.8 M", "9.63 MB", "18.35 ± 0.06 ms", "33.33 %", "4,231,976", "- 62,720")]
    [300800000.0, 9630000.0, 0.01835, 33.33, 4231976.0, -62720.0]
    >>> order(Cell("0.741 ± 0.012 ×, faster")), order(Cell("2.94 / 1")), order(Cell("–")), order(Cell("5", 4.99))
    (0.741, 2.94, None, 4.99)
    """
    if isinstance(cell.raw, int | float) and not isinstance(cell.raw, bool):
        return float(cell.raw)
    found = NUMBER.match(cell.text)
    if found is None:
        return None
    number = float(found[1].replace(",", "").replace(" ", ""))
    return float(f"{number * PREFIXES[found[2] or '']:.12g}")


def classes(cell: Cell, column: Column) -> str:
    """Name how a cell is laid out.

    >>> classes(Cell("mbv1", style="good", indent=2), Column("name", "network", wrap=True))
    'left text good in2'
    """
    long = [
        "long" * (column.wrap and len(cell.text) > 40),
        "torn" * (column.wrap and any(len(word) > 28 for piece in pieces(cell) for word in piece.split())),
        "bits" * (not column.wrap and len(bits(cell)) > 1),
    ]
    indent = f"in{min(cell.indent, 9)}" if cell.indent else ""
    return " ".join(filter(None, (column.align, "text" * column.wrap, *long, cell.style, indent)))


def pieces(cell: Cell) -> list[str]:
    """Part running text where a long word, such as a module's name, may be folded: before a part that has letters.

    >>> pieces(Cell("blocks.1.expand.conv +2")), pieces(Cell("1.24 times the least")), pieces(Cell("net.py:Net"))
    (['blocks.1.', 'expand.', 'conv +2'], ['1.24 times the least'], ['net.py:Net'])
    """
    if max(map(len, cell.text.split()), default=0) <= SHORT:
        return [cell.text]
    return re.split(r"(?<=[.:,/_])(?=[^\W\d_])", cell.text)


def bits(cell: Cell) -> Sequence[str]:
    """Part what is not running text into what is never folded: a ratio, its interval, its verdict.

    >>> bits(Cell("0.96 [0.95, 0.97]", lines=("0.96", "[0.95, 0.97]"))), bits(Cell("0.7 ± 0.1 ×, faster"))
    (('0.96', '[0.95, 0.97]'), ['0.7 ± 0.1 ×,', 'faster'])
    """
    if " ".join(cell.lines) == cell.text:
        return cell.lines
    return re.split(r"(?<=,) (?![^\[]*\])", cell.text)
