"""Runs: one comparison, or those of several machines, with the networks and settings that they share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import TypeVar

from lwprof.reports import phrases
from lwprof.reports.contents import Cell
from lwprof.results.latency import ComparedModel, CompareResult, Counted, Timing, Untimed

Measured = Timing | Counted
Outcome = Measured | Untimed
M = TypeVar("M", Timing, Counted)
Place = tuple[int, int]
"""Of a run, and of a network in it."""


@dataclass(frozen=True, slots=True)
class Run:
    """One comparison: ratios are formed within it, never between two."""

    label: str
    """Tells it from the others; empty where it is the only one."""
    result: CompareResult
    names: tuple[str, ...]
    """Of its networks, as the table calls them."""

    @property
    def timings(self) -> list[Timing]:
        """All of them, network by network."""
        return [timing for model in self.result.models for timing in model.timings]

    @property
    def counts(self) -> list[Counted]:
        """All counts of instructions, network by network."""
        return [count for model in self.result.models for count in model.counts]

    def said(self, text: str) -> str:
        """Say something of this run only."""
        return f"{self.label}: {text}" if self.label else text

    def outcomes(self, model: ComparedModel) -> list[Outcome]:
        """What came of one of its networks, in the order of the settings; those that measured nothing are left out."""
        settings = self.result.measured_on
        found: tuple[Outcome, ...] = (*model.measured, *model.untimed)
        return sorted(
            (item for item in found if item.timed_on in settings), key=lambda item: settings.index(item.timed_on)
        )

    def first(self, setting: str) -> int:
        """Place of the network that the others on ``setting`` are relative to."""
        models = enumerate(self.result.models)
        return next(place for place, model in models if any(item.timed_on == setting for item in model.measured))


@dataclass(frozen=True, slots=True)
class Network:
    """A network, and where it is found in each run that has it."""

    name: str
    members: tuple[tuple[Run, int], ...]

    @property
    def model(self) -> ComparedModel:
        """It as the first of these runs has it: its structure is the same in all."""
        run, place = self.members[0]
        return run.result.models[place]

    def outcomes(self) -> Iterator[tuple[Run, int, Outcome | None]]:
        """What came of it, run by run, with its place there; ``None`` for a run without any."""
        for run, place in self.members:
            for outcome in run.outcomes(run.result.models[place]) or (None,):
                yield run, place, outcome


def names_once(networks: Sequence[Network], kind: type[M]) -> Iterator[tuple[Cell, Cell, M]]:
    """Every outcome of a kind, with what its row says of network and file: each once, in the first row of them."""
    for network in networks:
        earlier: Run | None = None
        for run, _, outcome in network.outcomes():
            if isinstance(outcome, kind):
                name = Cell("") if earlier else phrases.breakable(network.name)
                yield name, Cell("") if run is earlier else phrases.breakable(run.label), outcome
                earlier = run


def of_one(result: CompareResult) -> tuple[list[Run], list[Network]]:
    """The only run, and its networks."""
    names = phrases.labels([(model.model.name, model.model.spec) for model in result.models])
    run = Run("", result, tuple(names))
    return [run], [Network(name, ((run, place),)) for place, name in enumerate(names)]


def of_several(named: Sequence[tuple[str, CompareResult]]) -> tuple[list[Run], list[Network]]:
    """Runs with the names of their files, and their networks: those that are the same put together."""
    found: dict[tuple[str, str, tuple[object, ...], int], list[Place]] = {}
    for number, (_, result) in enumerate(named):
        for place, model in enumerate(result.models):
            copies = [_identity(other) for other in result.models[:place]].count(_identity(model))
            found.setdefault((*_identity(model), copies), []).append((number, place))
    files = labels([name for name, _ in named])
    known = [(spec, copy) for _, spec, _, copy in found]
    calls: dict[Place, str] = {}
    for key, name, members in zip(known, phrases.labels([key[:2] for key in found]), found.values(), strict=True):
        if known.count(key) > 1:
            name = f"{phrases.numbered(key[0], key[1] + 1)} ({files[members[0][0]]})"
        calls |= dict.fromkeys(members, name)
    runs = [
        Run(file, result, tuple(calls[number, place] for place in range(len(result.models))))
        for number, (file, (_, result)) in enumerate(zip(files, named, strict=True))
    ]
    networks = [
        Network(calls[members[0]], tuple((runs[number], place) for number, place in members))
        for members in found.values()
    ]
    return runs, networks


def structure(model: ComparedModel) -> tuple[object, ...]:
    """What a comparison says of a network without timing it: two of one name may differ in it."""
    totals, blocks = model.totals, model.fragmentation
    access = totals.memory_access
    return (
        model.model.inputs, totals.params, totals.mult_adds, totals.additions, access.paper_elements,
        access.eager_elements, access.fused_elements, totals.peak_activation_bytes,
        blocks.mean_fragments, blocks.max_branches,
    )  # fmt: skip


def _identity(model: ComparedModel) -> tuple[str, str, tuple[object, ...]]:
    return model.model.name, model.model.spec, structure(model)


def labels(files: Sequence[str]) -> list[str]:
    """Call files by their names without the ending, with as much of their folders as tells them apart.

    >>> labels(["out/laptop.json", "a/x.json", "b/x.json", "b/x.json"])
    ['laptop', 'a/x', 'b/x', 'b/x (2)']
    """
    paths = {file: PurePath(file).with_suffix("").parts for file in files}
    found = {file: next(_apart(file, paths), file) for file in paths}
    return [phrases.numbered(found[file], files[:place].count(file) + 1) for place, file in enumerate(files)]


def _apart(file: str, paths: Mapping[str, tuple[str, ...]]) -> Iterator[str]:
    """Ends of a path that no other one has, the shortest first."""
    parts = paths[file]
    for length in range(1, len(parts) + 1):
        if [other[-length:] for other in paths.values()].count(parts[-length:]) == 1:
            yield "/".join(parts[-length:])
