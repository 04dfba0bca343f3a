"""Rooflines: a machine's ceilings, and how near to them networks and their layers come."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from torch import nn

from lwprof import analyses, collector
from lwprof.analyses import FusedLayer, Work
from lwprof.errors import BackendError, InputError, check_positive
from lwprof.inputs import Inputs
from lwprof.layer_timing import time_layers
from lwprof.models import Network, several
from lwprof.profiling import InputSize, examine_network
from lwprof.results.document import Scalar
from lwprof.results.latency import Timing, Untimed
from lwprof.results.layer_times import LayerTimes
from lwprof.results.roofline import Ceilings, PlacedModel, RooflineResult
from lwprof.results.structure import Totals
from lwprof.timing import ceilings
from lwprof.timing.contract import ALL_CORES, CONTIGUOUS, Options
from lwprof.timing.environment import environment
from lwprof.timing.latency import time_subjects
from lwprof.timing.observation import check_observable
from lwprof.timing.portable.clock import Clock
from lwprof.timing.preparation import Subject
from lwprof.timing.sampling import Progress, Rules
from lwprof.timing.summary import recorded
from lwprof.timing.targets import Target, find_targets, names
from lwprof.units import number_of

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
                layers=tuple(analyses.placed_layers(row.layers, times, self.ceilings, scale)) if times else (),
                unattributed_s=times.unattributed.median_s if times else None,
                **analyses.place(work, self.ceilings, timing.median_s, timing.ci95_s),
            )


def roofline(
    networks: Sequence[str | nn.Module | Network] = (),
    *,
    inputs: Inputs | None = None,
    input_size: InputSize | None = None,
    batch: int = 1,
    weights_files: several.WeightsFiles = (),
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
    counts = list(threads) if isinstance(threads, Sequence) and not isinstance(threads, str) else [threads]
    targets = [
        target
        for count in dict.fromkeys(counts)
        for target in find_targets(
            names(backend, "backend") if backend not in ("", ()) else (),
            [
                Options(one_device, count, seed, one_dtype, layout, cores=cores)
                for one_device in names(device, "device")
                for one_dtype in names(dtype, "dtype")
            ],
        )
    ]
    if not targets:
        raise InputError("name a number of threads")
    check_positive(budget_s=budget_s)
    several.check(networks, f"{networks!r} is no list")
    files = several.weights_files(networks, weights_files)
    prepared = several.prepared(networks, files, inputs=inputs, input_size=input_size, batch=batch, progress=progress)
    rows = [_profiled(network) for network in prepared]
    places = len(rows) * len(targets)
    if budget_s is None:
        budget_s = BUDGET_S * places
    record = environment() | recorded(targets) | {"threads": ", ".join(map(str, dict.fromkeys(counts)))}
    if places:
        record["budget_s"] = budget_s
    settings: list[_Setting] = []
    untimed: list[Untimed] = []
    interrupted = False
    try:
        for target in targets:
            name = target.setting
            if len(counts) > 1:
                name += f" {number_of(target.options.threads, 'thread')}"
            try:
                setting = _Setting(target, name, ceilings.measure(target, clock=clock, progress=progress))
            except BackendError as error:
                untimed.append(replace(target.untimed(str(error)), setting=name))
                continue
            settings.append(setting)
            for row in rows:
                found = _timed(row, target, budget_s / places, seed, clock, progress)
                if isinstance(found, Untimed):
                    untimed.append(replace(found, setting=name))
                    continue
                timing, times, seen = found
                record |= {key: value for key, value in seen.items() if key not in record}
                setting.timed.append((row, timing, times))
                if timing.stopped == "interrupted":
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


def passes(model: PlacedModel) -> bool:
    """Whether a network is above its roof, or an unmarked layer of it by more than clocks differ."""
    return model.share > 1 or any(layer.is_above for layer in model.layers)


def _timed(
    row: _Row, target: Target, budget_s: float, seed: int, clock: Clock | None, progress: Progress | None
) -> tuple[Timing, LayerTimes | None, dict[str, Scalar]] | Untimed:
    """Time a network, with its layers where the backend tells them apart."""
    options = target.options
    if not analyses.holds_for(options.dtype or row.subject.dtype, options.dtype or "float32"):
        return target.untimed(
            f"{row.network.name} computes in {row.subject.dtype}, and these ceilings are of float32; "
            f"choose dtype {row.subject.dtype}"
        )
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


@collector.paused()  # until the graph is gone, which the collector would walk through
def _profiled(network: Network) -> _Row:
    found = examine_network(network)
    return _Row(
        network,
        network.subject(found.result.model.inputs),
        found.result.totals,
        analyses.winograd_mult_adds(found.rows),
        analyses.fused_layers(found.graph, found.rows, found.groups),
    )
