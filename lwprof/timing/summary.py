"""Summary: a series of samples as a result, and what is to be known of where it was taken."""

from __future__ import annotations

from collections.abc import Sequence

from lwprof.results.document import Scalar
from lwprof.results.latency import Timing
from lwprof.timing import advice, cuda
from lwprof.timing.preparation import Ready, Subject
from lwprof.timing.sampling import Measurement, Rules, Series
from lwprof.timing.statistics import median_interval, quantile
from lwprof.timing.targets import Target


def recorded(targets: Sequence[Target]) -> dict[str, Scalar]:
    """What is to be known of the targets: versions, names, threads, seed."""
    record: dict[str, Scalar] = {}
    for target in targets:
        if target.unusable is None:
            record |= target.backend.versions()
    if any(uses_gpu(target) for target in targets):
        record |= cuda.description()
    options = targets[0].options
    record["backend"] = ", ".join(dict.fromkeys(target.backend.name for target in targets))
    record["device"] = ", ".join(dict.fromkeys(target.options.device for target in targets))
    return record | {"threads": options.threads, "seed": options.seed}


def uses_gpu(target: Target) -> bool:
    """Tell whether a target can be used, and is a GPU."""
    return target.unusable is None and target.options.device == "cuda"


def timing_of(
    subject: Subject,
    target: Target,
    ready: Ready,
    series: Series,
    measurement: Measurement,
    rules: Rules,
    warnings: Sequence[str],
    cores: str,
) -> Timing:
    """Sum up what was measured of one network on one target."""
    middle = median_interval(series.samples_s, rules.seed)
    singles = series.single_calls_s
    options, loaded, files = target.options, ready.loaded, ready.converted
    return Timing(
        backend=target.backend.name,
        device=options.device,
        threads=options.threads,
        batch=subject.batch,
        dtype=options.dtype or subject.dtype,
        median_s=middle.median,
        ci95_s=(middle.low, middle.high),
        p90_s=quantile(singles, 0.9) if singles and len(singles) >= rules.single_calls else None,
        samples_s=series.samples_s,
        warnings=(*warnings, *advice.on_series(series, measurement, rules), *ready.warnings),
        load_s=ready.load_s,
        first_call_s=ready.first_call_s if ready.ran else series.first_call_s,
        calls_per_sample=series.calls_per_sample,
        single_calls_s=singles,
        stopped=measurement.stopped,
        setting=target.setting,
        layout=options.layout,
        cores=cores,
        convert_s=files.seconds if files else None,
        converted_before=files.cached if files else False,
        size_bytes=loaded.size_bytes if files is None else files.size_bytes,
        difference=ready.difference,
        events_s=series.events_s,
        median_events_s=quantile(series.events_s, 0.5) if series.events_s else None,
        l2="" if options.device != "cuda" else "cold" if options.cold_l2 else "warm",
        peak_memory_bytes=loaded.peak_memory(),
    )
