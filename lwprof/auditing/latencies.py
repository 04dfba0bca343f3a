"""Latencies: how much slower than another network one may be, measured in the same interleaved rounds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from lwprof.auditing.latency_limits import NAME, LatencyLimit
from lwprof.auditing.snapshots import shapes
from lwprof.errors import BackendError, InputError, described
from lwprof.models import Network
from lwprof.results.audit import AuditResult, Budget
from lwprof.results.document import Scalar
from lwprof.results.networks import TensorSpec
from lwprof.timing import advice
from lwprof.timing.backends import Options
from lwprof.timing.latency import Latencies, time_subjects
from lwprof.timing.sampling import Progress, Rules
from lwprof.timing.statistics import ratio_interval
from lwprof.timing.targets import Target
from lwprof.timing.verdicts import ROUNDS_FOR_A_VERDICT
from lwprof.units import number_of

if TYPE_CHECKING:
    from lwprof.timing.portable.clock import Clock

BUDGET_S = 10.0
"""Seconds for each pair of networks: as many as a comparison of the two takes."""


class Pair(NamedTuple):
    """Two networks that are built to be timed, and how they may differ."""

    build: Callable[[], Network]
    build_other: Callable[[], Network]
    limit: LatencyLimit


class _Timed(NamedTuple):
    latencies: Latencies
    target: Target
    inputs: tuple[TensorSpec, ...]
    other_inputs: tuple[TensorSpec, ...]


class Missing(NamedTuple):
    """Why something was not measured, and the exit code that follows."""

    reason: str
    code: int = 0


INTERRUPTED = Missing("interrupted")


def held(
    result: AuditResult,
    pairs: Sequence[Pair | None],
    options: Options | None = None,
    *,
    backend: str = "",
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
        options: how the backend runs, where a limit does not say.
        backend: what networks are timed on, likewise; by default that of the device.
        budget_s: seconds of measuring for each pair, warm-up included.
        progress: called with what is going on and the share of it that is done.
        clock: read instead of the machine's own.
    """
    options = options or Options()
    interrupted = result.interrupted
    models, record, warnings = [], dict(result.environment), dict.fromkeys(result.warnings)
    boards = dict(result.boards)
    for model, pair in zip(result.models, pairs, strict=True):
        if pair is None or model.failure:
            models.append(model)
            continue
        timed: _Timed | Missing = INTERRUPTED
        if not interrupted:
            timed = _timed(pair, backend, options, Rules(budget_s, seed=options.seed), progress, clock)
        if isinstance(timed, _Timed):
            record |= timed.latencies.environment
            warnings |= dict.fromkeys(on_machines(timed.latencies.environment, timed.latencies.boards, timed.target))
            boards |= timed.latencies.boards
            interrupted |= timed.latencies.interrupted
        interrupted |= timed == INTERRUPTED
        try:
            budget = _budget(pair.limit, timed)
        except KeyboardInterrupt:  # the bootstrap takes a moment
            interrupted, budget = True, _budget(pair.limit, INTERRUPTED)
        models.append(replace(model, budgets=(*model.budgets, budget)))
    return replace(
        result,
        models=tuple(models),
        ok=all(model.ok for model in models),
        environment=record,
        warnings=tuple(warnings),
        interrupted=interrupted,
        boards=boards,
    )


def on_machines(facts: Mapping[str, Scalar], boards: Mapping[str, Mapping[str, Scalar]], target: Target) -> list[str]:
    """Warn about what was timed on: this machine, by what is known of it, or boards."""
    if target.device.is_arm:
        return [text for board in boards.values() for text in advice.on_board(board, target.options.threads)]
    return advice.on_machine(facts, target.options.threads)


def _timed(
    pair: Pair, backend: str, options: Options, rules: Rules, progress: Progress | None, clock: Clock | None
) -> _Timed | Missing:
    """Build and time a pair, or say why that was not possible."""
    try:
        targets = pair.limit.targets(backend, options)
        subjects = [pair.build().subject(), pair.build_other().subject()]
        latencies = time_subjects(subjects, targets, rules=rules, clock=clock, progress=progress)
        return _Timed(latencies, targets[0], subjects[0].inputs, subjects[1].inputs)
    except KeyboardInterrupt:
        return INTERRUPTED
    except (Exception, SystemExit) as error:
        return Missing(*described(error))


def missing(latencies: Latencies) -> Missing:
    """Why a measurement is not whole."""
    if latencies.failure:
        return Missing(latencies.failure, InputError.exit_code)
    return next((Missing(item.reason, BackendError.exit_code) for item in latencies.untimed), INTERRUPTED)


def _budget(limit: LatencyLimit, timed: _Timed | Missing) -> Budget:
    if isinstance(timed, Missing) or len(timed.latencies.timings) < 2 or timed.latencies.failure:
        reason, code = timed if isinstance(timed, Missing) else missing(timed.latencies)
        remark = f"not measured against {limit.to.text}: {reason}"
        return Budget(NAME, limit.ratio, None, ok=False, advisory=not limit.enforced, remark=remark, failure_code=code)
    samples, other_samples = (timing.samples_s for timing in timed.latencies.timings)
    options = timed.target.options
    ratio = ratio_interval(samples, other_samples, options.seed)
    told = len(samples) >= ROUNDS_FOR_A_VERDICT
    remark = (
        f"{ratio.median:#.3g} [{ratio.low:#.3g}, {ratio.high:#.3g}] against {limit.to.text} "
        f"on {timed.target.backend.name}, {options.device}, "
        f"{number_of(options.threads, 'thread')}{f', {options.dtype}' if options.dtype else ''}"
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
