"""Prose: running text in Markdown, laid out for a terminal with rich."""

from __future__ import annotations

from lwprof.reports import table
from lwprof.reports.options import Options

WIDEST = 100
"""Longer lines are hard to read."""


def render(document: str, *, width: int | None = None, color: bool = False) -> str:
    r"""Lay a document out within ``width`` columns.

    >>> print(render("# Title\n\nSome `words` and\n\n- a list", width=20), end="")
           Title
    <BLANKLINE>
    Some words and
    <BLANKLINE>
     • a list
    """
    from rich.markdown import Markdown

    console = table.console_of(Options(width=min(width or WIDEST, WIDEST), color=color))
    console.print(Markdown(document, code_theme="ansi_dark"))
    text = console.file.getvalue()  # type: ignore[attr-defined]
    return "".join(line.rstrip() + "\n" for line in text.splitlines())
