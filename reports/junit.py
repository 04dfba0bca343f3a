"""JUnit XML, which test dashboards read: a suite for each network, with a case for each rule and budget.

A case fails if it makes the audit fail. What was found and lets it pass (information, known findings, advisory
budgets) is the case's output; a rule whose findings are all ignored is skipped, with the reasons.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple
from xml.etree import ElementTree

from lwprof import units
from lwprof.reports import phrases
from lwprof.reports.contents import printable
from lwprof.reports.formats import Content, Named, Writer
from lwprof.reports.options import Options
from lwprof.reports.placed_audits import placed_audit
from lwprof.results.audit import AuditedModel, AuditResult, Finding

COUNTS = {"failures": "failure", "errors": "error", "skipped": "skipped"}
"""Attributes of a suite, and which outcomes they count."""


class Case(NamedTuple):
    """One test of an audit and how it went."""

    name: str
    outcome: str = ""
    """"failure", "error" or "skipped"; empty where it passed."""
    message: str = ""
    kind: str = ""
    lines: Sequence[str] = ()
    """What there is to say in full."""


def write(content: Content, options: Options) -> str:
    """Write an audit; of the options, ``folder`` changes it.

    Raises:
        InputError: it is no audit.
    """
    return _document([placed_audit(content, "junit", options)])


def write_all(named: Sequence[Named], options: Options) -> str:
    """Write several audits as one document.

    Raises:
        InputError: one is no audit.
    """
    return _document([placed_audit(content, "junit", options) for _, content in named])


def _document(results: Sequence[AuditResult]) -> str:
    root = ElementTree.Element("testsuites", name="lwprof audit")
    for result in results:
        for label, model in zip(phrases.networks(result), result.models, strict=True):
            root.append(_suite(label, list(_cases(model, result))))
        if result.interrupted:
            root.append(_suite("lwprof audit", [Case("complete", "error", phrases.INTERRUPTED, "interrupted")]))
    for count in ("tests", *COUNTS):
        root.set(count, str(sum(int(suite.get(count, "0")) for suite in root)))
    ElementTree.indent(root)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{ElementTree.tostring(root, encoding="unicode")}\n'


def _suite(label: str, cases: Sequence[Case]) -> ElementTree.Element:
    outcomes = [case.outcome for case in cases]
    counts = {count: str(outcomes.count(outcome)) for count, outcome in COUNTS.items()}
    name = printable(label)
    suite = ElementTree.Element("testsuite", {"name": name, "tests": str(len(cases)), **counts})
    for case in cases:
        element = ElementTree.SubElement(suite, "testcase", classname=name, name=printable(case.name))
        if case.outcome:
            attributes = {"message": printable(case.message)} | ({"type": case.kind} if case.kind else {})
            inner = ElementTree.SubElement(element, case.outcome, attributes)
        elif case.lines:
            inner = ElementTree.SubElement(element, "system-out")
        if case.lines:
            inner.text = "\n".join(map(printable, case.lines))
    return suite


def _cases(model: AuditedModel, result: AuditResult) -> Iterator[Case]:
    if model.failure:
        yield Case("audit", "error", model.failure, "not audited")
        return
    slugs = {finding.code: finding.slug for finding in model.findings} | {rule.code: rule.slug for rule in result.rules}
    for code in dict.fromkeys([*(rule.code for rule in model.checked), *(finding.code for finding in model.findings)]):
        yield _rule(code, f"{code} {slugs.get(code, '')}".strip(), model)
    if model.coverage is not None:
        unknown = model.coverage.unknown
        yield Case("coverage", lines=[phrases.no_rule(model.coverage)] if unknown else ())
    for budget in model.budgets:
        text = phrases.over(budget)
        if budget.ok or budget.advisory:
            yield Case(budget.name, lines=[text if budget.ok else f"{text}; advisory"])
        else:
            yield Case(budget.name, "failure", text, "budget")
    if result.baseline or model.growth:
        lines = [phrases.grown(grown) for grown in model.growth]
        numbers = f"{units.number_of(len(lines), 'number')} grown since the baseline"
        yield Case("growth", "failure", numbers, "growth", lines) if lines else Case("growth")


def _rule(code: str, name: str, model: AuditedModel) -> Case:
    """How one rule fared."""
    found = [finding for finding in model.findings if finding.code == code]
    lines = [_line(finding) for finding in found]
    failing = [finding for finding in found if finding.fails]
    if failing:
        message = f"{units.number_of(len(failing), 'finding')}: {_line(failing[0])}"
        return Case(name, "failure", message, failing[0].severity, lines)
    reasons = list(dict.fromkeys(ignored.reason for ignored in model.ignored if ignored.code == code))
    if reasons and not found:
        return Case(name, "skipped", f"ignored: {'; '.join(reasons)}")
    return Case(name, lines=lines)


def _line(finding: Finding) -> str:
    at = f"{finding.location.file}:{finding.location.line}: " if finding.location else ""
    known = ", known" if finding.known else ""
    return f"{at}{phrases.place(finding.module)}: {phrases.finding(finding)} ({finding.severity}{known})"


WRITER = Writer(write, write_all)
