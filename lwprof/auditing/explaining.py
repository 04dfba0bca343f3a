"""Explaining: a rule's reckoning at the worst place of one network."""

from __future__ import annotations

from dataclasses import dataclass

from lwprof.auditing.judging import evidence_of
from lwprof.guidelines import Advice, Case, Rule, Thresholds
from lwprof.profiling import Examination
from lwprof.results.networks import Model


@dataclass(frozen=True, slots=True)
class Touched:
    """An operator of the place, and what it reads and writes."""

    name: str
    inputs: tuple[tuple[int, ...], ...]
    outputs: tuple[tuple[int, ...], ...]
    elements: int
    """Memory access, eager view."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """What a rule reckons in one network."""

    rule: Rule
    thresholds: Thresholds
    model: Model
    looked_at: int
    """Places."""
    broken: int
    worst: Case | None = None
    """Of the places beyond the threshold, else of all; of equals the costliest; ``None`` where there is none."""
    type: str = ""
    """The class of its module."""
    advice: Advice | None = None
    """``None`` where the rule holds and measures nothing: there is nothing to say."""
    operators: tuple[Touched, ...] = ()


def explanation(seen: Examination, rule: Rule, thresholds: Thresholds | None = None) -> Explanation:
    """Walk through a rule's numbers at the worst place of a network."""
    limits = rule.thresholds if thresholds is None else thresholds
    evidence = evidence_of(seen)
    cases = list(rule.cases(evidence, limits))
    broken = sum(case.breaks for case in cases)
    if not cases:
        return Explanation(rule, limits, seen.result.model, 0, 0)
    worst = max(cases, key=lambda case: (case.breaks, case.measured or 0.0, evidence.elements(case.operators)))
    return Explanation(
        rule,
        limits,
        seen.result.model,
        len(cases),
        broken,
        worst,
        evidence.types.get(worst.module, ""),
        rule.advice(evidence, worst) if worst.breaks or worst.measured is not None else None,
        tuple(
            Touched(
                operator.name.partition("::")[2],
                tuple(value.shape for value in operator.inputs),
                tuple(value.shape for value in operator.outputs),
                evidence.elements([operator]),
            )
            for operator in worst.operators
        ),
    )
