"""The page of an audit: a line a network, then for each what it breaks, by rule and by price."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lwprof import units
from lwprof.reports import phrases
from lwprof.reports.contents import Cell, Column, Note, Page, Style, Table
from lwprof.results import ERROR, INFO, SEVERITIES, AuditedModel, AuditResult, Budget, Checked, Finding

STYLES: dict[str, Style] = {ERROR: "bad", "warning": "warning", INFO: "quiet"}


def page(result: AuditResult) -> Page:
    """Lay out an audit."""
    named = list(zip(phrases.networks(result), result.models, strict=True))
    tables = [_overview(named)] if named else []
    for label, model in named:
        tables += _tables(label, model)
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


def listed(model: AuditedModel) -> list[Finding]:
    """The findings that are worth a line each: what is new, and more than information unless that fails too."""
    return [finding for finding in model.findings if finding.fails or (not finding.known and finding.severity != INFO)]


def summary(result: AuditResult) -> str:
    """Say in a line how the audit went, and what each network that fails has.

    >>> summary(AuditResult((AuditedModel("mbv2", budgets=(Budget("max_params", 1.0, 2.0, False),)),), False))
    'mbv2 fails the audit: mbv2 1 over budget'
    """
    told = []
    for label, model in zip(phrases.networks(result), result.models, strict=True):
        new = [finding.severity for finding in model.findings if not finding.known]
        counts = [
            f"{new.count(severity)} {severity}{_plural(severity, new)}" for severity in SEVERITIES if severity in new
        ]
        words = ", ".join(filter(None, [*counts, _besides(model)])) if not model.failure else "not audited"
        if not model.ok:
            told.append(f"{label} {words}")
    return ": ".join(filter(None, (headline(result), "; ".join(told))))


def _plural(severity: str, found: Sequence[str]) -> str:
    return "s" * (severity != INFO and found.count(severity) != 1)


def _overview(named: Sequence[tuple[str, AuditedModel]]) -> Table:
    columns = [
        Column("name", "network", wrap=True),
        Column("verdict", "verdict"),
        *(Column(severity, f"{severity}s" * (severity != INFO) or severity, align="right") for severity in SEVERITIES),
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
    """How many findings of each severity are new."""
    new = [finding.severity for finding in model.findings if not finding.known]
    found = {severity: new.count(severity) for severity in SEVERITIES}
    return [Cell(units.exact(n), style=STYLES[severity] if n else "quiet") for severity, n in found.items()]


def _besides(model: AuditedModel) -> str:
    """What else there is, in words, the gravest first."""
    counts = {
        "over budget": sum(not budget.ok for budget in model.budgets),
        "grown": len(model.growth),
        "known": sum(finding.known for finding in model.findings),
        "mended": model.mended,
        "ignored": len(model.ignored),
    }
    return ", ".join(f"{units.exact(count)} {word}" for word, count in counts.items() if count)


def _tables(label: str, model: AuditedModel) -> Iterator[Table]:
    """Everything that there is to show of one network."""
    if any(rule.broken for rule in model.checked):
        yield _by_rule(label, model)
    if listed(model):
        yield _findings(label, listed(model))
    if model.budgets:
        yield _budgets(label, model.budgets)
    if model.growth:
        yield _growth(label, model)
    if model.ignored:
        yield _ignored(label, model)


def _by_rule(label: str, model: AuditedModel) -> Table:
    """How each rule that is broken fared; of information there is no more than this."""
    columns = [
        Column("code", "rule"),
        Column("slug", "guideline"),
        Column("broken", "broken", align="right"),
        Column("worst", "worst / limit", ("worst", "/ limit"), "right"),
        Column("module", "costliest", wrap=True, optional=True, narrowest=18),
        Column("cost", "its cost (share)", ("its cost", "(share)"), "right", optional=True),
    ]
    rows = []
    for rule in model.checked:
        found = next((finding for finding in model.findings if finding.code == rule.code), None)
        if found:
            place = [Cell(_module(found)), _cost(found)]
            limit = found.threshold
            rows.append([_rule(found), found.slug, _broken(rule), _measured(rule.worst, limit), *place])
        elif rule.broken:
            code = Cell(f"{rule.code} ignored", None, (rule.code, "ignored"), "quiet")
            rows.append([code, "", _broken(rule), _measured(rule.worst, None), "", Cell("–", style="quiet")])
    return Table.of("rules", columns, rows, f"{label}: guidelines that it breaks")


def _broken(rule: Checked) -> Cell:
    return Cell(f"{units.exact(rule.broken)} of {units.exact(rule.candidates)}")


def _rule(finding: Finding) -> Cell:
    lines = (finding.code, finding.severity)
    return Cell(" ".join(lines), None, lines, STYLES[finding.severity])


def _findings(label: str, findings: Sequence[Finding]) -> Table:
    columns = [
        Column("code", "rule", group="price"),
        Column("module", "module", wrap=True, narrowest=18),
        *([Column("location", "at", wrap=True, optional=True)] if any(f.location for f in findings) else []),
        Column("measured", "measured / limit", ("measured", "/ limit"), "right", group="price"),
        Column("message", "what is wrong", wrap=True, optional=True, group="advice", narrowest=30),
        Column("cost", "cost (share)", ("cost", "(share)"), "right", group="price"),
        Column("suggestion", "instead", wrap=True, group="advice", narrowest=20),
        Column("saves", "saves", align="right", group="price"),
    ]
    if any(finding.alternative and finding.alternative.gain for finding in findings):
        columns.append(Column("gain", "timed", wrap=True, group="advice", narrowest=16))
    rows = []
    for finding in findings:
        other, at = finding.alternative, finding.location
        cells = {
            "code": _rule(finding),
            "module": Cell(_module(finding)),
            "location": Cell(f"{at.file}:{at.line}" if at else "–"),
            "measured": _measured(finding.measured, finding.threshold),
            "message": Cell(finding.message),
            "cost": _cost(finding),
            "suggestion": Cell(finding.suggestion),
            "saves": Cell(units.count(other.saves if other else None)),
            "gain": Cell("–" if other is None else phrases.gain(other.gain) if other.gain else other.unmeasured or "–"),
        }
        rows.append([cells[column.key] for column in columns])
    return Table.of("findings", columns, rows, f"{label}: findings, the costliest first")


def _module(finding: Finding) -> str:
    """Name the module, and how often it is called."""
    name = finding.module or finding.type or "the network"
    return f"{name} ×{finding.calls}" if finding.calls > 1 else name


def _measured(measured: float | None, threshold: float | None) -> Cell:
    if measured is None:
        return Cell("–", style="quiet")
    limit = "" if threshold is None else f"/ {phrases.amount(threshold)}"
    number = phrases.amount(measured)
    return Cell(f"{number} {limit}".strip(), None, (number, limit) if limit else ())


def _cost(finding: Finding) -> Cell:
    number, share = units.count(finding.cost), f"({units.share(finding.cost_share, 1)})"
    return Cell(f"{number} {share}", None, (number, share))


def _budgets(label: str, budgets: Sequence[Budget]) -> Table:
    columns = [
        Column("name", "budget"),
        Column("limit", "limit", align="right"),
        Column("actual", "actual", align="right"),
        Column("ok", "verdict"),
        *([Column("remark", "remark", wrap=True, optional=True)] if any(b.remark for b in budgets) else []),
    ]
    rows = []
    for budget in budgets:
        cells = [
            Cell(budget.name),
            Cell(phrases.amount(budget.limit)),
            Cell("–" if budget.actual is None else phrases.amount(budget.actual)),
            _kept(budget),
            Cell(budget.remark),
        ]
        rows.append(cells[: len(columns)])
    return Table.of("budgets", columns, rows, f"{label}: budgets")


def _kept(budget: Budget) -> Cell:
    if budget.ok:
        return Cell("unknown", style="quiet") if budget.actual is None else Cell("kept", style="good")
    word = "unknown" if budget.actual is None else "over"
    if budget.advisory:
        return Cell(f"{word}, advisory", None, (f"{word},", "advisory"), "warning")
    return Cell(word, style="bad")


def _growth(label: str, model: AuditedModel) -> Table:
    columns = [
        Column("quantity", "quantity", wrap=True),
        Column("module", "module", wrap=True),
        Column("old", "old", align="right"),
        Column("new", "new", align="right"),
        Column("more", "more", align="right", optional=True),
    ]
    rows = [
        [
            Cell(grown.quantity),
            Cell(grown.module or "the network"),
            Cell(units.exact(grown.old)),
            Cell(f"→ {units.exact(grown.new)}", style="bad"),
            Cell(f"+ {units.share(grown.new - grown.old, grown.old)}" if grown.old else "–"),
        ]
        for grown in model.growth
    ]
    return Table.of("growth", columns, rows, f"{label}: grown since the baseline")


def _ignored(label: str, model: AuditedModel) -> Table:
    """The reasons, each with how many findings it lets pass."""
    places: dict[tuple[str, str], list[str]] = {}
    for ignored in model.ignored:
        places.setdefault((ignored.code, ignored.reason), []).append(ignored.module or "the network")
    columns = [
        Column("code", "rule"),
        Column("count", "count", align="right"),
        Column("module", "first of them", wrap=True),
        Column("reason", "ignored because", wrap=True),
    ]
    rows = [[code, len(found), found[0], Cell(reason)] for (code, reason), found in places.items()]
    return Table.of("ignored", columns, rows, f"{label}: ignored")


def _notes(named: Sequence[tuple[str, AuditedModel]], result: AuditResult) -> Iterator[Note]:
    if result.interrupted:
        yield Note("interrupted: this is what had been found by then", "bad")
    for label, model in named:
        if model.failure:
            yield Note(f"{label} could not be audited: {model.failure}", "bad")
        if model.coverage is not None and model.coverage.unknown:
            yield Note(f"{label}: {phrases.no_rule(model.coverage)}", "bad")
    yield from (Note(warning, "warning") for warning in result.warnings)
    findings = [finding for model in result.models for finding in model.findings]
    if result.baseline:
        known = sum(finding.known for finding in findings)
        yield Note(
            f"baseline: {result.baseline}; of its findings {known} "
            f"{'is' if known == 1 else 'are'} still there (known), {sum(model.mended for model in result.models)} "
            f"gone (mended)"
        )
    strange = [label for label, model in named if model.in_baseline is False]
    if strange:
        yield Note(f"not in the baseline, so that all of it is new: {', '.join(strange)}", "warning")
    yield from _asked(named)
    if any(listed(model) for model in result.models):
        yield Note(
            "cost: memory access in elements, eager view, of what the finding is about, and its share of the "
            "network's; saves: how much less of it the alternative has"
        )
        left = len(findings) - sum(len(listed(model)) for model in result.models)
        if left:
            yield Note(f"information and known findings ({left}) have no line of their own here, but in csv and json")
    gains = [finding.alternative.gain for finding in findings if finding.alternative and finding.alternative.gain]
    if gains:
        settings = f"{gains[0].backend}, {gains[0].device}, {gains[0].threads} thread{'s' * (gains[0].threads != 1)}"
        yield Note(f"timed: the alternative against the layer, interleaved, on {settings}; 95 % interval in brackets")
    yield from _explained(result)
    if result.settings:
        yield Note(f"settings: {result.settings}")
    environment = phrases.environment(result.environment)
    if environment:
        yield Note(f"environment: {environment}", "quiet")


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
    for model in result.models:
        for finding in listed(model) or model.findings:
            spec = model.model.spec if model.model else model.name
            yield Note(
                f"lwprof explain {finding.code} says what the guideline measures and why; "
                f"lwprof explain {finding.code} --on {spec} reckons it for this network"
            )
            return
