"""Tables of one audited network: its rules, its findings by price, budgets, growth, and what is ignored."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from lwprof import units
from lwprof.reports import phrases
from lwprof.reports.contents import Cell, Column, Style, Table
from lwprof.results.audit import ERROR, INFO, WARNING, Alternative, AuditedModel, Budget, Checked, Finding, Growth

STYLES: dict[str, Style] = {ERROR: "bad", WARNING: "warning", INFO: "quiet"}
"""Of severities."""


def listed(model: AuditedModel) -> list[Finding]:
    """The findings that are worth a line each: what is new, and more than information unless that fails too."""
    return [finding for finding in model.findings if finding.fails or (not finding.known and finding.severity != INFO)]


def of_network(label: str, model: AuditedModel, top: int | None) -> Iterator[Table]:
    """Everything that there is to show of one network; of its findings, ``top`` lines at most."""
    if not all(finding.known for finding in model.findings):  # what is known has been looked at before
        yield _by_rule(label, model)
    alike = list(phrases.alike(listed(model)))
    if alike:
        yield _findings(label, alike, top)
    if gains := _measured_gains(label, alike[:top]):
        yield gains
    if model.budgets:
        yield _budgets(label, model.budgets)
    if model.growth:
        yield from _growth(label, model)
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
            worst = (
                finding.threshold
                for finding in model.findings
                if (finding.code, finding.measured) == (rule.code, rule.worst)
            )
            limit = next(worst, found.threshold)
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


def _findings(label: str, alike: Sequence[Sequence[Finding]], top: int | None) -> Table:
    """One line for all places of which the same is to be said."""
    columns = [
        Column("code", "rule", group="price"),
        Column("module", "module", wrap=True, narrowest=18),
        *([Column("location", "at", wrap=True, optional=True)] if any(places[0].location for places in alike) else []),
        Column("measured", "measured / limit", ("measured", "/ limit"), "right", group="price"),
        Column("message", "what is wrong", wrap=True, optional=True, group="advice", narrowest=30),
        Column("cost", "cost (share)", ("cost", "(share)"), "right", group="price"),
        Column("suggestion", "instead", wrap=True, group="advice", narrowest=20),
        Column("saves", "saves", align="right", group="price"),
    ]
    rows = []
    for places in alike[:top]:
        first, other, at = places[0], places[0].alternative, places[0].location
        cells = {
            "code": _rule(first),
            "module": Cell(phrases.together([_module(finding) for finding in places])),
            "location": Cell(f"{at.file}:{at.line}" if at else "–"),
            "measured": _measured(first.measured, first.threshold),
            "message": Cell(first.message),
            "cost": _cost(first),
            "suggestion": Cell(first.suggestion),
            "saves": Cell(units.count(other.saves if other else None)),
        }
        rows.append([cells[column.key] for column in columns])
    cut = f" ({len(rows)} of {len(alike)})" if len(rows) < len(alike) else ""
    return Table.of("findings", columns, rows, f"{label}: findings, the costliest first{cut}")


def _measured_gains(label: str, alike: Sequence[Sequence[Finding]]) -> Table | None:
    """What the alternatives gain in time or in instructions, in the order of their findings, where that was asked."""
    asked = [
        (places, other)
        for places in alike
        if (other := places[0].alternative) and (other.gain or other.counted or other.unmeasured)
    ]
    if not asked:
        return None
    does, so, how = "takes", "so it is", "timed"
    if any(other.counted for _, other in asked):
        does, so, how = "executes", "so it executes", "in instructions"
    elif not any(other.gain for _, other in asked):
        does, so, how = "", "because", "not measured"
    columns = [
        Column("code", "rule"),
        Column("module", "module", wrap=True, narrowest=18),
        Column("instead", "instead", wrap=True, narrowest=20),
        *([Column("amounts", f"one call {does}", ("one call", does), "right", optional=True)] if does else []),
        Column("gain", so, wrap=True, narrowest=14),
    ]
    rows = [
        [
            places[0].code,
            Cell(phrases.together([_module(finding) for finding in places])),
            Cell(other.text),
            *(_gain(other) if does else [other.unmeasured]),
        ]
        for places, other in asked
    ]
    return Table.of("gains", columns, rows, f"{label}: what is suggested, {how}")


def _gain(other: Alternative) -> tuple[Cell, Cell]:
    """What one call of the layer and one of its alternative take or execute, and what that comes to."""
    if found := other.counted:
        amounts = units.count(found.before.total), f"→ {units.count(found.after.total)}"
        verdict = phrases.counted_gain(found)
        lines = tuple(verdict.rsplit(" ", 1))
    elif timed := other.gain:
        amounts = units.seconds(timed.before_s), f"→ {units.seconds(timed.after_s)}"
        verdict = phrases.gain(timed)
        lines = tuple(re.split(r" (?=\[)", verdict))
    else:
        return Cell("–", style="quiet"), Cell(other.unmeasured)
    return Cell(" ".join(amounts), None, amounts), Cell(verdict, None, lines)


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
        return Cell("none", style="quiet") if budget.actual is None else Cell("kept", style="good")
    word = "unknown" if budget.actual is None else "over"
    if budget.advisory:
        return Cell(f"{word}, advisory", None, (f"{word},", "advisory"), "warning")
    return Cell(word, style="bad")


def _growth(label: str, model: AuditedModel) -> Iterator[Table]:
    """What has grown: the network's own numbers, then the layers that they come from, alike ones in one line."""
    columns = [
        Column("quantity", "quantity", wrap=True),
        Column("old", "old", align="right"),
        Column("new", "new", align="right"),
        Column("more", "more", align="right", optional=True),
    ]
    own = [grown for grown in model.growth if not grown.module]
    rows = [
        [
            Cell(grown.quantity),
            Cell(units.exact(grown.old)),
            Cell(f"→ {units.exact(grown.new)}", style="bad"),
            Cell(f"+ {units.share(grown.new - grown.old, grown.old)}" if grown.old else "–"),
        ]
        for grown in own
    ]
    yield Table.of("growth", columns, rows, f"{label}: grown since the baseline")
    layers: dict[str, dict[str, str]] = {}
    for grown in model.growth:
        if grown.module:
            layers.setdefault(grown.module, {})[grown.quantity] = _change(grown)
    if layers:
        alike: dict[tuple[tuple[str, str], ...], list[str]] = {}
        for module, numbers in layers.items():
            alike.setdefault(tuple(numbers.items()), []).append(module)
        having = Counter(name for numbers in layers.values() for name in numbers)
        most = max(having, key=having.__getitem__)
        columns = [Column("module", "layer", wrap=True, narrowest=18)]
        columns += [Column(name, name, tuple(name.split(".")), "right", optional=name != most) for name in having]
        cells = [
            [Cell(phrases.together(modules)), *(Cell(dict(numbers).get(name, "")) for name in having)]
            for numbers, modules in alike.items()
        ]
        each = ", each of them" if len(alike) < len(layers) else ""
        yield Table.of("growth_of_layers", columns, cells, f"{label}: the layers that it comes from{each}")


def _change(grown: Growth) -> str:
    """Old and new, in full where they would read the same."""
    write = units.exact if units.count(grown.old) == units.count(grown.new) else units.count
    return f"{write(grown.old)} → {write(grown.new)}"


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
