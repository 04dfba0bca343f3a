"""What is to be said under the table of a comparison."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from lwprof import units
from lwprof.reports import compare_instructions, compare_troubles, phrases
from lwprof.reports.contents import Note
from lwprof.reports.runs import Network, Run
from lwprof.reports.timed_settings import Settings
from lwprof.results.document import Scalar
from lwprof.results.latency import EMULATED
from lwprof.results.roofline import MEMORY

PASSING = {"load_1min", "seed", "budget_s", "backend"}
"""What may differ between two runs without anything to be said."""
BETTER = {
    "latency": "is shown to be as accurate and faster, or more accurate and no slower",
    "instructions": "is as accurate with fewer, or more accurate with no more",
    "mult-adds": "is shown to be as accurate and lighter, or more accurate and no heavier",
}
"""What puts a network behind the front, by cost."""


def notes(runs: Sequence[Run], networks: Sequence[Network], settings: Settings, view: str) -> Iterator[Note]:
    """Say what went wrong first, then what the columns mean, then what was left out and where it ran."""
    for run in runs:
        yield from _ended(run)
    yield from _apart(networks)
    for network in networks:
        if network.model.coverage.unknown:
            yield Note(f"{network.name}: {phrases.no_rule(network.model.coverage)}", "bad")
    for run in runs:
        yield from compare_troubles.untimed(run)
        yield from compare_troubles.warnings(run, settings)
    yield Note(
        "FLOPs (mult-adds): multiply-accumulates; MAC (memory access): elements read plus written, "
        f"{view} view; peak activation: most bytes of activations alive at once, run operator by operator"
    )
    added = [
        f"{network.name} {units.count(network.model.totals.additions)}"
        for network in networks
        if network.model.totals.additions
    ]
    if added:
        yield Note(f"† and additions, which are no mult-adds: {', '.join(added)}")
    same = {phrases.inputs(network.model.model) for network in networks}
    if len(same) == 1:
        yield Note(f"input: {same.pop()}")
    yield from _latency(runs, settings)
    yield from compare_instructions.notes(runs, settings)
    if not settings.timings:
        yield from _difference(settings)
    yield from _accuracy(runs, networks, settings)
    blockless = [network.name for network in networks if network.model.fragmentation.mean_fragments is None]
    if blockless:
        yield Note(f"no building blocks found, so no fragmentation: {', '.join(blockless)}")
    yield from _environments(runs, bool(settings.measured))


def _ended(run: Run) -> Iterator[Note]:
    if run.result.failure and run.result.failure not in {item.reason for _, item in run.result.untimed()}:
        yield Note(run.said(run.result.failure), "bad")
    if run.result.interrupted:
        any_of = run.timings or run.counts
        measured = "this is what had been measured by then" if any_of else "nothing had been measured yet"
        yield Note(run.said(f"interrupted: {measured}"), "bad")


def _apart(networks: Sequence[Network]) -> Iterator[Note]:
    """Name networks that are not the same in all runs."""
    places: dict[str, list[Network]] = {}
    for network in networks:
        places.setdefault(network.model.model.spec, []).append(network)
    for spec, found in places.items():
        files = [[run.label for run, _ in network.members] for network in found]
        if any(not set(files[0]) >= set(labels) for labels in files):
            told = " and in ".join(", ".join(dict.fromkeys(labels)) for labels in files)
            yield Note(f"{spec} has not the same structure or input in {told}, so it is shown apart", "warning")


def _latency(runs: Sequence[Run], settings: Settings) -> Iterator[Note]:
    if not settings.timings:
        counted = "instructions were counted, and " if settings.counts else ""
        yield Note(f"no latency: {counted}nothing was timed")
        return
    first = next(run.names[run.first(run.timings[0].timed_on)] for run in runs if run.timings)
    same = f"{first} on the same setting" if settings.timed.several else first
    if len(runs) > 1:
        same = "the first network of the same file" + (" and setting" if settings.timed.several else "")
    models = [model for run in runs for model in run.result.models]
    across = any(model.across for model in models)
    bases = [same] if not across or any(model.relative for model in models) else []
    apart = across and any(run.result.boards for run in runs)
    bases += [f"the same network on the first setting{' of the same machine' * apart}"] if across else []
    yield Note(
        "latency: median of one call ± its 95 % interval; relative: paired round by round with "
        f"{', or with '.join(bases)}, above 1 is slower"
    )
    if any(timing.floor_s for timing in settings.timings):
        memory = any(timing.bound == MEMORY for timing in settings.timings)
        yield Note(
            "× floor: latency in times of what this machine's ceilings allow, the longer of computing every mult-add "
            "and of moving every byte of the fused view"
            f"{', which is named where it is memory' * memory} (lwprof roofline)"
        )
    yield from _difference(settings)
    if shared := settings.timed.shared():
        yield Note(f"timed {shared}")
    for run in runs:
        if not run.timings:
            yield Note(run.said("no latency: nothing was timed"))


def _difference(settings: Settings) -> Iterator[Note]:
    if any(item.difference is not None for item in settings.measured):
        yield Note("difference from torch: the largest of an output on two inputs, as a share of its range")


def _accuracy(runs: Sequence[Run], networks: Sequence[Network], settings: Settings) -> Iterator[Note]:
    yield from _front(runs, networks, settings)
    figures = {
        network.name: network.model.published
        for network in networks
        if network.model.published and network.model.published.top1 is not None
    }
    sources = {name: item.source for name, item in figures.items() if item.source}
    if sources:
        yield Note(f"published top-1: {'; '.join(f'{name}: {source}' for name, source in sources.items())}", "quiet")
    bare = [network.name for network in networks if network.name not in figures]
    if bare:
        yield Note(f"no published top-1, so not placed on the Pareto front: {', '.join(bare)}")
    apart = [name for name in sources if figures[name].dataset != figures[next(iter(sources))].dataset]
    if apart:
        yield Note(f"top-1 on another data set, so not placed on the Pareto front: {', '.join(apart)}")


def _front(runs: Sequence[Run], networks: Sequence[Network], settings: Settings) -> Iterator[Note]:
    """What the star means: on a cost of its own for runs that were timed, for those that were counted, and others."""
    costs: dict[str, list[Run]] = {}
    for run in runs:
        if any(model.pareto for model in run.result.models):
            cost = "latency" if run.timings else "instructions" if run.counts else "mult-adds"
            costs.setdefault(cost, []).append(run)
    for cost, placed in costs.items():
        on = {run.result.pareto_on for run in placed}
        setting = (f" on {on.pop()}" if len(on) == 1 else " on a file's first setting") if settings.several else ""
        here = "of its file" if len(runs) > 1 else "here"
        additions = cost == "mult-adds" and any(network.model.totals.additions for network in networks)
        files = f"{', '.join(run.label for run in placed)}: " if len(costs) > 1 else ""
        yield Note(
            f"{files}★ on the Pareto front of published top-1 and {cost}{setting if cost != 'mult-adds' else ''}: "
            f"no other network {here} {BETTER[cost]}{'; additions are left out' if additions else ''}"
        )


def _environments(runs: Sequence[Run], measured: bool) -> Iterator[Note]:
    """Where each run was made, and in what that matters the runs differ: for counts nothing of the machine does."""
    facts = [_of_latencies(run.result.environment) for run in runs if run.timings or not run.counts]
    differing = [key for key in dict.fromkeys(key for fact in facts for key in fact) if _differs(key, facts)]
    said = {"backend", "device", "threads"}.difference(differing) if measured else set()
    if differing:
        names = ", ".join(key.replace("_", " ") for key in differing)
        yield Note(f"the files differ in {names}: their latencies are of different machines or set-ups", "warning")
    for run in runs:
        if text := phrases.environment(run.result.environment, said):
            yield Note(f"environment{f' of {run.label}' if run.label else ''}: {text}", "quiet")
        for board, known in run.result.boards.items():
            if text := phrases.environment(known):
                yield Note(run.said(f"board {board}: {text}"), "quiet")


def _of_latencies(facts: Mapping[str, Scalar]) -> dict[str, Scalar]:
    """An environment without the devices that no latency is of."""
    timed = [name for name in str(facts.get("device") or "").split(", ") if name and not name.startswith(EMULATED)]
    return {**facts, "device": ", ".join(timed) or None}


def _differs(key: str, facts: Iterable[Mapping[str, Scalar]]) -> bool:
    """Whether runs that say something of it say different things."""
    values = {fact[key] for fact in facts if fact.get(key) is not None}
    return key not in PASSING and len(values) > 1
