"""Observation: the time of single layers, in calls that alternate with calls that nobody looks into."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack

from lwprof.errors import BackendError, InputError
from lwprof.results.document import Scalar
from lwprof.results.latency import Counted, Relative, Timing, Untimed
from lwprof.results.layer_times import LayerTimes
from lwprof.timing import advice, pinning
from lwprof.timing.backends import BACKENDS
from lwprof.timing.contract import Loaded, Observed, ObservedCall
from lwprof.timing.environment import environment
from lwprof.timing.layer_summary import layer_times
from lwprof.timing.portable.blocks import Bench, Contender, Round
from lwprof.timing.portable.clock import Clock, performance_clock
from lwprof.timing.portable.cores import spelled
from lwprof.timing.preparation import Place, Preparation, Ready, Subject
from lwprof.timing.sampling import Measurement, Progress, Rules, sample
from lwprof.timing.summary import recorded, timing_of
from lwprof.timing.targets import Target
from lwprof.timing.verdicts import paired

MARGIN = 0.01
"""Within which the cost of looking is called indistinguishable from none."""


def observe_layers(
    subject: Subject,
    target: Target,
    kinds: Mapping[str, str],
    order: Sequence[str],
    *,
    rules: Rules | None = None,
    clock: Clock | None = None,
    machine: Mapping[str, Scalar] | None = None,
    progress: Progress | None = None,
) -> LayerTimes:
    """Time a network's layers on a target, in rounds of unobserved and observed calls.

    Ctrl-C ends it; what the rounds that were complete by then showed is returned.

    Args:
        subject: the network.
        target: what to time it on.
        kinds: kind of each layer that computes, by its qualified name, the costliest first; modules that run together
            have the kind of that of them which comes first. Time of modules that are not named here is unattributed.
        order: the layers' names in the network's order.
        rules: when to stop.
        clock: what to read the time from.
        machine: the environment as it was before anything else ran, for the warnings.
        progress: called with what is going on and the share of it that is done.

    Raises:
        BackendError: the target cannot run the network, or does not tell its layers apart.
        InputError: torch cannot run the network.
        KeyboardInterrupt: before the first round was complete.
    """
    check_observable(target)
    rules, clock = rules or Rules(), clock or performance_clock()
    record = dict(environment() if machine is None else machine) | recorded([target])
    cores = pinning.found_here([target.options])
    if cores:
        record["chosen_cores"] = spelled(cores)
    with pinning.pinned(cores) as affinity, ExitStack() as stack:
        ready = _ready(subject, target, clock, progress, stack)
        loaded = ready.loaded
        if loaded.observe is None:
            raise _indistinct(target)
        observed = loaded.observe(clock)
        stack.callback(observed.close)
        affinity.pin()  # once more: runtimes may have placed the threads that they made
        bench = ObservedBench(subject.label, loaded, observed, clock)
        measurement = sample(bench, rules, clock, progress)
        strays = affinity.strays()
        failures = [series.failure for series in measurement.series if series.failure]
        if failures:
            raise (InputError if target.is_reference and measurement.series[0].failure else BackendError)(failures[0])
        if not measurement.series[0].samples_s:
            raise KeyboardInterrupt
        rounds = bench.counted(observed.calls(), len(measurement.series[0].samples_s))
    if not rounds:
        raise BackendError(f"{target.setting} kept no times of the layers of {subject.label}")
    warnings = [*advice.on_machine(record, target.options.threads), *advice.on_strays(strays)]
    timing = timing_of(subject, target, ready, measurement.series[0], measurement, rules, warnings, spelled(cores))
    cost = _cost(measurement, target, subject.label, rules)
    return layer_times(rounds, timing, cost, kinds, order, record, rules.seed)


def check_observable(target: Target) -> None:
    """Refuse a target that does not tell layers apart.

    Raises:
        BackendError: the message names the backends that do.
    """
    if target.unusable is not None:
        raise BackendError(target.unusable)
    if target.is_counted:
        raise BackendError(f"instructions are counted on {target.device.name}, not times of layers; {_advice()}")
    if not target.backend.observes(target.device.kind):
        raise _indistinct(target)


def _indistinct(target: Target) -> BackendError:
    return BackendError(f"{target.setting} does not tell the times of layers apart; {_advice()}")


def _advice() -> str:
    names = [backend.name for backend in BACKENDS if backend.observes("cpu")]
    return f"on device cpu, {' and '.join(names)} {'do' if names[1:] else 'does'}"


def _ready(subject: Subject, target: Target, clock: Clock, progress: Progress | None, stack: ExitStack) -> Ready:
    """Prepare the network; it is let go of when ``stack`` ends.

    Raises:
        BackendError: the target cannot run it.
        InputError: torch cannot run it.
    """
    outcomes: dict[Place, Timing | Counted | Untimed] = {}
    preparation = Preparation([subject], [target], outcomes, clock, progress)
    for ready in preparation.ready(stack):
        return ready
    for outcome in outcomes.values():
        if isinstance(outcome, Untimed):
            raise BackendError(outcome.reason)
    raise InputError(preparation.failure)


class ObservedBench(Bench):
    """A network as it is, and the same network looked into; it knows the rounds of the observed calls."""

    def __init__(self, label: str, loaded: Loaded, observed: Observed, clock: Clock) -> None:
        self._made = 0
        self._ends: list[int] = []
        """How many observed calls had been made by the end of each round."""

        def run() -> object:
            result = observed.run()
            self._made += 1
            return result

        super().__init__(
            [
                Contender(label, loaded.run, _both(loaded.before, observed.rest), loaded.events_s),
                Contender(f"{label}, observed,", run, _both(loaded.before, observed.before)),
            ],
            clock,
        )

    def rounds(self, order: Callable[[], Sequence[int]]) -> list[Round]:
        """Run one round."""
        found = super().rounds(order)
        self._ends.append(self._made)
        return found

    def counted(self, calls: Sequence[ObservedCall], rounds: int) -> list[Sequence[ObservedCall]]:
        """The observed calls of each of the last rounds; a round of which one was not kept is left out."""
        each = self.tracks[1].calls
        return [calls[end - each : end] for end in self._ends[-rounds:] if end <= len(calls)]


def _both(first: Callable[[], object] | None, second: Callable[[], object]) -> Callable[[], object]:
    if first is None:
        return second
    before = first

    def both() -> None:
        before()
        second()

    return both


def _cost(measurement: Measurement, target: Target, label: str, rules: Rules) -> Relative:
    """What looking costs."""
    plain, looked = (series.samples_s for series in measurement.series)
    ratio, verdict = paired(looked, plain, MARGIN, rules.seed)
    return Relative(target.backend.name, label, ratio.median, (ratio.low, ratio.high), verdict, target.setting)
