"""LaTeX: tables for papers, with the rules of the package booktabs, which pandas lays.

What is wider than a page's text is parted as on a narrow terminal; what is higher than a page is a long table.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, cast

from lwprof.reports import layouts
from lwprof.reports.contents import Cell, Column, Note, Page, Table
from lwprof.reports.formats import Content, Named, Writer
from lwprof.reports.options import Options

if TYPE_CHECKING:
    from lwprof.reports.fitting import Form

WIDTH, HEIGHT = 96, 54
"""Letters in a line and lines on a page, in ``\\footnotesize``."""

PREAMBLE = "% In the preamble: \\usepackage{booktabs}\n"
LONG_PREAMBLE = "% In the preamble: \\usepackage{booktabs,longtable}\n"
SMALL = "\\footnotesize\\setlength{\\tabcolsep}{3pt}"

SYMBOLS = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "%": r"\%", "_": r"\_",
    "^": r"\textasciicircum{}", "~": r"\textasciitilde{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "|": r"\textbar{}", "[": "{[}", "]": "{]}", "*": "{*}", '"': "''", "`": r"\textasciigrave{}",
    "±": r"$\pm$", "×": r"$\times$", "★": r"$\star$", "≠": r"$\neq$", "≤": r"$\leq$", "≥": r"$\geq$", "≈": r"$\approx$",
    "µ": r"$\mu$", "μ": r"$\mu$", "ρ": r"$\rho$", "†": r"\textdagger{}", "·": r"$\cdot$", "•": r"\textbullet{}",
    "…": r"\ldots{}", "→": r"$\rightarrow$", "←": r"$\leftarrow$", "–": "--", "—": "---", "−": "$-$",
    "°": r"$^\circ$", "²": "$^2$", "³": "$^3$", "\u00a0": "~", "√": r"$\surd$", "∞": r"$\infty$",
}  # fmt: skip
"""What LaTeX takes as markup, prints as something else after a row's end, or has not in its text fonts."""

LETTERS = "ßæøåÆØÅœŒ"
ACCENTS = "\u0300\u0301\u0302\u0303\u0308\u030a\u0327"
"""That every text font of LaTeX has."""


def write(content: Content, options: Options) -> str:
    """Write the tables of ``content``, each in an environment of its own with its notes."""
    return write_all([("", content)], options)


def write_all(named: Sequence[Named], options: Options) -> str:
    """Write the tables of several, with labels that are all different."""
    labels: list[str] = []
    parts = [
        part for content in layouts.pages(named, options) for part in _page(layouts.page(content, options), labels)
    ]
    long = any("\\begin{longtable}" in part for part in parts)
    return "\n".join([LONG_PREAMBLE if long else PREAMBLE, *parts])


def escape(text: str) -> str:
    r"""Make ``text`` literal, in what plain pdflatex can print.

    >>> print(escape("50 % ± 2_a --top [x] é 中"))
    50 \% $\pm$ 2\_a -{}-top {[}x{]} é \textless{}U+4E2D\textgreater{}
    """
    return "{}".join("".join(map(_letter, part)) for part in re.split(r"(?<=-)(?=-)", text))  # no dash of two hyphens


def _letter(letter: str) -> str:
    if letter in SYMBOLS:
        return SYMBOLS[letter]
    if letter.isascii() or letter in LETTERS:
        return letter
    base, *marks = list(unicodedata.normalize("NFD", letter))
    if base.isascii() and len(marks) == 1 and marks[0] in ACCENTS and base.isalpha():
        return letter
    return f"\\textless{{}}U+{ord(letter):04X}\\textgreater{{}}"


def _page(page: Page, labels: list[str]) -> Iterator[str]:
    """What is said of the whole page stands below its first table."""
    for place, table in enumerate(page.tables):
        caption = ": ".join(filter(None, (page.title, table.title)))
        notes = (*table.notes, *(page.notes if place == 0 else ()))
        yield from _table(table, caption or table.name, _label(page.title, table, labels), notes)
    if not page.tables:
        yield _notes(page.notes)


def _label(title: str, table: Table, labels: list[str]) -> str:
    words = re.sub(r"[^a-z0-9]+", "-", f"{title} {table.name}".lower()).strip("-")
    labels.append(words)
    count = labels.count(words)
    return f"tab:{words}-{count}" if count > 1 else f"tab:{words}"


def _table(table: Table, caption: str, label: str, notes: Sequence[Note]) -> Iterator[str]:
    """One float with all parts of a table, or a long table for each, which breaks across pages."""
    from lwprof.reports.fitting import forms, left_out

    chosen = forms(table, WIDTH) or forms(table, None)
    if missing := left_out(table, chosen):
        yield f"% Left out at this width: {escape(', '.join(missing))}\n"
    said = f"\\caption{{{escape(caption)}}}"
    if _height(table, chosen, notes) <= HEIGHT:
        grids = "\\par\\medskip\n".join(_grid(table, form) for form in chosen)
        yield (
            f"\\begin{{table}}[htbp]\n\\centering\n{said}\n\\label{{{label}}}\n{SMALL}\n"
            f"{grids}{_notes(notes)}\\end{{table}}\n"
        )
        return
    for place, form in enumerate(chosen):
        options = {"environment": "longtable", "caption": escape(caption)} | ({} if place else {"label": label})
        yield f"{{{SMALL}\n{_grid(table, form, **options)}}}\n"
    if notes:
        yield f"{{{_notes(notes)}}}\n"


def _height(table: Table, chosen: Sequence[Form], notes: Sequence[Note]) -> int:
    """Lines that a table needs with its notes."""
    from lwprof.reports.fitting import rows

    cells = sum(max(len(form.lines(cell)) for cell in row) for form in chosen for row in rows(table, form))
    return cells + sum(1 + len(note.text) // WIDTH for note in notes) + 6 * len(chosen)


def _grid(table: Table, form: Form, **options: Any) -> str:
    """Rules and rows, by pandas."""
    import pandas

    from lwprof.reports.fitting import rows

    columns = [table.columns[place] for place in form.places]
    headers = [_stacked(form.header(column), column, "b") for column in columns]
    cells = [
        [_cell(cell, column, form) for cell, column in zip(row, columns, strict=True)] for row in rows(table, form)
    ]
    style = pandas.DataFrame(cells, columns=range(len(columns)), dtype=object).style
    style = style.hide(axis="index").format_index(lambda place: headers[cast("int", place)], axis="columns")
    kinds = "".join(_kind(table, form, number) for number in range(len(columns)))
    return str(style.to_latex(hrules=True, column_format=kinds, **options))


def _kind(table: Table, form: Form, number: int) -> str:
    """``l`` or ``r``, or the width of running text that is to be folded."""
    column, width = table.columns[form.places[number]], form.widths[number]
    lines = [line for row in table.rows for line in form.lines(row[form.places[number]])]
    if column.wrap and any(len(line) > width for line in lines):
        return f"p{{{width / 2:g}em}}"
    return "r" if column.align == "right" else "l"


def _cell(cell: Cell, column: Column, form: Form) -> str:
    lines = cell.lines if form.broken_cells and cell.lines else (cell.text,)
    text = "\\quad " * cell.indent + _stacked(lines, column, "t")
    return f"\\textbf{{{text}}}" if cell.style == "bad" and cell.text else text


def _stacked(lines: Sequence[str], column: Column, side: str) -> str:
    """Several lines in one cell."""
    if len(lines) == 1:
        return escape(lines[0])
    inside = r" \\ ".join(map(escape, lines))
    return f"\\begin{{tabular}}[{side}]{{@{{}}{column.align[0]}@{{}}}}{inside}\\end{{tabular}}"


def _notes(notes: Sequence[Note]) -> str:
    if not notes:
        return ""
    return "\\par\\smallskip\n\\footnotesize\\raggedright\n" + "".join(f"{_note(note)}\\par\n" for note in notes)


def _note(note: Note) -> str:
    return f"\\textbf{{{escape(note.text)}}}" if note.style == "bad" else escape(note.text)


WRITER = Writer(write, write_all)
