"""Measuring: what the alternatives of findings gain, in time or in executed instructions."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from lwprof.auditing import counts
from lwprof.auditing.alternatives import Pair, pair, pairs, share, subject
from lwprof.auditing.latencies import on_machines
from lwprof.errors import BackendError, InputError
from lwprof.results.audit import Alternative, AuditResult, CountedGain, Finding, Gain
from lwprof.results.document import Scalar
from lwprof.timing.backends import Options
from lwprof.timing.boards import ssh
from lwprof.timing.contract import ALL_CORES
from lwprof.timing.devices import SSH
from lwprof.timing.environment import environment
from lwprof.timing.latency import Latencies, time_subjects
from lwprof.timing.portable.clock import Clock, performance_clock
from lwprof.timing.sampling import Progress, Rules
from lwprof.timing.targets import Target, find_targets
from lwprof.timing.verdicts import ROUNDS_FOR_A_VERDICT, paired

TOTAL_S = 40.0
"""Seconds for all timing together."""
PAIRS = 25
"""For so many there is time; MobileNetV2 has twelve."""


@dataclass(frozen=True, slots=True)
class Measuring:
    """How alternatives are timed, or counted on an emulated core.

    Raises:
        InputError: a number of seconds is not above 0, or without end.
    """

    backend: str = ""
    """Empty for that of the device: ncnn on boards and emulated cores, else torch."""
    device: str = "cpu"
    dtype: str = ""
    """What to compute in; empty for what the layers are built in."""
    threads: int = 1
    cores: str = ALL_CORES
    """Which processors of the CPU all threads are pinned to, in the words of :func:`lwprof.compare`."""
    alternatives: bool = True
    """Whether alternatives are measured at all; latency budgets are timed on the same in any case."""
    total_s: float | None = None
    """Seconds for all pairs of layer and alternative together; what begins within them is finished. By default 40 of
    timing, and as many as counting takes."""
    budget_s: float | None = None
    """Seconds of timing for each pair at most; by default one 25th of all."""
    precision: float = 0.02
    """A pair is done sooner once its 95 % intervals are at most this share of their medians wide."""
    margin: float = 0.01
    seed: int = 0

    def __post_init__(self) -> None:
        for name, seconds in (("total_s", self.total_s), ("budget_s", self.budget_s)):
            if seconds is not None and not 0 < seconds < math.inf:
                raise InputError(f"{name} must be a number of seconds above 0, not {seconds!r}")

    @property
    def options(self) -> Options:
        """How the backend runs."""
        return Options(self.device, self.threads, self.seed, self.dtype, cores=self.cores)

    @property
    def timing_s(self) -> float:
        """Seconds of timing for all pairs together."""
        return TOTAL_S if self.total_s is None else self.total_s

    @property
    def pair_s(self) -> float:
        """Seconds of timing for each pair at most."""
        return self.timing_s / PAIRS if self.budget_s is None else self.budget_s

    def targets(self) -> tuple[Target, ...]:
        """What alternatives are measured on.

        Raises:
            InputError: the backend, device or dtype is unknown, or the number of threads is impossible.
            BackendError: the backend or device is not available.
        """
        return find_targets([self.backend] if self.backend else [], [self.options])

    def reach(self) -> None:
        """Connect to what alternatives are measured on, where that is a board.

        Raises:
            BackendError: it cannot be reached, or is in use.
        """
        for target in self.targets():
            if target.device.kind == SSH:
                ssh.connect(target.device, target.options.cores).close()


INTERRUPTED = "interrupted before it was timed"


def measured(
    result: AuditResult, how: Measuring, progress: Progress | None = None, clock: Clock | None = None
) -> AuditResult:
    """Hold every finding's layer against its alternative, the costliest finding first.

    They are timed in interleaved rounds, or counted where the device is an emulated core. Every finding is kept: one
    whose alternative was not measured says why. Ctrl-C ends it early, with ``interrupted`` set.

    Raises:
        InputError: the backend, device or dtype is unknown, or the number of threads is impossible.
        BackendError: the backend or device is not available.
    """
    targets = how.targets()
    waiting = pairs(result)
    if not waiting:
        return result
    clock = performance_clock() if clock is None else clock
    record: dict[str, Scalar] = environment()
    counted = targets[0].is_counted
    boards: dict[str, Mapping[str, Scalar]] = {}
    found: Iterator[tuple[Pair, Gain | CountedGain | str]]
    if counted:
        seconds = math.inf if how.total_s is None else how.total_s
        found = counts.outcomes(waiting, targets[0], seconds, record, clock, progress)
    else:
        found = _outcomes(waiting, targets, how, record, boards, clock, progress)
    outcomes: dict[Pair, Gain | CountedGain | str] = {}
    interrupted = False
    try:
        for one, outcome in found:
            outcomes[one] = outcome  # noqa: PERF403 (those before Ctrl-C are kept)
    except KeyboardInterrupt:
        interrupted = True
    unreached = counts.INTERRUPTED if counted else INTERRUPTED
    warnings: list[str] = []
    if not counted:
        record |= {"budget_s": how.pair_s, "total_s": how.timing_s, "precision": how.precision, "margin": how.margin}
        warnings = on_machines(record, boards, targets[0])
    models = tuple(
        replace(model, findings=tuple(_completed(finding, outcomes, unreached) for finding in model.findings))
        for model in result.models
    )
    return replace(
        result,
        models=models,
        environment={**result.environment, **record},
        warnings=tuple(dict.fromkeys((*result.warnings, *warnings))),
        interrupted=result.interrupted or interrupted,
        boards={**result.boards, **boards},
    )


def _outcomes(
    waiting: Mapping[Pair, Alternative],
    targets: Sequence[Target],
    how: Measuring,
    record: dict[str, Scalar],
    boards: dict[str, Mapping[str, Scalar]],
    clock: Clock,
    progress: Progress | None,
) -> Iterator[tuple[Pair, Gain | str]]:
    """Time the pairs one after the other; what was timed on is added to ``record`` and ``boards``."""
    start = clock.now()
    for number, (one, alternative) in enumerate(waiting.items()):
        if clock.now() - start >= how.timing_s:
            yield one, f"the {how.timing_s:g} s for measuring were spent on costlier findings"
            continue
        try:
            found = time_subjects(
                [subject(alternative.before, how.seed), subject(alternative.after, how.seed)],
                targets,
                rules=Rules(how.pair_s, how.precision, single_calls=0, seed=how.seed),
                clock=clock,
                machine=record,
                progress=share(progress, number, len(waiting)),
            )
        except (InputError, BackendError) as error:
            yield one, str(error)
            continue
        record.update(found.environment)
        boards.update(found.boards)
        yield one, _outcome(found, how)
        if found.interrupted:
            raise KeyboardInterrupt


def _outcome(found: Latencies, how: Measuring) -> Gain | str:
    """What the alternative gained, or why that is not known."""
    if found.failure:
        return found.failure
    if found.untimed:
        return found.untimed[0].reason
    if len(found.timings) < 2:
        return INTERRUPTED
    before, after = found.timings
    rounds = len(before.samples_s)
    if rounds < ROUNDS_FOR_A_VERDICT:
        reason = "it was interrupted" if found.interrupted else "give it more seconds"
        return f"only {rounds} rounds, of which {ROUNDS_FOR_A_VERDICT} are needed: {reason}"
    ratio, verdict = paired(after.samples_s, before.samples_s, how.margin, how.seed)
    return Gain(
        backend=before.backend,
        device=before.device,
        threads=before.threads,
        before_s=before.median_s,
        after_s=after.median_s,
        ratio=ratio.median,
        ci95=(ratio.low, ratio.high),
        verdict=verdict,
        before_samples_s=before.samples_s,
        after_samples_s=after.samples_s,
        dtype=before.dtype,
    )


def _completed(finding: Finding, outcomes: Mapping[Pair, Gain | CountedGain | str], unreached: str) -> Finding:
    other = finding.alternative
    if other is None:
        return finding
    outcome = outcomes.get(pair(other), unreached)
    return replace(
        finding,
        alternative=replace(
            other,
            gain=outcome if isinstance(outcome, Gain) else None,
            counted=outcome if isinstance(outcome, CountedGain) else None,
            unmeasured=outcome if isinstance(outcome, str) else "",
        ),
    )
