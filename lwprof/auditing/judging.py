"""Judging: ask every rule about one network, and turn what breaks one into findings."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import NamedTuple

from lwprof.auditing.policy import Policy
from lwprof.guidelines import Advice, Case, Evidence, Rule
from lwprof.profiling import Examination
from lwprof.results.audit import Checked, Finding, Ignored

DIGITS = 9
"""Of what rules measure: the same on every machine, whatever its square roots end in."""


class Judgement(NamedTuple):
    """What the rules said of one network."""

    findings: tuple[Finding, ...]
    """The costliest first."""
    checked: tuple[Checked, ...]
    ignored: tuple[Ignored, ...]


def evidence_of(seen: Examination) -> Evidence:
    """What rules look at in a network that was profiled."""
    return Evidence(seen.graph, seen.rows, seen.params, seen.groups, seen.blocks, seen.result)


def judge(evidence: Evidence, policy: Policy) -> Judgement:
    """Ask the policy's rules; places of one module are one finding, with the worst of them described."""
    network = evidence.result.model.name
    findings: list[Finding] = []
    checked: list[Checked] = []
    ignored: list[Ignored] = []
    for rule in policy.rules():
        cases = list(rule.cases(evidence, policy.thresholds_of(rule)))
        broken = [case for case in cases if case.breaks]
        checked.append(Checked(rule.code, len(cases), len(broken), _rounded(_worst(cases))))
        for module, places in _by_module(broken).items():
            exemption = policy.exemption(rule.code, module, network)
            if exemption is not None:
                ignored.append(Ignored(rule.code, module, exemption.reason))
            else:
                findings.append(_finding(evidence, rule, policy, places))
    findings.sort(key=lambda finding: (-finding.cost, finding.code, finding.module))
    return Judgement(tuple(findings), tuple(checked), tuple(ignored))


def _finding(evidence: Evidence, rule: Rule, policy: Policy, places: Sequence[Case]) -> Finding:
    worst = max(places, key=_measured)
    advice = rule.advice(evidence, worst)
    operators = {operator.index: operator for case in places for operator in case.operators}
    cost = evidence.elements(operators.values())
    alternative = advice.alternative
    if alternative is not None and len(places) > 1:
        alternative = replace(alternative, saves=sum(_saved(rule.advice(evidence, case)) for case in places))
    severity = policy.severity_of(rule)
    return Finding(
        code=rule.code,
        slug=rule.slug,
        severity=severity,
        module=worst.module,
        message=advice.message,
        measured=_rounded(worst.measured),
        threshold=worst.threshold,
        cost=cost,
        cost_share=round(cost / max(evidence.result.totals.memory_access.eager_elements, 1), DIGITS),
        suggestion=advice.suggestion,
        type=evidence.types.get(worst.module, ""),
        calls=len(places),
        alternative=alternative,
        fails=policy.fails(severity),
    )


def _saved(advice: Advice) -> int:
    return advice.alternative.saves if advice.alternative is not None else 0


def _by_module(cases: Iterable[Case]) -> dict[str, list[Case]]:
    grouped: dict[str, list[Case]] = {}
    for case in cases:
        grouped.setdefault(case.module, []).append(case)
    return grouped


def _worst(cases: Sequence[Case]) -> float | None:
    return max((case.measured for case in cases if case.measured is not None), default=None)


def _measured(case: Case) -> float:
    return case.measured if case.measured is not None else 0.0


def _rounded(number: float | None) -> float | None:
    return None if number is None else round(number, DIGITS)
