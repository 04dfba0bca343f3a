"""Annotations for GitHub: workflow commands that mark findings beside the code, then the audit in a line.

GitHub shows the first ten errors, warnings and notices of a step, so the costliest come first, and what differs in
its place only is one; what the baseline knows is left out.

Source: GitHub, Workflow commands for GitHub Actions.
"""

from __future__ import annotations

from collections.abc import Iterator

from lwprof.reports import audit_page, phrases
from lwprof.reports.contents import printable
from lwprof.reports.formats import Content, Writer
from lwprof.reports.options import Options
from lwprof.reports.placed_audits import placed_audit
from lwprof.results.audit import ERROR, INFO, WARNING, AuditResult, Location

COMMANDS = {ERROR: "error", WARNING: "warning", INFO: "notice"}


def write(content: Content, options: Options) -> str:
    """Write an audit; of the options, ``folder`` changes it.

    Raises:
        InputError: it is no audit.
    """
    result = placed_audit(content, "github", options)
    return "".join(f"{line}\n" for line in (*_commands(result), _plain(audit_page.summary(result))))


def _commands(result: AuditResult) -> Iterator[str]:
    if result.interrupted:
        yield command(WARNING, "interrupted", "this is what had been found by then")
    named = list(zip(phrases.networks(result), result.models, strict=True))
    for label, model in named:
        if model.failure:
            yield command(ERROR, f"{label} could not be audited", model.failure)
        for budget in model.budgets:
            if not budget.ok:
                severity = WARNING if budget.advisory else ERROR
                title = f"{label} is over budget" if budget.actual is not None else f"{label}: budget not measured"
                yield command(severity, title, phrases.over(budget))
        for grown in (grown for grown in model.growth if not grown.module):
            yield command(ERROR, f"{label} has grown", phrases.grown(grown))
        if model.in_baseline is False:
            yield command(WARNING, f"{label} is not in the baseline", "nothing tells whether it has grown")
        if model.coverage is not None and model.coverage.unknown:
            yield command(WARNING, f"{label}: unknown operators", phrases.no_rule(model.coverage))
    new = [
        (label, places)
        for label, model in named
        for places in phrases.alike(finding for finding in model.findings if not finding.known)
    ]
    for label, places in sorted(new, key=lambda pair: -pair[1][0].cost_share):
        finding = places[0]
        where = f"{label} {phrases.together(place.module for place in places)}".strip()
        title = f"{finding.code} {finding.slug}"
        yield command(finding.severity, title, f"{where}: {phrases.finding(finding)}", finding.location)
    for warning in result.warnings:
        yield command(WARNING, "measurement", warning)


def command(severity: str, title: str, message: str, at: Location | None = None) -> str:
    r"""Write one workflow command, with what would end it or its properties escaped.

    >>> command("warning", "G1 a,b:c", "100 %\nof it", Location("nets/net.py", 3))
    '::warning file=nets/net.py,line=3,title=G1 a%2Cb%3Ac::100 %25\\nof it'
    """
    properties = {"file": at.file, "line": str(at.line)} if at else {}
    written = ",".join(f"{key}={_property(value)}" for key, value in {**properties, "title": title}.items())
    return f"::{COMMANDS[severity]} {written}::{_data(message)}"


def _data(text: str) -> str:
    return _plain(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def _plain(text: str) -> str:
    """Leave nothing that begins a command of the older form, which GitHub reads anywhere in a line."""
    return printable(text).replace("##[", "## [")


WRITER = Writer(write)
