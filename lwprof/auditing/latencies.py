"""Latencies: how much slower than another network one may be, measured in the same interleaved rounds."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from lwprof.auditing.snapshots import shapes
from lwprof.errors import InputError, described, near
from lwprof.models import Network, names, specs
from lwprof.models.specs import Spec
from lwprof.results import AuditResult, Budget, TensorSpec
from lwprof.settings import check_keys
from lwprof.timing import advice
from lwprof.timing.backends import BACKENDS, Options
from lwprof.timing.latency import Latencies, Subject, time_subjects
from lwprof.timing.sampling import Progress, Rules
from lwprof.timing.statistics import ratio_interval
from lwprof.timing.verdicts import ROUNDS_FOR_A_VERDICT

if TYPE_CHECKING:
    from pathlib import Path

    from lwprof.timing.clock import Clock

NAME = "max_latency_ratio"
BUDGET_S = 10.0
"""Seconds for each pair of networks: as many as a comparison of the two takes."""

INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True)
class LatencyLimit:
    """How much slower than another network one may be."""

    to: Spec
    """The other one."""
    ratio: float
    backend: str = "torch"
    enforced: bool = False
    """Being over it makes the audit fail."""


class Pair(NamedTuple):
    """Two networks that are built to be timed, and how they may differ."""

    build: Callable[[], Network]
    build_other: Callable[[], Network]
    limit: LatencyLimit


class _Timed(NamedTuple):
    latencies: Latencies
    inputs: tuple[TensorSpec, ...]
    other_inputs: tuple[TensorSpec, ...]


def limit(
    table: Mapping[str, Any], label: str, base: LatencyLimit | None = None, folder: Path | None = None
) -> LatencyLimit:
    """Read a latency budget as settings and command lines give it.

    >>> found = limit({"to": "mbv2", "ratio": "1.2"}, "max_latency_ratio")
    >>> found.to.text, found.ratio, found.enforced
    ('mbv2', 1.2, False)

    Args:
        table: its settings.
        label: what messages call them.
        base: the limit that holds where ``table`` says nothing.
        folder: what paths are relative to; by default the current one.

    Raises:
        InputError: an unknown setting, a wrong value, or no word on what to compare with.
    """
    check_keys(table, [each.name for each in fields(LatencyLimit)], label)
    given = {key: _READERS[key](value, f"{label}.{key}") for key, value in table.items()}
    if folder is not None and "to" in given:
        given["to"] = given["to"].under(folder)
    if base is not None:
        return replace(base, **given)
    for key in ("to", "ratio"):
        if key not in given:
            raise InputError(f'{label} lacks {key!r}; write {{to = "mbv2", ratio = 1.2}}')
    return LatencyLimit(**given)


def held(
    result: AuditResult,
    pairs: Sequence[Pair | None],
    options: Options | None = None,
    *,
    budget_s: float = BUDGET_S,
    progress: Progress | None = None,
    clock: Clock | None = None,
) -> AuditResult:
    """Time networks against those of their latency budgets in interleaved rounds, one pair after the other.

    A budget is exceeded only where the whole 95 % interval of the ratio is beyond its limit. Whatever goes wrong is
    the remark of the budget that it goes wrong for; Ctrl-C ends the timing, with ``interrupted`` set.

    Args:
        result: what was audited.
        pairs: one for each network of it, in the same order; ``None`` where it has no latency budget.
        options: how backends run.
        budget_s: seconds of measuring for each pair, warm-up included.
        progress: called with what is going on and the share of it that is done.
        clock: read instead of the machine's own.
    """
    options = options or Options()
    interrupted = result.interrupted
    models, record, warnings = [], dict(result.environment), dict.fromkeys(result.warnings)
    for model, pair in zip(result.models, pairs, strict=True):
        if pair is None or model.failure:
            models.append(model)
            continue
        timed: _Timed | str = INTERRUPTED
        if not interrupted:
            timed = _timed(pair, options, Rules(budget_s, seed=options.seed), progress, clock)
        if isinstance(timed, _Timed):
            record |= timed.latencies.environment
            warnings |= dict.fromkeys(advice.on_machine(timed.latencies.environment, options.threads))
            interrupted |= timed.latencies.interrupted
        interrupted |= timed == INTERRUPTED
        budget = _budget(pair.limit, options, timed)
        models.append(replace(model, budgets=(*model.budgets, budget)))
    return replace(
        result,
        models=tuple(models),
        ok=all(model.ok for model in models),
        environment=record,
        warnings=tuple(warnings),
        interrupted=interrupted,
    )


def _timed(pair: Pair, options: Options, rules: Rules, progress: Progress | None, clock: Clock | None) -> _Timed | str:
    """Build and time a pair; a text says why that was not possible."""
    try:
        subjects = [_subject(pair.build()), _subject(pair.build_other())]
        latencies = time_subjects(
            subjects, backend=pair.limit.backend, options=options, rules=rules, clock=clock, progress=progress
        )
        return _Timed(latencies, subjects[0].inputs, subjects[1].inputs)
    except KeyboardInterrupt:
        return INTERRUPTED
    except (Exception, SystemExit) as error:
        return described(error)[0]


def _subject(network: Network) -> Subject:
    if network.module is None:
        raise InputError(f"{network.name} has no latency here: torch does not run ONNX files")
    return Subject(network.name, network.module, network.inputs, network.values, network.build_s)


def _budget(limit: LatencyLimit, options: Options, timed: _Timed | str) -> Budget:
    if isinstance(timed, str) or timed.latencies.failure or len(timed.latencies.timings) < 2:
        reason = timed if isinstance(timed, str) else timed.latencies.failure or INTERRUPTED
        remark = f"not measured against {limit.to.text}: {reason}"
        return Budget(NAME, limit.ratio, None, ok=False, advisory=not limit.enforced, remark=remark)
    samples, other_samples = (timing.samples_s for timing in timed.latencies.timings)
    ratio = ratio_interval(samples, other_samples, options.seed)
    told = len(samples) >= ROUNDS_FOR_A_VERDICT
    remark = (
        f"{ratio.median:#.3g} [{ratio.low:#.3g}, {ratio.high:#.3g}] against {limit.to.text} "
        f"on {limit.backend}, {options.device}, {options.threads} thread{'' if options.threads == 1 else 's'}"
    )
    if timed.inputs != timed.other_inputs:
        remark += f"; its input is {shapes(timed.inputs)}, the other's {shapes(timed.other_inputs)}"
    if not told:
        remark += f"; {len(samples)} rounds are too few to tell"
    return Budget(
        NAME,
        limit.ratio,
        ratio.median,
        ok=not (told and ratio.low > limit.ratio),
        advisory=not limit.enforced,
        remark=remark,
        ci95=(ratio.low, ratio.high),
        samples_s=samples,
        other_samples_s=other_samples,
    )


def _network(value: Any, label: str) -> Spec:
    if not isinstance(value, str):
        raise InputError(f"{label} must be a model spec such as 'mbv2', not {value!r}")
    try:
        spec = specs.parse(value)
        names.meaning(spec)
    except InputError as error:
        raise InputError(f"{label}: {error}") from error
    return spec


def _ratio(value: Any, label: str) -> float:
    try:
        ratio = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        ratio = math.nan
    if not 0 < ratio < math.inf:
        raise InputError(f"{label} must be a number above 0 such as 1.2, not {value!r}")
    return ratio


def _backend(value: Any, label: str) -> str:
    known = [backend.name for backend in BACKENDS]
    if value not in known:
        hint = near(str(value), known) or f"; there is {', '.join(known)}"
        raise InputError(f"{label}: unknown backend {value!r}{hint}")
    return str(value)


def _switch(value: Any, label: str) -> bool:
    said = {"true": True, "false": False}.get(value.lower()) if isinstance(value, str) else value
    if not isinstance(said, bool):
        raise InputError(f"{label} must be true or false, not {value!r}")
    return said


_READERS: Mapping[str, Callable[[Any, str], Any]] = {
    "to": _network,
    "ratio": _ratio,
    "backend": _backend,
    "enforced": _switch,
}
