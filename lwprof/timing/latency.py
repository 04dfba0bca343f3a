"""Latency of networks: prepared on one backend, sampled together, summed up one by one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lwprof.errors import BackendError, InputError, first_line, missing_memory
from lwprof.results import Scalar, TensorSpec, Timing
from lwprof.timing import advice
from lwprof.timing.backends import Inputs, Options, Session, find
from lwprof.timing.blocks import Contender
from lwprof.timing.clock import Clock, performance_clock
from lwprof.timing.environment import environment
from lwprof.timing.sampling import Measurement, Progress, Rules, Series, measure
from lwprof.timing.statistics import median_interval, quantile

FLOATS = ("float32", "float16", "bfloat16", "float64")


@dataclass(frozen=True, slots=True)
class Subject:
    """A network to time."""

    label: str
    module: Any
    inputs: tuple[TensorSpec, ...]
    values: Inputs | None = None
    """The caller's own inputs, instead of random ones."""
    build_s: float = 0.0

    @property
    def batch(self) -> int:
        """First dimension of the first input."""
        return self.inputs[0].shape[0] if self.inputs and self.inputs[0].shape else 1

    @property
    def dtype(self) -> str:
        """Dtype of the first input with fractions, else of the first input."""
        dtypes = [spec.dtype for spec in self.inputs]
        return next((dtype for dtype in dtypes if dtype in FLOATS), dtypes[0] if dtypes else "float32")


@dataclass(frozen=True, slots=True)
class Latencies:
    """One timing a subject; none at all where Ctrl-C came before the first round ended."""

    timings: tuple[Timing, ...]
    environment: dict[str, Scalar]
    interrupted: bool
    failure: str = ""
    """What a network raised while it was timed; the rounds before are kept."""


def time_subjects(
    subjects: Sequence[Subject],
    *,
    backend: str = "torch",
    options: Options | None = None,
    rules: Rules | None = None,
    clock: Clock | None = None,
    machine: Mapping[str, Scalar] | None = None,
    progress: Progress | None = None,
) -> Latencies:
    """Time networks in interleaved rounds on one backend.

    Args:
        subjects: what to time, in the order of the results.
        backend: name of the runtime.
        options: how it runs.
        rules: when to stop.
        clock: what to read the time from.
        machine: the environment as it was before anything else ran, for the warnings.
        progress: called after every round.

    Raises:
        InputError: the backend is unknown, or a network or its inputs are too large for the memory.
        BackendError: the backend or device is not available, or cannot load a network.
    """
    options, rules, clock = options or Options(), rules or Rules(), clock or performance_clock()
    runtime = find(backend, options)
    record = dict(environment() if machine is None else machine)
    record |= {**runtime.versions(), "backend": backend, "device": options.device}
    record |= {"threads": options.threads, "seed": options.seed}
    try:
        with runtime.session(options) as session:
            loaded = [_load(session, subject, backend, clock) for subject in subjects]
            measurement = measure([contender for contender, _ in loaded], rules, clock, progress)
    except KeyboardInterrupt:
        return Latencies((), record, interrupted=True)
    warnings = advice.on_machine(record, options.threads)
    timings = tuple(
        _timing(subject, series, measurement, rules, backend, options, load_s, warnings)
        for subject, series, (_, load_s) in zip(subjects, measurement.series, loaded, strict=True)
        if series.samples_s
    )
    return Latencies(timings, record, measurement.stopped == "interrupted", measurement.failure)


def _load(session: Session, subject: Subject, backend: str, clock: Clock) -> tuple[Contender, float]:
    """Prepare a network; what runs it, and the seconds that it took to build and prepare."""
    start = clock.now()
    try:
        run = session.prepare(subject.module, subject.inputs, subject.values)
    except Exception as error:
        if wanted := missing_memory(error):
            raise InputError(
                f"{subject.label} or its input is too large for this machine's memory ({wanted})"
            ) from error
        raise BackendError(f"{backend} cannot load {subject.label}: {first_line(error)}") from error
    return Contender(subject.label, run), subject.build_s + clock.now() - start


def _timing(
    subject: Subject,
    series: Series,
    measurement: Measurement,
    rules: Rules,
    backend: str,
    options: Options,
    load_s: float,
    warnings: Sequence[str],
) -> Timing:
    """Sum up what was measured of one network."""
    middle = median_interval(series.samples_s, rules.seed)
    singles = series.single_calls_s
    return Timing(
        backend=backend,
        device=options.device,
        threads=options.threads,
        batch=subject.batch,
        dtype=subject.dtype,
        median_s=middle.median,
        ci95_s=(middle.low, middle.high),
        p90_s=quantile(singles, 0.9) if singles and len(singles) >= rules.single_calls else None,
        samples_s=series.samples_s,
        warnings=(*warnings, *advice.on_series(series, measurement, rules)),
        load_s=load_s,
        first_call_s=series.first_call_s,
        calls_per_sample=series.calls_per_sample,
        single_calls_s=singles,
        stopped=measurement.stopped,
    )
