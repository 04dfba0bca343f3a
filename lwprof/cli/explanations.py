"""Explanations: what ``lwprof explain`` shows in tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

from lwprof import units
from lwprof.guidelines import Rule
from lwprof.guidelines.pages import heading, limits
from lwprof.reports import phrases
from lwprof.reports.contents import Cell, Column, Note, Page, Table

if TYPE_CHECKING:
    from lwprof.auditing.explaining import Explanation
    from lwprof.guidelines import Advice, Case

STYLES: dict[str, Any] = {"error": "bad", "warning": "warning", "info": "quiet"}
FACTS = (Column("fact", "fact"), Column("value", "value", wrap=True))
MOST_OPERATORS = 12
"""Shown of a place, in every format: a share of a whole network has as many as the network."""


def listing(rules: Sequence[Rule]) -> Page:
    """List the guidelines."""
    columns = (
        Column("code", "code"),
        Column("slug", "slug"),
        Column("severity", "severity"),
        Column("thresholds", "threshold", wrap=True, optional=True),
        Column("title", "guideline", wrap=True, narrowest=30),
    )
    rows = [
        (
            rule.code,
            rule.slug,
            Cell(rule.severity, rule.severity, style=STYLES[rule.severity]),
            Cell(limits(rule.thresholds), dict(rule.thresholds)),
            rule.title.removesuffix("."),
        )
        for rule in rules
    ]
    notes = (f"'lwprof explain {rules[0].code}' shows a guideline's page, with --on SPEC its numbers on a network",)
    return Page("", (Table.of("guidelines", columns, rows, notes=notes),))


def card(rule: Rule) -> Page:
    """Put a guideline and its page in one row, for machines."""
    row = {
        "code": rule.code,
        "slug": rule.slug,
        "severity": rule.severity,
        "quantity": rule.quantity,
        "places": rule.places,
        "thresholds": Cell(limits(rule.thresholds), dict(rule.thresholds)),
        "page": Cell(rule.title, rule.page),
    }
    return Page("", (Table.of("guideline", [Column(key, key) for key in row], [row.values()]),))


def walk(found: Explanation) -> Page:
    """Walk through a guideline's numbers at the worst place of a network."""
    tables = [Table.of("place", FACTS, _place(found), "Where")]
    if found.operators:
        tables.append(_operators(found))
    if found.advice is not None and found.advice.steps:
        columns = (
            Column("what", "what"),
            Column("formula", "formula", wrap=True),
            Column("value", "value", align="right"),
        )
        rows = [(step.what, step.formula, number(step.value)) for step in found.advice.steps]
        tables.append(Table.of("steps", columns, rows, "Reckoning"))
    if found.worst is not None:
        tables.append(Table.of("verdict", FACTS, _verdict(found, found.worst, found.advice), "Verdict"))
    note = f"'lwprof explain {found.rule.code}' shows the guideline's page"
    return Page(f"{heading(found.rule)} on {found.model.name}", tuple(tables), (Note(note),))


def number(value: float | None) -> Cell:
    """Write a count in full and a ratio with three places.

    >>> number(1406464).text, number(984771.25).text, number(1.4282).text, number(None).text
    ('1,406,464', '984,771.2', '1.428', '–')
    """
    if value is None:
        return Cell("–")
    if value == int(value):
        return Cell(units.exact(int(value)), int(value))
    return Cell(f"{value:,.1f}" if abs(value) >= 1000 else f"{value:.3f}", value)


def _place(found: Explanation) -> Iterator[tuple[Any, ...]]:
    rule, worst = found.rule, found.worst
    yield "network", found.model.name
    yield "input", phrases.inputs(found.model)
    yield "looks at", rule.places
    if worst is None:
        yield "verdict", Cell(f"{rule.code} holds: this network has no {rule.places}", "holds", style="good")
        return
    yield "places", found.looked_at
    yield "of which break it", found.broken
    told = worst.breaks or worst.measured is not None
    yield "the worst" if told else "the first", Cell(worst.module or "the network itself", worst.module)
    if found.type:
        yield "its class", found.type


def _operators(found: Explanation) -> Table:
    """List operators as they ran; in one row what ran several times on end."""
    alike = [list(group) for _, group in groupby(found.operators)]
    repeated = any(len(group) > 1 for group in alike)
    columns = (
        Column("operator", "operator"),
        *([Column("times", "times", align="right")] if repeated else []),
        Column("inputs", "inputs and weights", wrap=True),
        Column("outputs", "outputs", wrap=True),
        Column("eager_elements", "MAC (memory access), eager", ("MAC", "(memory", "access),", "eager"), "right"),
    )
    rows = [
        (
            group[0].name,
            *([len(group)] if repeated else []),
            Cell(phrases.shapes(group[0].inputs), [list(shape) for shape in group[0].inputs]),
            Cell(phrases.shapes(group[0].outputs), [list(shape) for shape in group[0].outputs]),
            group[0].elements,
        )
        for group in alike[:MOST_OPERATORS]
    ]
    rest = [operator for group in alike[MOST_OPERATORS:] for operator in group]
    elements = sum(operator.elements for operator in rest)
    notes = [f"and {len(rest)} more operators with {units.exact(elements)} elements"] if rest else []
    return Table.of("operators", columns, rows, "What it is about", notes)


def _verdict(found: Explanation, worst: Case, advice: Advice | None) -> Iterator[tuple[Any, ...]]:
    if found.rule.quantity and worst.measured is not None:
        yield found.rule.quantity, number(worst.measured)
        own = found.thresholds == found.rule.thresholds
        yield "threshold" if own else "threshold, by the settings", number(worst.threshold)
    if not worst.breaks:
        yield "verdict", Cell(f"{found.rule.code} holds: there is nothing to change", "holds", style="good")
        return
    yield "verdict", Cell(f"it breaks {found.rule.code}", "breaks", style=STYLES[found.rule.severity])
    if advice is None:
        return
    yield "finding", advice.message
    yield "instead", advice.suggestion
    other = advice.alternative
    if other is not None:
        yield "as Python", other.text
        if other.mult_adds or other.instead_of:
            yield "mult-adds", f"{units.exact(other.mult_adds)} instead of {units.exact(other.instead_of)}"
        if other.saves:
            yield "memory access", f"{units.exact(abs(other.saves))} elements {'less' if other.saves > 0 else 'more'}"
