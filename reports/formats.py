"""Formats: what a report format is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lwprof.errors import InputError
from lwprof.reports.contents import Page, Table
from lwprof.reports.options import Options
from lwprof.results import AuditResult, Result

Content = Result | Page | Table
Named = tuple[str, Content]
"""A report among others, under the name that tells it from them, such as its file's."""


@dataclass(frozen=True, slots=True)
class Format:
    """A way to write a report: ``write`` gets a result, or a page that a command put together."""

    name: str
    suffixes: tuple[str, ...]
    """Of files, in lower case with the dot."""
    write: Callable[[Content, Options], str]
    write_all: Callable[[Sequence[Named], Options], str] | None = None
    """Writes several as one document; without it they are written one after the other."""
    audits_only: bool = False
    """Shows what an audit found, and nothing else."""


def audit(content: Content, format: str) -> AuditResult:
    """Take ``content`` for a format that shows audits only.

    Raises:
        InputError: it is something else.
    """
    if isinstance(content, AuditResult):
        return content
    raise InputError(f"{format} shows audits only; use table, markdown, csv or json")
