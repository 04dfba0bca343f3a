"""Alternatives: layers and what to write instead of them, each as a network by itself."""

from __future__ import annotations

from lwprof.auditing import forms
from lwprof.guidelines.convolutions import python
from lwprof.results.audit import Alternative, AuditResult, Form
from lwprof.results.networks import TensorSpec
from lwprof.timing.latency import Subject
from lwprof.timing.sampling import Progress

Layer = tuple[str, tuple[int, ...]]
"""A layer as Python, and the shape of its input."""
Pair = tuple[Layer, Layer]
"""A layer and its alternative; pairs that are alike are measured once."""


def pairs(result: AuditResult) -> dict[Pair, Alternative]:
    """What is to be measured, that of the costliest finding first."""
    findings = [finding for model in result.models for finding in model.findings]
    found: dict[Pair, Alternative] = {}
    for finding in sorted(findings, key=lambda finding: -finding.cost):
        if finding.alternative is not None:
            found.setdefault(pair(finding.alternative), finding.alternative)
    return found


def pair(alternative: Alternative) -> Pair:
    """What tells an alternative from others."""
    return layer(alternative.before), layer(alternative.after)


def layer(form: Form) -> Layer:
    """What tells a layer from others."""
    return python(form), tuple(form.input_shape)


def subject(form: Form, seed: int) -> Subject:
    """Build a layer with random weights.

    Raises:
        InputError: it cannot be built.
    """
    return Subject(python(form), forms.build(form, seed), (TensorSpec(tuple(form.input_shape), "float32"),))


def share(progress: Progress | None, number: int, pairs: int, together: int = 1) -> Progress | None:
    """Progress of a pair, or of several together, as a share of that of all ``pairs``.

    It stays where it is while measuring follows upon loading.
    """
    if progress is None:
        return None
    furthest = 0.0
    which = f"alternative {number + 1}" if together == 1 else f"alternatives {number + 1} to {number + together}"

    def shown(what: str, share: float) -> None:
        nonlocal furthest
        furthest = max(furthest, share)
        progress(f"{what.partition(' ')[0]} {which} of {pairs}", (number + together * furthest) / pairs)

    return shown
