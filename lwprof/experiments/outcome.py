"""Outcome: what was measured, beside what the paper prints, and what that says."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lwprof.experiments import sentences
from lwprof.experiments.claims import claims
from lwprof.experiments.correlations import Ranks, ranks
from lwprof.experiments.measuring import Measured
from lwprof.experiments.plans import Column, Plan
from lwprof.experiments.sentences import Judged
from lwprof.experiments.tables import ARM, DEVICES, GPU, SIDES, UNITS
from lwprof.results.experiment import Correlation, ExperimentResult, ExperimentRow, MeasuredSpeed, PaperSpeed
from lwprof.results.latency import Timing
from lwprof.timing.devices import CUDA
from lwprof.timing.statistics import ratio_interval
from lwprof.timing.targets import Target
from lwprof.timing.verdicts import FASTER, INDISTINGUISHABLE, ROUNDS_FOR_A_VERDICT, SLOWER


def result(
    plan: Plan, columns: Sequence[Column], found: Measured, target: Target, batch: int, margin: float, seed: int
) -> ExperimentResult:
    """Put everything together."""
    judged = [_judged(plan, column, found, margin, seed) for column in columns] if plan.guideline else []
    correlated = [] if plan.guideline else list(_ranks(columns, found, seed))
    verdict = sentences.guideline(plan, judged, margin) if plan.guideline else sentences.devices(correlated)
    here = GPU if target.device.kind == CUDA else ARM
    shared = _shared_warnings(found)
    dtypes = {timing.dtype for timing in found.timings.values()}
    return ExperimentResult(
        experiment=plan.name,
        title=plan.title,
        source=plan.source,
        backend=target.backend.name,
        device=target.options.device,
        threads=target.options.threads,
        dtype=target.options.dtype or next(iter(dtypes), "float32"),
        rows=tuple(
            row for column in columns for row in _rows(column, found, column.side or here, shared, margin, seed)
        ),
        holds={item.column.name: item.holds for item in judged if item.measured},
        verdict=verdict,
        choices=plan.choices,
        correlations=tuple(
            Correlation(item.group, item.side, item.rho.median, (item.rho.low, item.rho.high), item.networks)
            for item in correlated
        ),
        warnings=shared,
        untimed=tuple(found.untimed),
        environment=found.environment,
        interrupted=found.interrupted,
        batch=batch,
        boards=found.boards,
    )


def _judged(plan: Plan, column: Column, found: Measured, margin: float, seed: int) -> Judged:
    paper = [entry.speeds[column.side] for entry in column.entries]
    samples = {row: timing.samples_s for row, timing in _timings(column, found).items()}
    return Judged(column, tuple(claims(plan.pairs, paper, samples, margin, seed)))


def _timings(column: Column, found: Measured) -> dict[int, Timing]:
    return {
        row: found.timings[place]
        for row in range(len(column.entries))
        if (place := (column.name, row)) in found.timings
    }


def _rows(
    column: Column, found: Measured, side: str, shared: Sequence[str], margin: float, seed: int
) -> Iterator[ExperimentRow]:
    timings = _timings(column, found)
    first = timings.get(0)
    other = ARM if side == GPU else GPU
    for row, entry in enumerate(column.entries):
        totals, timing = found.totals.get((column.name, row)), timings.get(row)
        relative, interval, verdict = None, None, ""
        if timing is not None and first is not None:
            ratio = ratio_interval(first.samples_s, timing.samples_s, seed)
            relative, interval = ratio.median, (ratio.low, ratio.high)
            if row and len(timing.samples_s) >= ROUNDS_FOR_A_VERDICT:
                verdict = FASTER if ratio.low > 1 + margin else SLOWER if ratio.high < 1 - margin else INDISTINGUISHABLE
            elif row:
                verdict = INDISTINGUISHABLE
        yield ExperimentRow(
            column=column.name,
            setting=entry.setting,
            mult_adds=totals.mult_adds if totals else None,
            memory_access=totals.memory_access.paper_elements if totals else None,
            paper=_printed(column, row, side),
            measured=_speed(timing, shared) if timing else None,
            relative=relative,
            relative_ci95=interval,
            verdict=verdict,
            also=_printed(column, row, other),
            spec=entry.spec,
        )


def _printed(column: Column, row: int, side: str) -> PaperSpeed | None:
    speeds = [entry.speeds.get(side) for entry in column.entries]
    speed, first = speeds[row], speeds[0]
    return PaperSpeed(speed, UNITS[side], speed / first, DEVICES[side]) if speed and first else None


def _ranks(columns: Sequence[Column], found: Measured, seed: int) -> Iterator[Ranks]:
    """Over all networks that were timed, then over those of each column."""
    groups = {"": columns} | ({column.name: [column] for column in columns} if len(columns) > 1 else {})
    for name, some in groups.items():
        rows = [(entry, found.timings[place]) for column in some for row, entry in enumerate(column.entries)
                if (place := (column.name, row)) in found.timings]  # fmt: skip
        for side in SIDES:
            speeds = [entry.speeds[side] for entry, _ in rows]
            if (item := ranks(name, side, speeds, [timing.samples_s for _, timing in rows], seed)) is not None:
                yield item


def _speed(timing: Timing, shared: Sequence[str]) -> MeasuredSpeed:
    own = tuple(warning for warning in timing.warnings if warning not in shared)
    return MeasuredSpeed(timing.median_s, timing.ci95_s, timing.samples_s, own)


def _shared_warnings(found: Measured) -> tuple[str, ...]:
    """Warnings of all networks, such as those of the machine."""
    timings = list(found.timings.values())
    return tuple(
        warning
        for warning in dict.fromkeys(warning for timing in timings for warning in timing.warnings)
        if all(warning in timing.warnings for timing in timings)
    )
