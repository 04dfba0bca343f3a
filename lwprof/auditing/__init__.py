"""Auditing: what breaks a guideline or a budget in networks, and whether that is new."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch import nn

from lwprof import profiling
from lwprof.auditing import budgets
from lwprof.auditing.baselines import Baseline
from lwprof.auditing.budgets import Limits
from lwprof.auditing.judging import judge
from lwprof.auditing.locations import located
from lwprof.auditing.measuring import Measuring, measured
from lwprof.auditing.policy import Exemption, Policy
from lwprof.errors import LwprofError
from lwprof.guidelines import Evidence
from lwprof.models import Network
from lwprof.profiling import InputSize
from lwprof.results import AuditedModel, AuditResult
from lwprof.timing.sampling import Progress

__all__ = ["Exemption", "Limits", "Measuring", "Policy", "audit"]

Audited = str | nn.Module | Network


def audit(
    networks: Audited | Sequence[Audited],
    *,
    policy: Policy | None = None,
    limits: Callable[[str], Limits] | None = None,
    baseline: Baseline | None = None,
    measuring: Measuring | None = None,
    input_size: InputSize | None = None,
    progress: Progress | None = None,
) -> AuditResult:
    """Audit the design of networks.

    A network that cannot be looked at does not hide what the others have.

    >>> audit("mbv2").models[0].findings[0].slug
    'unequal-channel-widths'

    Args:
        networks: model specs, modules or networks; one, or several.
        policy: how to judge; by default every rule with its own thresholds.
        limits: the budgets of a network, by its name.
        baseline: what was known before; only what is new fails.
        measuring: time what findings suggest against what there is.
        input_size: as for :func:`lwprof.profile`.
        progress: called with what is going on and the share of it that is done.
    """
    asked = [networks] if isinstance(networks, Audited) else networks
    models = []
    for number, network in enumerate(asked):
        if progress is not None:
            progress("audit", number / len(asked))
        models.append(_audited(network, policy or Policy(), limits, baseline, input_size))
    result = AuditResult(
        tuple(models),
        all(model.ok for model in models),
        baseline=str(baseline.file) if baseline else "",
        rules=(policy or Policy()).guidelines(),
    )
    return result if measuring is None else measured(result, measuring, progress)


def _audited(
    network: Audited,
    policy: Policy,
    limits: Callable[[str], Limits] | None,
    baseline: Baseline | None,
    input_size: InputSize | None,
) -> AuditedModel:
    """Count and judge one network; nothing of it is kept but the result."""
    try:
        seen = profiling.examine(network, input_size=input_size)
    except LwprofError as error:
        return AuditedModel(str(network) if isinstance(network, str) else type(network).__name__, failure=str(error))
    result = seen.result
    judged = judge(Evidence(seen.graph, seen.rows, seen.blocks, result), policy)
    model = AuditedModel(
        name=result.model.name,
        model=result.model,
        totals=result.totals,
        coverage=result.coverage,
        fragmentation=result.fragmentation,
        layers=result.layers,
        findings=located(judged.findings, seen.network.module),
        checked=judged.checked,
        ignored=judged.ignored,
        budgets=tuple(budgets.check(limits(result.model.name), seen.graph, result)) if limits else (),
    )
    return model if baseline is None else baseline.compared(model)
