"""Auditing: what breaks a guideline or a budget in networks, and whether that is new."""

from __future__ import annotations

import os
import reprlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import Any

from lwprof import settings
from lwprof.auditing import baselines, configuration, instructions, latencies
from lwprof.auditing.baselines import Baseline
from lwprof.auditing.budgets import Limits, check, parse
from lwprof.auditing.configuration import Configuration
from lwprof.auditing.judging import evidence_of, judge
from lwprof.auditing.locations import located
from lwprof.auditing.measuring import Measuring, measured
from lwprof.auditing.policy import Exemption, Policy
from lwprof.auditing.quantities import counts_of
from lwprof.auditing.subjects import Audited, Called, Subject, name_before
from lwprof.errors import InputError, described
from lwprof.inputs import Inputs
from lwprof.models import not_a_network, several
from lwprof.profiling import InputSize
from lwprof.results.audit import AuditedModel, AuditResult
from lwprof.timing.sampling import Progress

__all__ = ["Configuration", "Exemption", "Limits", "Measuring", "Policy", "audit"]

Failed = Callable[[BaseException], None]


def audit(
    networks: Audited | Sequence[Audited] | None = None,
    *,
    config: str | PathLike[str] | Configuration | None = None,
    policy: Policy | None = None,
    budgets: Mapping[str, Any] | None = None,
    baseline: str | PathLike[str] | Baseline | None = None,
    strict: bool | None = None,
    measuring: Measuring | None = None,
    inputs: Inputs | None = None,
    input_size: InputSize | None = None,
    batch: int = 1,
    weights_files: Sequence[str | PathLike[str] | None] = (),
    block: str | None = None,
    progress: Progress | None = None,
    failed: Failed | None = None,
) -> AuditResult:
    """Audit the design of networks.

    Without networks, the nearest ``lwprof.toml`` or ``pyproject.toml`` says what to audit and how. A network that
    cannot be looked at does not hide what the others have: its ``failure`` says why. Ctrl-C ends the audit early, with
    what was found by then, and ``interrupted`` set.

    >>> result = audit("mbv2")
    >>> result.ok, sorted({finding.code for finding in result.models[0].findings})
    (False, ['D2', 'G1', 'G4'])
    >>> audit("mbv2", policy=Policy(fail_on="never"), budgets={"max_params": "4M"}).ok
    True

    Args:
        networks: model specs, modules or networks; one, or several.
        config: a file of settings to go by, or what one says; what else is given goes before it.
        policy: how to judge; by default every rule with its own thresholds.
        budgets: limits for each of the networks by name, such as ``{"max_memory_access.fused": "18M"}``.
        baseline: what was known before, or the file that has it; only what is new fails.
        strict: whether an operator that no rule counts makes the audit fail.
        measuring: time what findings suggest against what there is, or count its instructions; latency budgets that
            do not say where they are timed go by it, too.
        inputs: what every network is called with, as for :func:`lwprof.profile`.
        input_size: likewise.
        batch: likewise.
        weights_files: weights to load, one for each network, ``None`` for one that gets none.
        block: the class that is the building block, where the rule of the conventions guesses wrong.
        progress: called with what is going on and the share of it that is done.
        failed: called with the error of a network that cannot be looked at.

    Raises:
        InputError: there is nothing to audit, or settings, budgets or baseline are wrong.
        BackendError: what ``measuring`` or an enforced latency budget is to be timed on is not available.
    """
    for name, value, kind in (
        ("policy", policy, Policy),
        ("budgets", budgets, Mapping),
        ("measuring", measuring, Measuring),
    ):
        if value is not None and not isinstance(value, kind):
            raise InputError(f"{name} must be a {kind.__name__}, not {reprlib.repr(value)}")
    configured = _configured(networks, config)
    policy = configured.policy if policy is None else policy
    strict = configured.strict if strict is None else strict
    known = configured.baseline if baseline is None else baseline
    known = known if known is None or isinstance(known, Baseline) else baselines.read(Path(known))
    runtime = measuring or Measuring(alternatives=False)
    runtime.targets()  # whatever is wrong with them is said before the work
    if runtime.alternatives:
        runtime.reach()
    models: list[AuditedModel] = []
    interrupted = False
    with settings.choose(configured.settings):
        asked = _asked(networks, configured)
        files = several.weights_files(asked, weights_files)
        called = Called(inputs, input_size, batch)
        subjects = [
            Subject(network, called, file, block, _limits(network, configured, budgets))
            for network, file in zip(asked, files, strict=True)
        ]
        for limit in (subject.limits.latency for subject in subjects):
            if limit is not None and limit.enforced:
                limit.targets(runtime.backend, runtime.options)
        try:
            for number, subject in enumerate(subjects):
                if progress is not None:
                    progress(f"audit {subject.name}", number / len(subjects))
                models.append(_audited(subject, policy, known, strict, failed))
        except KeyboardInterrupt:
            if not models:
                raise
            interrupted = True
        result = AuditResult(
            tuple(models),
            ok=True,
            settings=_relative(configured.settings.file) if configured.settings else "",
            baseline=_relative(known.file) if known else "",
            interrupted=interrupted,
            rules=policy.guidelines(),
        )
        if runtime.alternatives and not interrupted:
            result = measured(result, runtime, progress)
        limited = [subject.limited for subject in subjects[: len(models)]]
        if any(limited):
            result = instructions.held(result, limited, seed=runtime.seed, progress=progress)
        pairs = [subject.pair for subject in subjects[: len(models)]]
        if any(pairs):
            result = latencies.held(result, pairs, runtime.options, backend=runtime.backend, progress=progress)
    return replace(result, ok=all(model.ok for model in result.models) and len(models) == len(subjects))


def _configured(
    networks: Audited | Sequence[Audited] | None, config: str | PathLike[str] | Configuration | None
) -> Configuration:
    """Read settings where they were asked for; networks that were named are judged by the rules alone."""
    if isinstance(config, Configuration):
        return config
    return Configuration() if config is None and networks is not None else configuration.read(config)


def _asked(networks: Any, configured: Configuration) -> Sequence[Audited]:
    if networks is not None:
        several = isinstance(networks, Iterable) and not isinstance(networks, Audited | bytes | Mapping)
        listed = list(networks) if several else [networks]
        if not listed:
            raise InputError("nothing to audit; name a network such as 'mbv2'")
        for item in listed:
            if not isinstance(item, Audited):
                raise not_a_network(item)
        return listed
    if configured.networks:
        return configured.networks
    if configured.settings is None:
        raise InputError(
            "nothing to audit: neither lwprof.toml nor a pyproject.toml with [tool.lwprof] is here or above; "
            'name a network, or write networks = ["mbv2"] below [audit] in lwprof.toml'
        )
    heading = configured.settings.heading("audit")
    raise InputError(f'{heading} names nothing to audit; write networks = ["mbv2"] there, or name a network')


def _limits(network: Audited, configured: Configuration, budgets: Mapping[str, Any] | None) -> Limits:
    own = configured.budgets.get(name_before(network))
    return parse(budgets or {}, "budgets", own)


def _audited(
    subject: Subject, policy: Policy, known: Baseline | None, strict: bool, failed: Failed | None
) -> AuditedModel:
    """Count and judge one network; nothing of it is kept but the result."""
    try:
        seen = subject.examined()
        result = seen.result
        judged = judge(evidence_of(seen), policy)
        model = AuditedModel(
            name=result.model.name,
            model=result.model,
            totals=result.totals,
            coverage=result.coverage,
            fragmentation=result.fragmentation,
            layers=counts_of(result.layers),
            findings=located(judged.findings, seen.network),
            checked=judged.checked,
            ignored=judged.ignored,
            budgets=check(subject.limits, seen.graph, result, strict),
        )
        return model if known is None else known.compared(model)
    except (Exception, SystemExit) as error:
        if failed is not None:
            failed(error)
        message, code = described(error)
        return AuditedModel(subject.name, failure=subject.failure(message), failure_code=code)


def _relative(file: Path) -> str:
    """A file as documents name it: from the current folder, the same on every machine."""
    try:
        return Path(os.path.relpath(file)).as_posix()
    except (OSError, ValueError):  # the current folder is gone, or on another drive
        return file.as_posix()
