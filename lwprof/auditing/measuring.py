"""Measuring: what the alternatives of findings gain on this machine."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from lwprof.auditing import forms
from lwprof.errors import BackendError, InputError
from lwprof.guidelines.convolutions import python
from lwprof.results import Alternative, AuditResult, Finding, Form, Gain, Scalar, TensorSpec
from lwprof.timing import advice
from lwprof.timing.backends import Options
from lwprof.timing.environment import environment
from lwprof.timing.latency import Latencies, Subject, time_subjects
from lwprof.timing.portable.clock import Clock, performance_clock
from lwprof.timing.sampling import Progress, Rules
from lwprof.timing.targets import Target, find_targets
from lwprof.timing.verdicts import ROUNDS_FOR_A_VERDICT, paired

PAIRS = 25
"""For so many there is time; MobileNetV2 has twelve."""


@dataclass(frozen=True, slots=True)
class Measuring:
    """How alternatives are timed.

    Raises:
        InputError: a number of seconds is not above 0, or without end.
    """

    backend: str = "torch"
    device: str = "cpu"
    dtype: str = ""
    """What to compute in; empty for what the layers are built in."""
    threads: int = 1
    alternatives: bool = True
    """Whether alternatives are timed at all; latency budgets are timed on the same in any case."""
    total_s: float = 40.0
    """Seconds for all pairs of layer and alternative together; a pair that begins within them is finished."""
    budget_s: float | None = None
    """Seconds for each pair at most; by default one 25th of ``total_s``."""
    precision: float = 0.02
    """A pair is done sooner once its 95 % intervals are at most this share of their medians wide."""
    margin: float = 0.01
    seed: int = 0

    def __post_init__(self) -> None:
        for name, seconds in (("total_s", self.total_s), ("budget_s", self.pair_s)):
            if not 0 < seconds < math.inf:
                raise InputError(f"{name} must be a number of seconds above 0, not {seconds!r}")

    @property
    def options(self) -> Options:
        """How the backend runs."""
        return Options(self.device, self.threads, self.seed, self.dtype)

    @property
    def pair_s(self) -> float:
        """Seconds for each pair at most."""
        return self.total_s / PAIRS if self.budget_s is None else self.budget_s


Pair = tuple[str, tuple[int, ...], str, tuple[int, ...]]
"""A layer and its alternative, each as Python with the shape of its input; pairs that are alike are timed once."""

INTERRUPTED = "interrupted before it was timed"


def measured(
    result: AuditResult, how: Measuring, progress: Progress | None = None, clock: Clock | None = None
) -> AuditResult:
    """Time every finding's layer against its alternative in interleaved rounds, the costliest finding first.

    Every finding is kept: one whose alternative was not timed says why. Ctrl-C ends it early, with ``interrupted`` set.

    Raises:
        InputError: the backend, device or dtype is unknown, or the number of threads is impossible.
        BackendError: the backend or device is not available.
    """
    targets = find_targets([how.backend], [how.options])
    pairs = _pairs(result)
    if not pairs:
        return result
    clock = performance_clock() if clock is None else clock
    record: dict[str, Scalar] = environment()
    outcomes: dict[Pair, Gain | str] = dict.fromkeys(pairs, INTERRUPTED)
    interrupted = False
    try:
        for pair, outcome in _outcomes(pairs, targets, how, record, clock, progress):
            outcomes[pair] = outcome  # noqa: PERF403 (those before Ctrl-C are kept)
    except KeyboardInterrupt:
        interrupted = True
    record |= {"budget_s": how.pair_s, "total_s": how.total_s, "precision": how.precision, "margin": how.margin}
    models = tuple(
        replace(model, findings=tuple(_completed(finding, outcomes) for finding in model.findings))
        for model in result.models
    )
    return replace(
        result,
        models=models,
        environment={**result.environment, **record},
        warnings=(*result.warnings, *advice.on_machine(record, how.threads)),
        interrupted=result.interrupted or interrupted,
    )


def _outcomes(
    pairs: Mapping[Pair, Alternative],
    targets: Sequence[Target],
    how: Measuring,
    record: dict[str, Scalar],
    clock: Clock,
    progress: Progress | None,
) -> Iterator[tuple[Pair, Gain | str]]:
    """Time the pairs one after the other; what was timed on is added to the ``record``."""
    start = clock.now()
    for number, (pair, alternative) in enumerate(pairs.items()):
        if clock.now() - start >= how.total_s:
            yield pair, f"the {how.total_s:g} s for measuring were spent on costlier findings"
            continue
        try:
            found = time_subjects(
                [_subject(alternative.before, how.seed), _subject(alternative.after, how.seed)],
                targets,
                rules=Rules(how.pair_s, how.precision, single_calls=0, seed=how.seed),
                clock=clock,
                machine=record,
                progress=_share(progress, number, len(pairs)),
            )
        except (InputError, BackendError) as error:
            yield pair, str(error)
            continue
        record.update(found.environment)
        yield pair, _outcome(found, how)
        if found.interrupted:
            raise KeyboardInterrupt


def _pairs(result: AuditResult) -> dict[Pair, Alternative]:
    """What is to be timed, that of the costliest finding first."""
    findings = [finding for model in result.models for finding in model.findings]
    found: dict[Pair, Alternative] = {}
    for finding in sorted(findings, key=lambda finding: -finding.cost):
        if finding.alternative is not None:
            found.setdefault(_pair(finding.alternative), finding.alternative)
    return found


def _pair(alternative: Alternative) -> Pair:
    before, after = alternative.before, alternative.after
    return python(before), tuple(before.input_shape), python(after), tuple(after.input_shape)


def _subject(form: Form, seed: int) -> Subject:
    return Subject(python(form), forms.build(form, seed), (TensorSpec(tuple(form.input_shape), "float32"),))


def _share(progress: Progress | None, number: int, pairs: int) -> Progress | None:
    """Progress of one pair as a share of that of all; it stays where it is while timing follows upon loading."""
    if progress is None:
        return None
    furthest = 0.0

    def shown(what: str, share: float) -> None:
        nonlocal furthest
        furthest = max(furthest, share)
        progress(f"{what.partition(' ')[0]} alternative {number + 1} of {pairs}", (number + furthest) / pairs)

    return shown


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


def _completed(finding: Finding, outcomes: Mapping[Pair, Gain | str]) -> Finding:
    if finding.alternative is None:
        return finding
    outcome = outcomes[_pair(finding.alternative)]
    gain, unmeasured = (None, outcome) if isinstance(outcome, str) else (outcome, "")
    return replace(finding, alternative=replace(finding.alternative, gain=gain, unmeasured=unmeasured))
