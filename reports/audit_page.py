"""The page of an audit: a line a network, then for each what it breaks, by rule and by price."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lwprof import units
from lwprof.reports import audit_tables, phrases
from lwprof.reports.audit_tables import STYLES, listed
from lwprof.reports.contents import Cell, Column, Note, Page, Table
from lwprof.reports.options import Options
from lwprof.results.audit import INFO, SEVERITIES, AuditedModel, AuditResult, Checked, Gain


def page(result: AuditResult, options: Options) -> Page:
    """Lay out an audit."""
    named = list(zip(phrases.networks(result), result.models, strict=True))
    tables = [_overview(named)] if named else []
    for label, model in named:
        tables += audit_tables.of_network(label, model, options.top)
    return Page(headline(result), tuple(tables), tuple(_notes(named, result)))


def headline(result: AuditResult) -> str:
    """Say in a line whether the audit passes.

    >>> headline(AuditResult((AuditedModel("mbv2"),), True))
    'mbv2 passes the audit'
    >>> headline(AuditResult((AuditedModel("mbv2"), AuditedModel("net", failure="no")), False))
    '1 of 2 networks fails the audit'
    """
    failing = sum(not model.ok for model in result.models)
    if len(result.models) == 1:
        return f"{result.models[0].name} {'fails' if failing else 'passes'} the audit"
    if failing:
        return f"{failing} of {len(result.models)} networks fail{'s' * (failing == 1)} the audit"
    return f"{len(result.models)} networks pass the audit" if result.models else "no network was audited"


def summary(result: AuditResult) -> str:
    """Say in a line how the audit went, and what each network that fails has.

    >>> from lwprof.results.audit import Budget
    >>> summary(AuditResult((AuditedModel("mbv2", budgets=(Budget("max_params", 1.0, 2.0, False),)),), False))
    'mbv2 fails the audit: mbv2 1 over budget'
    """
    told = []
    for label, model in zip(phrases.networks(result), result.models, strict=True):
        counts = [f"{number} {_plural(severity, number)}" for severity, number in _new(model).items() if number]
        words = ", ".join(filter(None, [*counts, _besides(model)])) if not model.failure else "not audited"
        if not model.ok:
            told.append(f"{label} {words}")
    return ": ".join(filter(None, (headline(result), "; ".join(told))))


def _plural(severity: str, number: int) -> str:
    return severity + "s" * (severity != INFO and number != 1)


def _new(model: AuditedModel) -> dict[str, int]:
    """How many findings of each severity are new."""
    new = [finding.severity for finding in model.findings if not finding.known]
    return {severity: new.count(severity) for severity in SEVERITIES}


def _overview(named: Sequence[tuple[str, AuditedModel]]) -> Table:
    columns = [
        Column("name", "network", wrap=True),
        Column("verdict", "verdict"),
        *(Column(severity, _plural(severity, 0), align="right") for severity in SEVERITIES),
        Column("besides", "besides", wrap=True, optional=True, narrowest=16),
    ]
    rows = []
    for label, model in named:
        counts = [Cell("–", style="quiet")] * len(SEVERITIES) if model.failure else _counts(model)
        rows.append([phrases.breakable(label), _verdict(model), *counts, _besides(model)])
    return Table.of("networks", columns, rows)


def _verdict(model: AuditedModel) -> Cell:
    if model.failure:
        return Cell("not audited", style="bad")
    return Cell("passes", style="good") if model.ok else Cell("fails", style="bad")


def _counts(model: AuditedModel) -> list[Cell]:
    return [Cell(units.exact(n), style=STYLES[severity] if n else "quiet") for severity, n in _new(model).items()]


def _besides(model: AuditedModel) -> str:
    """What else there is, in words, the gravest first."""
    over = [budget for budget in model.budgets if not budget.ok and not budget.advisory]
    unknown = sum(budget.actual is None for budget in over)
    counts = {
        "over budget": len(over) - unknown,
        f"budget{'s' * (unknown != 1)} unknown": unknown,
        "grown": sum(not grown.module for grown in model.growth),
        "known": sum(finding.known for finding in model.findings),
        "mended": model.mended,
        "ignored": len(model.ignored),
    }
    return ", ".join(f"{units.exact(count)} {word}" for word, count in counts.items() if count)


def _notes(named: Sequence[tuple[str, AuditedModel]], result: AuditResult) -> Iterator[Note]:
    if result.interrupted:
        yield Note(phrases.INTERRUPTED, "bad")
    for label, model in named:
        if model.failure:
            yield Note(f"{label} could not be audited: {model.failure}", "bad")
        if model.coverage is not None and model.coverage.unknown:
            yield Note(f"{label}: {phrases.no_rule(model.coverage)}", "bad")
    yield from (Note(warning, "warning") for warning in result.warnings)
    findings = [finding for model in result.models for finding in model.findings]
    if result.baseline:
        known, mended = sum(finding.known for finding in findings), sum(model.mended for model in result.models)
        again = "; write it again, or they may come back unnoticed" if mended and result.ok else ""
        yield Note(
            f"baseline: {result.baseline}; of its findings {known} "
            f"{'is' if known == 1 else 'are'} still there (known), {mended} gone (mended){again}"
        )
    strange = [label for label, model in named if model.in_baseline is False]
    if strange:
        yield Note(f"not in the baseline, so that all of it is new: {', '.join(strange)}", "warning")
    yield from _asked(named)
    if any(listed(model) for model in result.models):
        yield Note(
            "cost: memory access in elements, eager view, of what the finding is about (of one module, where there are "
            "several), and its share of the network's; saves: how much less of it the alternative has"
        )
        left = len(findings) - sum(len(listed(model)) for model in result.models)
        if left:
            yield Note(f"information and known findings ({left}) have no line of their own here, but in csv and json")
    gains = [finding.alternative.gain for finding in findings if finding.alternative and finding.alternative.gain]
    if gains:
        yield Note(
            f"timed: the alternative against the layer, each by itself and in turn, on {_timed_on(gains[0])}; "
            "above 1 it is faster; 95 % interval in brackets"
        )
    counted = [finding.alternative.counted for finding in findings if finding.alternative]
    for on in dict.fromkeys(phrases.counted_on(found) for found in counted if found):
        yield Note(
            f"counted: the instructions that one call of the layer, and one of the alternative, executes in {on}; "
            "that is no time, and fewer of them do not always take less of it"
        )
    yield from _explained(result)
    if result.settings:
        yield Note(f"settings: {result.settings}")
    environment = phrases.environment(result.environment)
    if environment:
        yield Note(f"environment: {environment}", "quiet")
    for board, facts in result.boards.items():
        yield Note(f"board {board}: {phrases.environment(facts)}", "quiet")


def _timed_on(gain: Gain) -> str:
    threads = units.number_of(gain.threads, "thread")
    return ", ".join(filter(None, (gain.backend, gain.device, threads, gain.dtype)))


def _asked(named: Sequence[tuple[str, AuditedModel]]) -> Iterator[Note]:
    """Say which rules were asked and found nothing."""
    checked: dict[str, list[Checked]] = {}
    for _, model in named:
        for rule in model.checked:
            checked.setdefault(rule.code, []).append(rule)
    kept = [code for code, fared in checked.items() if not any(rule.broken for rule in fared)]
    if kept:
        yield Note(f"broken nowhere: {', '.join(kept)}")


def _explained(result: AuditResult) -> Iterator[Note]:
    """Say how to learn more, with the first finding as the example."""
    examples = [(finding, model) for model in result.models for finding in model.findings if not finding.known]
    examples.sort(key=lambda example: not example[0].fails)
    for finding, model in examples[:1]:
        spec = model.model.spec if model.model else model.name
        yield Note(
            f"lwprof explain {finding.code} says what the guideline measures and why; "
            f"lwprof explain {finding.code} --on {spec} reckons it for this network"
        )
