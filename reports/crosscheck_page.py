"""The page of a crosscheck: one ledger a tool, from our count to theirs."""

from __future__ import annotations

from lwprof import units
from lwprof.reports import phrases
from lwprof.reports.contents import Cell, Column, Note, Page, Style, Table
from lwprof.results.crosscheck import CrosscheckResult, CrosscheckRow

COLUMNS = (
    Column("entry", "entry", wrap=True),
    Column("amount", "FLOPs (mult-adds)", ("FLOPs", "(mult-adds)"), align="right"),
    Column("why", "why", wrap=True),
)


def page(result: CrosscheckResult) -> Page:
    """Lay out a crosscheck."""
    return Page(
        f"{result.model.name} counted by other tools",
        tuple(_ledger(row, place) for place, row in enumerate(result.rows)),
        (Note(f"input: {phrases.inputs(result.model)}"),),
    )


def _ledger(row: CrosscheckRow, place: int) -> Table:
    tool = f"{row.tool} {row.version}".strip()
    rows = [[Cell("lwprof"), Cell(units.exact(row.ours)), Cell("")]]
    rows += [[Cell(term.name), Cell(_signed(term.amount)), Cell(term.why)] for term in row.terms]
    if row.unexplained:
        loud: Style = "bad"
        why = "no named term accounts for this"
        rows.append(
            [Cell("UNEXPLAINED", style=loud), Cell(_signed(row.unexplained), style=loud), Cell(why, style=loud)]
        )
    theirs = Cell("no count", style="bad") if row.theirs is None else Cell(f"= {units.exact(row.theirs)}")
    rows.append([Cell(tool), theirs, Cell("")])
    style: Style = "bad" if row.unexplained or row.theirs is None else ""
    return Table.of(f"{row.tool}_{place}", COLUMNS, rows, tool, [Note(row.verdict, style)])


def _signed(amount: int) -> str:
    """Write a term with its sign.

    >>> _signed(13356224), _signed(-62720)
    ('+ 13,356,224', '- 62,720')
    """
    return f"{'-' if amount < 0 else '+'} {abs(amount):,}"
