"""Comparison: several networks side by side, their costs, their latency, and which are worth a look."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from os import PathLike
from typing import NamedTuple, TypeVar

from torch import nn

from lwprof import analyses, collector
from lwprof.errors import BackendError, InputError, check_positive, check_share
from lwprof.inputs import Inputs
from lwprof.models import Network, several
from lwprof.pareto import front_of_networks
from lwprof.profiling import InputSize, examine_network
from lwprof.results.document import Scalar
from lwprof.results.latency import ComparedModel, CompareResult, Counted, Relative, Timing, Untimed
from lwprof.results.networks import Model
from lwprof.results.profile import ProfileResult
from lwprof.results.roofline import Ceilings
from lwprof.timing import ceilings
from lwprof.timing.backends import CONTIGUOUS, Options
from lwprof.timing.contract import ALL_CORES
from lwprof.timing.devices import CUDA, SSH, parse
from lwprof.timing.environment import environment
from lwprof.timing.latency import Outcome, Subject, time_subjects
from lwprof.timing.portable.clock import Clock
from lwprof.timing.sampling import Progress, Rules
from lwprof.timing.targets import Target, find_targets, names
from lwprof.timing.verdicts import paired

BUDGET_S = 5.0
"""For each network on each target."""

Found = TypeVar("Found", Timing, Counted)


OUTDATED = "faster than this machine's ceilings allow, so they are out of date: 'lwprof roofline' measures them again"


class Row(NamedTuple):
    """A network, and what it costs."""

    network: Network
    subject: Subject
    result: ProfileResult
    winograd_mult_adds: int


def compare(
    networks: Sequence[str | nn.Module | Network],
    *,
    inputs: Inputs | None = None,
    input_size: InputSize | None = None,
    batch: int = 1,
    weights_files: Sequence[str | PathLike[str] | None] = (),
    block: str | None = None,
    backend: str | Sequence[str] = (),
    device: str | Sequence[str] = "cpu",
    dtype: str | Sequence[str] = "",
    layout: str = CONTIGUOUS,
    threads: int = 1,
    cold_l2: bool = False,
    cores: str = ALL_CORES,
    budget_s: float | None = None,
    precision: float = 0.02,
    margin: float = 0.01,
    timed: bool = True,
    floors: bool = True,
    measure_ceilings: bool = False,
    seed: int = 0,
    progress: Progress | None = None,
    clock: Clock | None = None,
) -> CompareResult:
    """Profile networks and time them in interleaved rounds, on every combination of backend, device and dtype.

    A backend's results are held against torch's before it is timed. A network that a backend cannot load, or of which
    it computes something else, or that raises while it is timed, is not timed there: its row says why, and all others
    are timed. Of one that torch itself cannot run, ``failure`` says why. Ctrl-C ends it early: what is known by then is
    returned, with ``interrupted`` set.

    >>> result = compare(["mbv2:resolution=96"] * 2, budget_s=0.3)
    >>> [(timing.setting, timing.threads) for timing in result.models[1].timings]
    [('torch', 1)]

    Args:
        networks: model specs, modules or networks; the first is what the others are compared to.
        inputs: what every network is called with, a tuple or a dict by keyword, instead of random tensors; or a
            function that makes it, also by name, as for :func:`lwprof.profile`.
        input_size: of one input or of each, without the batch dimension; by default that of the spec, and
            ``(3, 224, 224)`` for a module.
        batch: first dimension of the random inputs; those that a function makes have their own.
        weights_files: weights to load, one for each network, ``None`` for one that keeps its random weights.
        block: the class that is the building block, where the rule of the conventions guesses wrong.
        backend: what to time on, one or several; by default ncnn on boards and emulated cores, else torch. Networks
            are compared on the same one, and each across them.
        device: where to time, one or several; on an emulated core instructions are counted instead.
        dtype: what to compute in, one or several; by default what each network is built in.
        layout: how images lie in memory, "contiguous" or "channels_last".
        threads: how many each backend may use.
        cold_l2: whether a GPU's L2 cache is emptied before every call.
        cores: which processors of the CPU all threads are pinned to: "big" or "little" ones, or numbers such as
            "0,2-3"; of a board, which of its own.
        budget_s: seconds of measuring for all networks and backends together, warm-up included; by default 5 for each
            network on each combination. Conversion and loading take their own time.
        precision: stop earlier, once every 95 % interval is at most this share of its median wide.
        margin: a difference matters when the whole 95 % interval of the ratio is beyond this.
        timed: whether to time at all.
        floors: whether a timing has a floor, the latency that the machine's ceilings allow, where they are known.
        measure_ceilings: whether ceilings that are not known yet are measured, which takes about 3 seconds for each
            combination.
        seed: of inputs, order and bootstrap.
        progress: called with what is going on and the share of it that is done.
        clock: read instead of the machine's own.

    Raises:
        InputError: a network or an option is wrong; the message names it, and nothing was timed.
        BackendError: none of the backends, or devices, is available.
    """
    several.check(networks or "", "nothing to compare")
    targets: Sequence[Target] = ()
    if timed:
        choices = [
            Options(one_device, threads, seed, one_dtype, layout, cold_l2 and parse(one_device).kind == CUDA, cores)
            for one_device in names(device, "device") for one_dtype in names(dtype, "dtype")
        ]  # fmt: skip
        if cold_l2 and not any(options.cold_l2 for options in choices):
            raise InputError("only a GPU's L2 cache can be emptied; name a device such as 'cuda'")
        targets = find_targets(() if backend in ("", ()) else names(backend, "backend"), choices)
    files = several.weights_files(networks, weights_files)
    if budget_s is None:
        usable = [target for target in targets if target.unusable is None and not target.is_counted]
        budget_s = BUDGET_S * len(networks) * max(len(usable), 1)
    check_positive(budget_s=budget_s, precision=precision)
    check_share("margin", margin)
    record: dict[str, Scalar] = environment()
    prepared = several.prepared(networks, files, inputs=inputs, input_size=input_size, batch=batch, progress=progress)
    rows, interrupted = _rows(prepared, block)
    roofs: dict[str, Ceilings] = {}
    if timed and floors and not interrupted:
        try:
            roofs = _roofs(targets, measure_ceilings, progress)
        except KeyboardInterrupt:
            interrupted = True
    if interrupted or not timed:
        return CompareResult(_models(rows, (), targets, margin, seed), record, interrupted)
    latencies = time_subjects(
        [row.subject for row in rows], targets,
        rules=Rules(budget_s, precision, seed=seed), clock=clock, machine=record, progress=progress,
    )  # fmt: skip
    if not all(target.is_counted for target in targets):
        latencies.environment.update(budget_s=budget_s, precision=precision, margin=margin)
    outcomes = _floored(rows, latencies.outcomes, roofs)
    if measure_ceilings and not latencies.interrupted and (passed := _outdated(outcomes, targets)):
        with suppress(KeyboardInterrupt):  # what was timed is shown in any case
            roofs |= _roofs(passed, True, progress, again=True)
            outcomes = _floored(rows, latencies.outcomes, roofs)
    models = _models(rows, outcomes, targets, margin, seed)
    settings = tuple(target.setting for target in targets)
    return CompareResult(
        models, latencies.environment, latencies.interrupted, latencies.failure, settings, latencies.boards
    )


def _rows(networks: Iterable[Network], block: str | None) -> tuple[list[Row], bool]:
    """Profile the networks; those that were profiled by then, and whether Ctrl-C ended it."""
    rows: list[Row] = []
    try:
        for network in networks:
            rows.append(_profiled(network, block))  # noqa: PERF401 (those before Ctrl-C are kept)
    except KeyboardInterrupt:
        if not rows:
            raise
        return rows, True
    return rows, False


@collector.paused()  # until the graph is gone, which the collector would walk through
def _profiled(network: Network, block: str | None) -> Row:
    try:
        found = examine_network(network, block)
        subject = network.subject(found.result.model.inputs)
        return Row(network, subject, found.result, analyses.winograd_mult_adds(found.rows))
    except InputError as error:
        if network.name in str(error):
            raise
        raise InputError(f"{network.name}: {error}") from error


def _roofs(
    targets: Sequence[Target], measure: bool, progress: Progress | None, *, again: bool = False
) -> dict[str, Ceilings]:
    """The ceilings that are known; with those that can be measured, if they are to be."""
    found = ceilings.known(targets)
    for target in targets:
        if (
            measure
            and target.unusable is None
            and ceilings.can_measure(target)
            and (again or target.setting not in found)
        ):
            with suppress(BackendError):  # it will say so itself, or has none
                found[target.setting] = ceilings.measure(target, progress=progress)
    return found


def _floored(
    rows: Sequence[Row], outcomes: Sequence[Sequence[Outcome]], roofs: Mapping[str, Ceilings]
) -> list[tuple[Outcome, ...]]:
    """Add to latencies what the ceilings allow; those that are faster by far have a warning instead."""
    return [
        tuple(
            _with_floor(item, row, roofs[item.setting])
            if isinstance(item, Timing)
            and item.setting in roofs
            and analyses.holds_for(item.dtype, roofs[item.setting].dtype)
            else item
            for item in found
        )
        for row, found in zip(rows, outcomes, strict=True)
    ]


def _with_floor(timing: Timing, row: Row, roofs: Ceilings) -> Timing:
    scale = analyses.scale(timing.dtype, row.subject.dtype)
    floor = analyses.floor(analyses.Work.of_network(row.result.totals, row.winograd_mult_adds, scale), roofs)
    if timing.median_s < analyses.CONTRADICTED * floor.seconds:
        return replace(timing, warnings=(*timing.warnings, OUTDATED))
    return replace(timing, floor_s=min(floor.seconds, timing.median_s) or None, bound=floor.bound)


def _outdated(outcomes: Sequence[Sequence[Outcome]], targets: Sequence[Target]) -> list[Target]:
    """The targets on which something was faster than their ceilings allow."""
    found = {item.setting for row in outcomes for item in row if isinstance(item, Timing) and OUTDATED in item.warnings}
    return [target for target in targets if target.setting in found]


def _models(
    rows: Sequence[Row],
    outcomes: Sequence[Sequence[Outcome]],
    targets: Sequence[Target],
    margin: float,
    seed: int,
) -> tuple[ComparedModel, ...]:
    outcomes = outcomes or [()] * len(rows)
    timings = [tuple(item for item in found if isinstance(item, Timing)) for found in outcomes]
    counts = [tuple(item for item in found if isinstance(item, Counted)) for found in outcomes]
    settings = [target.setting for target in targets]
    front = front_of_networks(
        [row.network.published for row in rows], _on_first(settings, timings), _on_first(settings, counts),
        [row.result.totals.mult_adds for row in rows], margin, seed,
    )  # fmt: skip
    return tuple(
        ComparedModel(
            Model(row.network.name, row.network.spec, row.result.model.inputs),
            row.result.totals,
            row.result.fragmentation,
            row.result.coverage,
            row.network.published,
            timings[place],
            tuple(_to_first_network(place, rows, timings, margin, seed)),
            front[place],
            tuple(_across(timings[place], margin, seed)),
            tuple(item for item in outcomes[place] if isinstance(item, Untimed)),
            counts[place],
        )
        for place, row in enumerate(rows)
    )  # fmt: skip


def _on(found: Sequence[Found], setting: str) -> Found | None:
    return next((item for item in found if item.setting == setting), None)


def _on_first(settings: Sequence[str], found: Sequence[Sequence[Found]]) -> list[Found | None]:
    """What there is of each network on the first setting that has anything."""
    used = next((name for name in settings if any(_on(items, name) for items in found)), "")
    return [_on(items, used) for items in found]


def _to_first_network(
    place: int, rows: Sequence[Row], timings: Sequence[Sequence[Timing]], margin: float, seed: int
) -> Iterator[Relative]:
    """Ratios of one network's timings to those of the first network that was timed on the same target."""
    for timing in timings[place]:
        first = next(number for number, found in enumerate(timings) if _on(found, timing.setting))
        base = _on(timings[first], timing.setting)
        if base is not None and first != place:
            yield _relative(timing, base, rows[first].network.name, margin, seed)


def _across(timings: Sequence[Timing], margin: float, seed: int) -> Iterator[Relative]:
    """Ratios of one network's timings to the first one of the same machine."""
    bases: dict[str, Timing] = {}
    for timing in timings:
        base = bases.setdefault(timing.device if timing.device.startswith(SSH) else "", timing)
        if base is not timing:
            yield _relative(timing, base, base.setting, margin, seed)


def _relative(timing: Timing, base: Timing, to: str, margin: float, seed: int) -> Relative:
    ratio, verdict = paired(timing.samples_s, base.samples_s, margin, seed)
    return Relative(timing.backend, to, ratio.median, (ratio.low, ratio.high), verdict, timing.setting)
