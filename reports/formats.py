"""Formats: what a report format is."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from lwprof.errors import InputError
from lwprof.reports.contents import Page, Table
from lwprof.reports.options import Options
from lwprof.results.audit import AuditResult, Finding
from lwprof.results.loading import Result

Content = Result | Page | Table
Named = tuple[str, Content]
"""A report among others, under the name that tells it from them, such as its file's."""

Illustrated = tuple[str, Mapping[str, bytes]]
"""A text, and the contents of the files that it shows, by their names."""


@dataclass(frozen=True, slots=True)
class Format:
    """A way to write a report: ``write`` gets a result, or a page that a command put together."""

    name: str
    suffixes: tuple[str, ...]
    """Of files, in lower case with the dot."""
    write: Callable[[Content, Options], str]
    write_all: Callable[[Sequence[Named], Options], str] | None = None
    """Writes several as one document; without it they are written one after the other."""
    illustrate: Callable[[Sequence[Named], Options, str], Illustrated] | None = None
    """Writes several, with charts in a folder of that name; of formats whose texts show files beside them."""
    only: str = ""
    """What it shows, where that is one kind of result alone: "audits" or "profiles"."""


def audit(content: Content, format: str, options: Options) -> AuditResult:
    """Take ``content`` for a format that shows audits only, with its files named from the root of the repository.

    Raises:
        InputError: it is something else.
    """
    if not isinstance(content, AuditResult):
        raise InputError(f"{format} shows audits only; use table, markdown, csv or json")
    if not options.folder:
        return content

    def placed(file: str) -> str:
        return posixpath.normpath(posixpath.join(options.folder, file)) if file else ""

    def moved(finding: Finding) -> Finding:
        at = finding.location
        return finding if at is None else replace(finding, location=replace(at, file=placed(at.file)))

    models = tuple(replace(model, findings=tuple(map(moved, model.findings))) for model in content.models)
    return replace(content, models=models, settings=placed(content.settings))
