"""Latency of networks: loaded on backends, held against torch, sampled together, summed up one by one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace

from lwprof.errors import BackendError
from lwprof.results.document import Scalar
from lwprof.results.latency import Counted, Timing, Untimed
from lwprof.timing import advice, cuda, pinning
from lwprof.timing.environment import environment
from lwprof.timing.portable.blocks import Bench, Contender
from lwprof.timing.portable.clock import Clock, performance_clock
from lwprof.timing.portable.cores import spelled
from lwprof.timing.preparation import Place, Preparation, Ready, Subject
from lwprof.timing.sampling import AnyBench, Measurement, Progress, Rules, Series, sample
from lwprof.timing.summary import recorded, timing_of, uses_gpu
from lwprof.timing.targets import Target, find_targets

__all__ = ["Latencies", "Subject", "time_subjects"]


Outcome = Timing | Counted | Untimed


@dataclass(frozen=True, slots=True)
class Latencies:
    """What came of every network on every target: none at all where Ctrl-C came before the first round ended."""

    outcomes: tuple[tuple[Outcome, ...], ...]
    """One row a network, one column a target; a row lacks what was not reached."""
    environment: dict[str, Scalar]
    interrupted: bool
    failure: str = ""
    """Why torch cannot run the first network of those that it cannot run."""
    boards: Mapping[str, Mapping[str, Scalar]] = field(default_factory=dict)
    """What is known of each board, by the name of its device."""

    @property
    def timings(self) -> tuple[Timing, ...]:
        """All timings, network by network."""
        return tuple(item for row in self.outcomes for item in row if isinstance(item, Timing))

    @property
    def counts(self) -> tuple[Counted, ...]:
        """All counts of instructions, network by network."""
        return tuple(item for row in self.outcomes for item in row if isinstance(item, Counted))

    @property
    def untimed(self) -> tuple[Untimed, ...]:
        """All that could not be timed, network by network."""
        return tuple(item for row in self.outcomes for item in row if isinstance(item, Untimed))


def time_subjects(
    subjects: Sequence[Subject],
    targets: Sequence[Target] = (),
    *,
    rules: Rules | None = None,
    clock: Clock | None = None,
    machine: Mapping[str, Scalar] | None = None,
    progress: Progress | None = None,
    together: bool = False,
) -> Latencies:
    """Time networks on targets, all in the same interleaved rounds.

    What a target cannot load, or computes otherwise than torch does, is not timed there; the rest is.

    Args:
        subjects: what to time, in the order of the results.
        targets: what to time them on, as :func:`lwprof.timing.targets.find_targets` combines them; by default torch.
        rules: when to stop.
        clock: what to read the time from.
        machine: the environment as it was before anything else ran, for the warnings.
        progress: called with what is going on and the share of it that is done.
        together: whether instructions are counted in one emulated process for all networks, which is quicker where
            they are small, and less exact.
    """
    targets = targets or find_targets(["torch"])
    rules, clock = rules or Rules(), clock or performance_clock()
    record = dict(environment() if machine is None else machine) | recorded(targets)
    cores = pinning.found_here([target.options for target in targets])
    if cores:
        record["chosen_cores"] = spelled(cores)
    outcomes: dict[Place, Outcome] = {}
    measured: list[tuple[Ready, Series, Measurement]] = []
    preparation = Preparation(subjects, targets, outcomes, clock, progress, together=together)
    on_gpu, interrupted = any(uses_gpu(target) for target in targets), False
    gpu_warnings: list[str] = []
    strays = 0
    try:
        with pinning.pinned(cores) as affinity, ExitStack() as stack:
            timed: list[Ready] = []
            for item in preparation.ready(stack):
                if item.loaded.count is None:
                    timed.append(item)
                    continue
                outcomes[item.place] = _counted(subjects[item.place[0]], targets[item.place[1]], item)
                item.loaded.close()
            affinity.pin()  # once more: runtimes may have placed the threads that they made
            before = cuda.reading() if on_gpu else None
            for items in _by_board(timed):
                share = replace(rules, budget_s=rules.budget_s * len(items) / len(timed))
                labels = [subjects[item.place[0]].label for item in items]
                measurement = sample(_bench(items, labels, clock), share, clock, progress)
                measured += [(item, series, measurement)
                             for item, series in zip(items, measurement.series, strict=True)]  # fmt: skip
                if measurement.stopped == "interrupted":
                    interrupted = True
                    break
                if (board := items[0].loaded.board) is not None:
                    board.refresh()
            strays = affinity.strays()
            gpu_warnings = advice.on_gpu(before, cuda.reading()) if on_gpu and timed else []
    except KeyboardInterrupt:
        interrupted = True
    warnings = [*advice.on_machine(record, targets[0].options.threads), *advice.on_strays(strays)]
    failure = preparation.failure
    for item, series, measurement in measured:
        subject, target = subjects[item.place[0]], targets[item.place[1]]
        if series.failure:
            outcomes[item.place] = target.untimed(series.failure)
            failure = failure or (series.failure if target.is_reference else "")
        elif series.samples_s:
            board = item.loaded.board
            told = [*warnings, *gpu_warnings] if uses_gpu(target) else warnings
            told = told if board is None else advice.on_board(board.record, target.options.threads)
            on = spelled(cores) if board is None else board.cores
            outcomes[item.place] = timing_of(subject, target, item, series, measurement, rules, told, on)
    boards = {board.name: board.record for item, _, _ in measured if (board := item.loaded.board) is not None}
    return Latencies(_rows(outcomes, len(subjects)), record, interrupted, failure, boards)


def _by_board(ready: Sequence[Ready]) -> list[list[Ready]]:
    """Those that run on this machine, and those of each board: each are timed in rounds of their own."""
    found: dict[int, list[Ready]] = {}
    for item in ready:
        found.setdefault(id(item.loaded.board), []).append(item)
    return list(found.values())


def _bench(items: Sequence[Ready], labels: Sequence[str], clock: Clock) -> AnyBench:
    board = items[0].loaded.board
    if board is not None:
        return board.bench([item.loaded for item in items], labels)
    found = [
        Contender(label, item.loaded.run, item.loaded.before, item.loaded.events_s)
        for label, item in zip(labels, items, strict=True)
    ]
    return Bench(found, clock)


def _counted(subject: Subject, target: Target, ready: Ready) -> Counted | Untimed:
    """Count what a network executes."""
    count, files = ready.loaded.count, ready.converted
    assert count is not None
    try:
        instructions = count()
    except BackendError as error:
        return target.untimed(str(error))
    return Counted(
        backend=target.backend.name,
        device=target.options.device,
        core=target.device.core,
        runtime=ready.loaded.runtime,
        batch=subject.batch,
        dtype=target.options.dtype or subject.dtype,
        instructions=instructions,
        setting=target.setting,
        warnings=ready.warnings,
        size_bytes=files.size_bytes if files else None,
        difference=ready.difference,
    )


def _rows(outcomes: Mapping[Place, Outcome], subjects: int) -> tuple[tuple[Outcome, ...], ...]:
    return tuple(
        tuple(outcomes[place] for place in sorted(outcomes) if place[0] == number) for number in range(subjects)
    )
