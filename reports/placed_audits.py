"""Placed audits: their files named from the root of the repository, for formats that show nothing else."""

from __future__ import annotations

import posixpath
from dataclasses import replace

from lwprof.errors import InputError
from lwprof.reports.formats import Content
from lwprof.reports.options import Options
from lwprof.results.audit import AuditResult, Finding


def placed_audit(content: Content, format: str, options: Options) -> AuditResult:
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
