"""Advice: what makes a measurement less trustworthy, and what to do about it."""

from __future__ import annotations

from collections.abc import Mapping

from lwprof.results.document import Scalar
from lwprof.timing.nvml import Reading
from lwprof.timing.portable.cores import numbers
from lwprof.timing.sampling import Measurement, Rules, Series
from lwprof.timing.statistics import far_outliers, median_interval, shift
from lwprof.timing.verdicts import ROUNDS_FOR_A_VERDICT
from lwprof.units import number_of

OUTLIER_SHARE = 0.05
"""Fewer far outliers than this do not move a median."""
DRIFT = 0.05


def on_machine(environment: Mapping[str, Scalar], threads: int) -> list[str]:
    """Warn about the machine, as it was before the measurement began."""
    cores, load, governor = environment.get("cores"), environment.get("load_1min"), environment.get("governor")
    chosen = len(numbers(str(environment.get("chosen_cores") or "")))
    warnings = []
    if chosen and threads > chosen:
        warnings.append(_crowded(threads, chosen, "chosen core"))
    elif isinstance(cores, int) and threads > cores:
        warnings.append(_crowded(threads, cores, "usable core"))
    elif isinstance(cores, int) and isinstance(load, int | float) and load > cores - threads + 1:  # 1: lwprof itself
        warnings.append(f"the machine is busy (load {load:.1f} on {cores} cores): close other programs and repeat")
    if (big := environment.get("big_cores")) and not chosen:
        warnings.append(f"threads may move between big cores ({big}) and slower ones: choose big ones (--cores big)")
    if isinstance(governor, str) and governor != "performance":
        warnings.append(f"the CPU frequency scales (governor {governor}): set the governor to performance")
    return warnings


def _crowded(threads: int, cores: int, kind: str) -> str:
    return f"{threads} threads share {number_of(cores, kind)}: use at most {number_of(cores, 'thread')}"


def on_board(record: Mapping[str, Scalar], threads: int) -> list[str]:
    """Warn about a board, by what it says of itself."""
    warnings = on_machine(record, threads)
    if record.get("throttled"):
        heat = record.get("temperature_c")
        told = f" at {heat:.0f} °C" if isinstance(heat, int | float) else ""
        warnings.append(f"the board was slowed down{told}: cool it, or give it a stronger supply, and repeat")
    return warnings


def on_strays(threads: int) -> list[str]:
    """Warn about threads that left the cores that were chosen."""
    if not threads:
        return []
    who = "a thread of a runtime" if threads == 1 else f"{threads} threads of runtimes"
    return [f"{who} left the chosen cores: unset what pins threads, such as OMP_PROC_BIND, or use another runtime"]


def on_gpu(before: Reading | None, after: Reading | None) -> list[str]:
    """Warn about a GPU, from readings right before and right after the measurement."""
    if before is None or after is None:
        return ["the GPU's clocks were not watched: pip install 'lwprof[cuda]'"]
    warnings = []
    slowed = [name for name, seconds in after.slowed_s.items() if seconds > before.slowed_s.get(name, seconds)]
    if reasons := dict.fromkeys((*before.slowed_by, *after.slowed_by, *slowed)):
        state = [
            f"{after.clock_mhz} of {after.most_mhz} MHz" if after.clock_mhz and after.most_mhz else "",
            f"{after.temperature_c} °C" if after.temperature_c is not None else "",
        ]
        told = ", ".join(filter(None, state))
        warnings.append(
            f"the GPU was slowed down by {' and '.join(reasons)}{f' ({told})' if told else ''}: let it cool down, "
            "or lock its clocks (nvidia-smi --lock-gpu-clocks), and repeat"
        )
    if others := max(before.others, after.others):
        who = "another process uses" if others == 1 else f"{others} other processes use"
        warnings.append(f"{who} the GPU: wait until it is free, and repeat")
    return warnings


def on_series(series: Series, measurement: Measurement, rules: Rules) -> list[str]:
    """Warn about one contender's samples."""
    samples = series.samples_s
    warnings = []
    if not measurement.warm:
        warnings.append("the warm-up used up its share of the budget before latency settled: raise the budget")
    if len(samples) < ROUNDS_FOR_A_VERDICT:
        warnings.append(
            f"only {len(samples)} rounds: fewer than {ROUNDS_FOR_A_VERDICT} allow no verdict; raise the budget"
        )
    elif measurement.stopped == "budget":
        width = median_interval(samples, rules.seed).relative_width
        if width > rules.precision:
            warnings.append(
                f"the budget ended with an interval {100 * width:.1f} % of the median wide, "
                f"wanted {100 * rules.precision:g} %: raise the budget or quieten the machine"
            )
    singles = len(series.single_calls_s)
    if 0 < singles < rules.single_calls:
        wanted = rules.single_calls
        warnings.append(f"no 90th percentile: {singles} single calls, {wanted} are needed; raise the budget")
    outliers = far_outliers(samples)
    if outliers > OUTLIER_SHARE * len(samples):
        warnings.append(f"{outliers} of {len(samples)} samples are far outliers (kept): something else was running")
    drift = shift(samples) if len(samples) >= ROUNDS_FOR_A_VERDICT else 0.0
    if abs(drift) > DRIFT:
        warnings.append(
            f"latency {'rose' if drift > 0 else 'fell'} by {100 * abs(drift):.0f} % while it was measured: "
            "trust the ratios, which are paired, before the medians"
        )
    return warnings
