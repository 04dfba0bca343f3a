"""SARIF 2.1.0, the format of code scanning: one run an audit, with its rules and a result for each finding.

What is over budget, and what has grown since the baseline, are results under rules of their own; a network that
could not be audited is a notification. A finding without a source file points to the settings file, since GitHub
refuses a whole log for one result without a file. What the settings ignore is not among the results: GitHub
opens an alert for suppressed results too. It stands, with its reason, in the properties of the run.

Source: OASIS, Static Analysis Results Interchange Format (SARIF) Version 2.1.0 plus errata 01.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import PurePath
from typing import Any
from urllib.parse import quote

import lwprof
from lwprof.reports import phrases
from lwprof.reports.contents import printable
from lwprof.reports.formats import Content, Named, Writer
from lwprof.reports.options import Options
from lwprof.reports.placed_audits import placed_audit
from lwprof.results.audit import ERROR, INFO, WARNING, AuditedModel, AuditResult, Finding, Guideline
from lwprof.results.document import json_text

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
ROOT = "%SRCROOT%"
LEVELS = {ERROR: "error", WARNING: "warning", INFO: "note"}
BUDGET, GROWTH = "budget", "growth"
USUAL = "pyproject.toml"
"""What a finding without a file points to where no settings in the project are known."""
OWN_RULES = (
    Guideline(BUDGET, "over-budget", "A network is over a budget that it was given.", ERROR, "", ""),
    Guideline(GROWTH, "grown-since-baseline", "A number is larger than in the baseline.", ERROR, "", ""),
)
"""What an audit finds besides broken guidelines."""

Record = dict[str, Any]


def write(content: Content, options: Options) -> str:
    """Write an audit as one run; of the options, ``folder`` changes it.

    Raises:
        InputError: it is no audit.
    """
    return _log([_run(placed_audit(content, "sarif", options))])


def write_all(named: Sequence[Named], options: Options) -> str:
    """Write several audits as the runs of one log.

    Raises:
        InputError: one is no audit.
    """
    return _log([_run(placed_audit(content, "sarif", options)) for _, content in named])


def _log(runs: list[Record]) -> str:
    log = {"$schema": SCHEMA, "version": "2.1.0", "runs": runs}
    return json_text(log, indent=2) + "\n"


def _run(result: AuditResult) -> Record:
    named = zip(phrases.networks(result), result.models, strict=True)
    result = replace(result, models=tuple(replace(model, name=label) for label, model in named))
    rules = [*result.rules, *_unlisted(result), *OWN_RULES]
    places = {rule.code: place for place, rule in enumerate(rules)}
    results = [
        {"ruleId": record["ruleId"], "ruleIndex": places[record["ruleId"]], **record}
        for model in result.models
        for record in _results(model, result)
    ]
    notifications = list(_notifications(result))
    return {
        "tool": {"driver": {"name": "lwprof", "version": lwprof.__version__, "rules": [_rule(rule) for rule in rules]}},
        "invocations": [
            {
                "executionSuccessful": not any(item["level"] == "error" for item in notifications),
                "toolExecutionNotifications": notifications,
            }
        ],
        "originalUriBaseIds": {ROOT: {"description": {"text": "The root of the repository."}}},
        "columnKind": "unicodeCodePoints",
        "results": results,
        "properties": {"ok": result.ok, "ignored": list(_ignored(result))},
    }


def _ignored(result: AuditResult) -> Iterator[Record]:
    for model in result.models:
        for item in model.ignored:
            texts = {"network": model.name, "code": item.code, "module": item.module, "reason": item.reason}
            yield {key: printable(text) for key, text in texts.items()}


def _unlisted(result: AuditResult) -> list[Guideline]:
    """Rules that only findings tell of."""
    known = {rule.code for rule in result.rules}
    found = {finding.code: finding for model in result.models for finding in reversed(model.findings)}
    rules = {code: Guideline(code, found[code].slug, found[code].slug, found[code].severity, "", "") for code in found}
    return [rules[code] for code in sorted(rules) if code not in known]


def _rule(rule: Guideline) -> Record:
    page = rule.page or rule.title
    return {
        "id": rule.code,
        "name": "".join(part.capitalize() for part in rule.slug.split("-")),
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": _section(rule.page, "What it measures") or rule.title},
        "help": {"text": page, "markdown": page},
        "defaultConfiguration": {"level": LEVELS[rule.severity]},
    }


def _section(page: str, title: str) -> str:
    r"""Give the first paragraph under a heading, as one line.

    >>> _section("Title.\n\n## Why\n\nOne\ntwo.\n\nThree.", "Why")
    'One two.'
    """
    found = re.search(rf"^## {re.escape(title)}\n+(.+?)(?:\n\n|\Z)", page, re.MULTILINE | re.DOTALL)
    return " ".join(found[1].split()) if found else ""


def _results(model: AuditedModel, result: AuditResult) -> Iterator[Record]:
    for finding in model.findings:
        yield {
            **_result(finding.code, finding.severity, model, finding.module, phrases.finding(finding), result),
            "locations": [_location(model, finding.module, result, finding)],
            **({"baselineState": "unchanged" if finding.known else "new"} if result.baseline else {}),
            "properties": _properties(finding),
        }
    for budget in model.budgets:
        if not budget.ok:
            severity = WARNING if budget.advisory else ERROR
            properties = {"name": budget.name, "limit": budget.limit, "actual": budget.actual}
            yield {
                **_result(BUDGET, severity, model, "", phrases.over(budget), result, budget.name),
                "properties": properties,
            }
    for grown in model.growth:
        properties = {"quantity": grown.quantity, "old": grown.old, "new": grown.new}
        yield {
            **_result(GROWTH, ERROR, model, grown.module, phrases.grown(grown), result, grown.quantity),
            "baselineState": "new",
            "properties": properties,
        }


def _result(
    code: str, severity: str, model: AuditedModel, module: str, text: str, result: AuditResult, what: str = ""
) -> Record:
    """What all results have; ``what`` tells those of one rule and module apart."""
    where = printable(f"{model.name} {module}".strip())
    identity = "\0".join((model.name, code, module, what)).encode("utf-8", "backslashreplace")
    print_ = hashlib.sha256(identity).hexdigest()[:32]
    return {
        "ruleId": code,
        "level": LEVELS[severity],
        "message": {"text": _literal(f"{where}: {text}")},
        "locations": [_location(model, module, result)],
        # The first is what GitHub tracks an alert by; without it, that is the text of the line, which many share.
        "partialFingerprints": {"primaryLocationLineHash": f"{print_}:1", "lwprof/v1": print_},
    }


def _literal(text: str) -> str:
    r"""Keep what would be a placeholder or a link in a message as it is.

    >>> _literal("{0} of [this](http://x)")
    '{{0}} of [this]\\(http://x)'
    """
    return text.replace("{", "{{").replace("}", "}}").replace("](", "]\\(")


def _location(model: AuditedModel, module: str, result: AuditResult, finding: Finding | None = None) -> Record:
    name = printable(module)
    logical = {"fullyQualifiedName": printable(f"{model.name}.{module}") if module else printable(model.name)}
    at = finding.location if finding is not None else None
    settings = PurePath(result.settings).as_posix() if _inside(result.settings) else USUAL
    return {
        "physicalLocation": _physical(at.file, at.line) if at else _physical(settings, 1),
        "logicalLocations": [{"name": name or printable(model.name), **logical, "kind": "module"}],
    }


def _inside(file: str) -> bool:
    """Whether a file lies in the repository's root or below."""
    path = PurePath(file)
    return bool(file) and not path.is_absolute() and ".." not in path.parts


def _physical(file: str, line: int) -> Record:
    address = {"uri": quote(file.encode("utf-8", "backslashreplace")), "uriBaseId": ROOT}
    return {"artifactLocation": address, "region": {"startLine": line}}


def _properties(finding: Finding) -> Record:
    other = finding.alternative
    return {
        "measured": finding.measured,
        "threshold": finding.threshold,
        "cost": finding.cost,
        "costShare": finding.cost_share,
        "calls": finding.calls,
        "type": printable(finding.type),
        "fails": finding.fails,
        **({"alternative": other.text, "saves": other.saves} if other else {}),
    }


def _notifications(result: AuditResult) -> Iterator[Record]:
    """What kept the audit from looking at everything."""
    if result.interrupted:
        yield {"level": "error", "message": {"text": phrases.INTERRUPTED}}
    for model in result.models:
        texts = []
        if model.failure:
            texts.append(("error", f"{model.name} could not be audited: {model.failure}"))
        if model.coverage is not None and model.coverage.unknown:
            texts.append(("warning", f"{model.name}: {phrases.no_rule(model.coverage)}"))
        for level, text in texts:
            yield {
                "level": level,
                "message": {"text": _literal(printable(text))},
                "locations": [_location(model, "", result)],
            }
    for warning in result.warnings:
        yield {"level": "warning", "message": {"text": _literal(printable(warning))}}


WRITER = Writer(write, write_all)
