"""Rooflines: a machine's ceilings, and how near to them networks and their layers come."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from os import PathLike
from typing import Any

from torch import nn

from lwprof import analyses, collector
from lwprof.analyses import FusedLayer, Work
from lwprof.errors import BackendError, InputError
from lwprof.inputs import Inputs
from lwprof.layer_timing import time_layers
from lwprof.models import Network, not_a_network, prepare
from lwprof.profiling import InputSize, examine_network
from lwprof.results import (
    Ceilings,
    LayerTime,
    LayerTimes,
    PlacedLayer,
    PlacedModel,
    RooflineResult,
    Scalar,
    Timing,
    Totals,
    Untimed,
)
from lwprof.timing import ceilings
from lwprof.timing.contract import ALL_CORES, CONTIGUOUS, Options
from lwprof.timing.environment import environment
from lwprof.timing.latency import time_subjects
from lwprof.timing.observation import check_observable
from lwprof.timing.portable.clock import Clock
from lwprof.timing.preparation import Subject
from lwprof.timing.sampling import Progress, Rules
from lwprof.timing.statistics import median_interval
from lwprof.timing.targets import Target, find_targets

BUDGET_S = 3.0
"""For each network on each setting."""

AGAIN = 2
"""How often ceilings are measured once more, where something passes them."""


@dataclass(frozen=True, slots=True)
class _Row:
    """A network, and what of it is placed."""

    network: Network
    subject: Subject
    totals: Totals
    winograd_mult_adds: int
    layers: tuple[FusedLayer, ...]


@dataclass(slots=True)
class _Setting:
    """A target, its ceilings, and what was timed under them."""

    target: Target
    name: str
    ceilings: Ceilings
    timed: list[tuple[_Row, Timing, LayerTimes | None]] = field(default_factory=list)

    def models(self) -> Iterator[PlacedModel]:
        """Place what was timed."""
        for row, timing, times in self.timed:
            scale = analyses.scale(self.target.options.dtype, row.subject.dtype)
            work = Work.of_network(row.totals, row.winograd_mult_adds, scale)
            yield PlacedModel(
                name=row.network.name,
                spec=row.network.spec,
                setting=self.name,
                layers=tuple(placed_layers(row.layers, times, self.ceilings, scale)) if times else (),
                unattributed_s=times.unattributed.median_s if times else None,
                **_place(work, self.ceilings, timing.median_s, timing.ci95_s),
            )


def roofline(
    networks: Sequence[str | nn.Module | Network] = (),
    *,
    inputs: Inputs | None = None,
    input_size: InputSize | None = None,
    batch: int = 1,
    weights_files: Sequence[str | PathLike[str] | None] = (),
    backend: str | Sequence[str] = (),
    device: str | Sequence[str] = "cpu",
    dtype: str | Sequence[str] = "",
    layout: str = CONTIGUOUS,
    threads: int | Sequence[int] = 1,
    cores: str = ALL_CORES,
    budget_s: float | None = None,
    seed: int = 0,
    progress: Progress | None = None,
    clock: Clock | None = None,
) -> RooflineResult:
    """Measure a machine's ceilings, and place networks and their layers under them.

    The ceilings are kept for later runs, and never fall: where a network passes them, they are measured again.
    What cannot be measured or timed stands in ``untimed``; the rest is placed. Ctrl-C ends it early: what is known by
    then is returned, with ``interrupted`` set.

    Args:
        networks: model specs, modules or networks; without any, only the ceilings are measured.
        inputs: as for :func:`lwprof.compare`, as are the following.
        input_size: of one input or of each.
        batch: first dimension of the random inputs.
        weights_files: weights to load, one for each network.
        backend: what to measure and time on, one or several; by default torch.
        device: "cpu" or "cuda"; ceilings of boards and emulated cores are not measured.
        dtype: what to compute in, one or several.
        layout: how images lie in memory.
        threads: how many each backend may use, one number or several.
        cores: which processors of the CPU all threads are pinned to.
        budget_s: seconds of timing for all networks and settings together; by default 3 for each. Ceilings take about
            3 seconds more for each setting.
        seed: of inputs, order and bootstrap.
        progress: called with what is going on and the share of it that is done.
        clock: read instead of the machine's own.

    Raises:
        InputError: a network or an option is wrong.
        BackendError: no ceilings can be measured.
    """
    counts = [threads] if isinstance(threads, int) else list(threads)
    targets = [
        target
        for count in dict.fromkeys(counts)
        for target in find_targets(
            _names(backend, "backend") if backend not in ("", ()) else (),
            [
                Options(one_device, count, seed, one_dtype, layout, cores=cores)
                for one_device in _names(device, "device")
                for one_dtype in _names(dtype, "dtype")
            ],
        )
    ]
    if not targets:
        raise InputError("name a number of threads")
    if budget_s is not None and not 0 < budget_s < float("inf"):
        raise InputError(f"budget_s must be more than 0, not {budget_s:g}")
    rows = _rows(networks, inputs, input_size, batch, weights_files, progress)
    share_s = BUDGET_S if budget_s is None else budget_s / max(len(rows) * len(targets), 1)
    record: dict[str, Scalar] = environment()
    settings: list[_Setting] = []
    untimed: list[Untimed] = []
    interrupted = False
    try:
        for target in targets:
            name = target.setting
            if len(counts) > 1:
                name += f" {target.options.threads} thread{'s' * (target.options.threads > 1)}"
            try:
                setting = _Setting(target, name, ceilings.measure(target, clock=clock, progress=progress))
            except BackendError as error:
                untimed.append(replace(target.untimed(str(error)), setting=name))
                continue
            settings.append(setting)
            if not rows:
                record |= target.backend.versions()
            for row in rows:
                found = _timed(row, target, share_s, seed, clock, progress)
                if isinstance(found, Untimed):
                    untimed.append(replace(found, setting=name))
                    continue
                timing, times, seen = found
                record |= {key: value for key, value in seen.items() if key not in record}
                setting.timed.append((row, timing, times))
                interrupted |= times is not None and times.interrupted
                if interrupted:
                    raise KeyboardInterrupt
            for _ in range(AGAIN):
                if not any(passes(model) for model in setting.models()):
                    break
                setting.ceilings = ceilings.measure(target, clock=clock, progress=progress)
    except KeyboardInterrupt:
        interrupted = True
    if not settings and not interrupted:
        raise BackendError(untimed[0].reason)
    return RooflineResult(
        {setting.name: setting.ceilings for setting in settings},
        tuple(model for setting in settings for model in setting.models()),
        record,
        tuple(untimed),
        interrupted,
    )


def placed_layers(
    fused: Sequence[FusedLayer], times: LayerTimes, roofs: Ceilings, scale: float = 1.0
) -> Iterator[PlacedLayer]:
    """Place the layers of a network, those together that the backend, or the fused view, does not tell apart.

    What was not timed is not placed, and neither is what neither computes nor moves anything.

    Args:
        fused: the network's layers in the fused view.
        times: where its time goes.
        roofs: of the setting that it was timed on.
        scale: how many bytes are moved there for one in ``fused``.
    """
    timed = [item for item in times.layers if item.layers]
    for names in analyses.joined([*(item.names for item in fused), *(item.layers for item in timed)]):
        parts = [item for item in fused if not names.isdisjoint(item.names)]
        found = [item for item in timed if not names.isdisjoint(item.layers)]
        if not parts or not found:
            continue
        latency, ci95 = _together(found)
        if latency <= 0:
            continue
        leading = max(parts, key=lambda item: (item.mult_adds, item.bytes))
        members = [name for item in (leading, *parts) for name in item.names]
        whole = FusedLayer(
            tuple(dict.fromkeys(members)),
            leading.kind,
            sum(item.mult_adds for item in parts),
            sum(item.bytes for item in parts),
            sum(item.winograd_mult_adds for item in parts),
        )
        place = _place(Work.of_layer(whole, scale), roofs, latency, ci95)
        yield PlacedLayer(layers=whole.names, kind=whole.kind, **place)


def passes(model: PlacedModel) -> bool:
    """Whether a network is above its roof, or an unmarked layer of it by more than clocks differ."""
    return model.share > 1 or any(layer.is_above for layer in model.layers)


def _together(found: Sequence[LayerTime]) -> tuple[float, tuple[float, float]]:
    """Median and interval of what several layers take together, call by call."""
    if len(found) == 1:
        return found[0].median_s, found[0].ci95_s
    if len({len(item.samples_s) for item in found}) == 1 and found[0].samples_s:
        middle = median_interval([sum(call) for call in zip(*(item.samples_s for item in found), strict=True)])
        return middle.median, (middle.low, middle.high)
    low, high = (sum(item.ci95_s[end] for item in found) for end in (0, 1))
    return sum(item.median_s for item in found), (low, high)


def _place(work: Work, roofs: Ceilings, latency: float, ci95: tuple[float, float]) -> dict[str, Any]:
    """What all places have."""
    floor = analyses.floor(work, roofs)
    return {
        "mult_adds": work.mult_adds,
        "bytes": round(work.bytes),
        "latency_s": latency,
        "ci95_s": ci95,
        "intensity": work.mult_adds / work.bytes if work.bytes else 0.0,
        "attained": work.mult_adds / latency,
        "roof": work.mult_adds / floor.seconds if floor.seconds else 0.0,
        "floor_s": floor.seconds,
        "share": floor.seconds / latency,
        "bound": floor.bound,
        "marks": floor.marks,
    }


def _timed(
    row: _Row, target: Target, budget_s: float, seed: int, clock: Clock | None, progress: Progress | None
) -> tuple[Timing, LayerTimes | None, dict[str, Scalar]] | Untimed:
    """Time a network, with its layers where the backend tells them apart."""
    options = target.options
    try:
        check_observable(target)
        result = time_layers(
            row.network, backend=target.backend.name, device=options.device, dtype=options.dtype,
            layout=options.layout, threads=options.threads, cores=options.cores, budget_s=budget_s, seed=seed,
            progress=progress, clock=clock,
        )  # fmt: skip
    except BackendError:  # it is timed without them, or says why not
        latencies = time_subjects(
            [row.subject], [target], rules=Rules(budget_s, seed=seed), clock=clock, progress=progress
        )
        if latencies.timings:
            return latencies.timings[0], None, latencies.environment
        if latencies.interrupted:
            raise KeyboardInterrupt from None
        return next(iter(latencies.untimed), target.untimed(latencies.failure))
    except InputError as error:
        return target.untimed(str(error))
    if result.time is None:
        raise KeyboardInterrupt
    return result.time.timing, result.time, dict(result.time.environment)


def _rows(
    networks: Sequence[str | nn.Module | Network],
    inputs: Inputs | None,
    size: InputSize | None,
    batch: int,
    files: Sequence[str | PathLike[str] | None],
    progress: Progress | None,
) -> list[_Row]:
    if isinstance(networks, str) or not isinstance(networks, Sequence):
        raise InputError("networks must be a list such as ['mbv1', 'mbv2']")
    for item in networks:
        if not isinstance(item, str | nn.Module | Network):
            raise not_a_network(item)
    if files and len(files) != len(networks):
        raise InputError(
            f"{len(files)} files of weights for {len(networks)} networks; give one for each in their order, or none"
        )
    rows = []
    for number, (item, file) in enumerate(zip(networks, files or [None] * len(networks), strict=True)):
        if progress is not None:
            progress("profile", number / len(networks))
        network = prepare(item, inputs=inputs, input_size=size, batch=batch, weights_file=file)
        with collector.paused():  # until the graph is gone, which the collector would walk through
            found = examine_network(network)
            given, totals = found.result.model.inputs, found.result.totals
            fused = analyses.fused_layers(found.graph, found.rows, found.groups)
            fast = analyses.winograd_mult_adds(found.rows)
            del found
        subject = Subject(network.name, network.module, given, network.values, network.build_s, network.file)
        rows.append(_Row(network, subject, totals, fast, fused))
    return rows


def _names(given: str | Sequence[str], what: str) -> Sequence[str]:
    names = [given] if isinstance(given, str) else given
    if not isinstance(names, Sequence) or not names or not all(isinstance(name, str) for name in names):
        raise InputError(f"{what} must be a name, or a list of names, not {given!r}")
    return names
