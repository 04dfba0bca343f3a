"""Measuring: the networks of a plan, counted, and timed in interleaved rounds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from lwprof.experiments.plans import Column, Entry, Plan
from lwprof.experiments.tables import IMAGE
from lwprof.models import Network, prepare
from lwprof.profiling import profile_network
from lwprof.results.document import Scalar
from lwprof.results.latency import Timing, Untimed
from lwprof.results.structure import Totals
from lwprof.timing.latency import Latencies, Subject, time_subjects
from lwprof.timing.portable.clock import Clock
from lwprof.timing.sampling import Progress, Rules, part
from lwprof.timing.targets import Target

Place = tuple[str, int]
"""A column, and a row of it."""


@dataclass(slots=True)
class Measured:
    """What is known by now."""

    totals: dict[Place, Totals] = field(default_factory=dict)
    timings: dict[Place, Timing] = field(default_factory=dict)
    untimed: list[Untimed] = field(default_factory=list)
    environment: dict[str, Scalar] = field(default_factory=dict)
    boards: dict[str, Mapping[str, Scalar]] = field(default_factory=dict)
    interrupted: bool = False


def measure(
    plan: Plan,
    columns: Sequence[Column],
    target: Target,
    rules: Rules,
    batch: int,
    environment: Mapping[str, Scalar],
    progress: Progress | None,
    clock: Clock | None,
) -> Measured:
    """Count all networks, then time them: column by column, or all together where the plan says so.

    Ctrl-C ends it early; what is known by then is returned.

    Args:
        plan: what to measure.
        columns: those of its columns that are wanted.
        target: what to time on.
        rules: when to stop; the budget is that of all of it.
        batch: images in one call.
        environment: the machine's, as it was before anything ran.
        progress: called with what is going on and the share of it that is done.
        clock: read instead of the machine's own.
    """
    found = Measured(environment=dict(environment))
    groups = [list(columns)] if plan.together else [[column] for column in columns]
    rules = replace(rules, budget_s=rules.budget_s / len(groups))
    try:
        for number, group in enumerate(groups):
            networks = dict(_networks(group, rules.seed, batch))
            for place, network in networks.items():
                found.totals[place] = profile_network(network).totals
            subjects = [network.subject() for network in networks.values()]
            latencies = time_subjects(
                subjects, [target], rules=rules, clock=clock, machine=environment,
                progress=part(progress, number, len(groups)),
            )  # fmt: skip
            _take(found, list(networks), subjects, latencies, target)
            if found.interrupted:
                break
    except KeyboardInterrupt:
        if not found.timings:
            raise
        found.interrupted = True
    return found


def _networks(columns: Sequence[Column], seed: int, batch: int) -> Iterator[tuple[Place, Network]]:
    for column in columns:
        for row, entry in enumerate(column.entries):
            yield (column.name, row), replace(_network(entry, seed, batch), name=label(column, entry))


def label(column: Column, entry: Entry) -> str:
    """Name a network in messages."""
    return entry.setting if entry.spec else f"{column.name} {entry.setting}"


def _network(entry: Entry, seed: int, batch: int) -> Network:
    if entry.make is None:
        return prepare(entry.spec, batch=batch)
    return prepare(entry.make(seed), input_size=(entry.channels, IMAGE, IMAGE), batch=batch)


def _take(
    found: Measured, places: Sequence[Place], subjects: Sequence[Subject], latencies: Latencies, target: Target
) -> None:
    found.environment = latencies.environment
    found.boards.update(latencies.boards)
    found.interrupted = latencies.interrupted
    for place, subject, outcomes in zip(places, subjects, latencies.outcomes, strict=True):
        outcome = next(iter(outcomes), None)
        if isinstance(outcome, Timing):
            found.timings[place] = outcome
        elif isinstance(outcome, Untimed):
            named = outcome.reason if subject.label in outcome.reason else f"{subject.label}: {outcome.reason}"
            found.untimed.append(replace(outcome, reason=named))
        elif latencies.failure and not latencies.interrupted:  # torch itself could not run it
            reason = latencies.failure if subject.label in latencies.failure else f"{subject.label} could not be run"
            found.untimed.append(target.untimed(reason))
