"""LaTeX: tables for papers, with the rules of the package booktabs."""

from __future__ import annotations

from lwprof.reports.formats import Content, Format
from lwprof.reports.options import Options


def write(content: Content, options: Options) -> str:
    """Write the tables of ``content``."""
    raise NotImplementedError


FORMAT = Format("latex", (".tex",), write)
