"""Ceilings: what a backend attains at best on a machine, measured once and kept.

Of every probe the shortest sample counts, and of several measurements the best: a ceiling is what has ever been
attained. A busy machine can only make it too low, and the next measurement mends that.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from lwprof.errors import BackendError
from lwprof.results.latency import Timing
from lwprof.results.roofline import Ceilings, Probe
from lwprof.timing import devices, kept_ceilings, last_cache, pinning, probes, sampling
from lwprof.timing.latency import time_subjects
from lwprof.timing.portable.clock import Clock, performance_clock
from lwprof.timing.portable.cores import spelled
from lwprof.timing.sampling import Progress, Rules
from lwprof.timing.targets import Target

PRODUCTS_S, STREAMS_S = 1.5, 1.0
"""Budgets of sampling."""

NEVER = 1e-9
"""Precision: the time is used up."""

CLEARLY = 1.3
"""3x3 convolutions that are so many times as fast as the best of all other products are computed by Winograd's
algorithm, which takes 2.25 to 5 times fewer multiplications. Where they are not, they were at most 1.04 times as fast:
in torch, ONNX Runtime and OpenVINO on x86-64. ncnn's, by Winograd, were 2.8 times as fast there."""


def measure(target: Target, *, clock: Clock | None = None, progress: Progress | None = None) -> Ceilings:
    """Measure the ceilings of a target and keep them in the cache; those of before are kept where they are higher.

    Raises:
        BackendError: it cannot be measured there (boards, emulated cores).
    """
    if not can_measure(target):
        raise BackendError(f"ceilings are measured on this machine alone, not on {target.options.device}")
    if target.unusable is not None:
        raise BackendError(target.unusable)
    clock = clock or performance_clock()

    def show(share: float) -> None:
        if progress is not None:
            progress(f"measuring the ceilings of {target.setting}", share)

    found = [
        *_products(target, clock, lambda _, share: show(0.6 * share)),
        *_streams(target, clock, lambda _, share: show(0.6 + 0.4 * share)),
    ]
    kept = kept_ceilings.read(target)
    ceilings = _ceilings(target, _best(found, kept.probes if kept else ()))
    kept_ceilings.write(target, ceilings)
    return ceilings


def known(targets: Sequence[Target]) -> dict[str, Ceilings]:
    """Give the ceilings that are kept for this machine, these versions and settings, by setting."""
    usable = [target for target in targets if target.unusable is None and can_measure(target)]
    found = {target.setting: kept_ceilings.read(target) for target in usable}
    return {setting: ceilings for setting, ceilings in found.items() if ceilings is not None}


def can_measure(target: Target) -> bool:
    """Whether it is this machine that the target runs on."""
    return target.device.kind in (devices.CPU, devices.CUDA)


def _products(target: Target, clock: Clock, progress: Progress) -> list[Probe]:
    """Time the products that the backend can run.

    Raises:
        BackendError: it can run none.
    """
    products = list(probes.products(target.options))
    latencies = time_subjects(
        [item.subject for item in products], [target],
        rules=Rules(PRODUCTS_S, precision=NEVER, seed=target.options.seed), clock=clock, progress=progress,
    )  # fmt: skip
    if latencies.interrupted:
        raise KeyboardInterrupt
    found = [
        Probe(item.subject.label, item.mult_adds, min(timing.samples_s), timing.samples_s)
        for item, row in zip(products, latencies.outcomes, strict=True)
        for timing in row
        if isinstance(timing, Timing)
    ]
    if not found:
        reason = next((item.reason for item in latencies.untimed), latencies.failure)
        raise BackendError(f"the ceilings of {target.setting} cannot be measured: {reason}")
    return found


def _streams(target: Target, clock: Clock, progress: Progress) -> list[Probe]:
    import torch

    options = target.options
    cores, threads = pinning.found_here([options]), torch.get_num_threads()
    try:
        with pinning.pinned(cores) as affinity, torch.inference_mode():
            torch.set_num_threads(options.threads)
            streams = probes.streams(options, _cache_bytes(target))
            affinity.pin()  # once more: torch may have made threads
            measured = sampling.measure(
                [item.contender for item in streams], Rules(STREAMS_S, precision=NEVER, seed=options.seed), clock,
                progress,
            )  # fmt: skip
    finally:
        torch.set_num_threads(threads)
    if measured.stopped == "interrupted":
        raise KeyboardInterrupt
    return [
        Probe(series.label, item.bytes, min(series.samples_s), series.samples_s, of_bytes=True)
        for item, series in zip(streams, measured.series, strict=True)
        if series.samples_s
    ]


def _cache_bytes(target: Target) -> int:
    options = target.options
    if target.device.kind == devices.CUDA:
        import torch

        return int(torch.cuda.get_device_properties(0).L2_cache_size)
    return last_cache.size(options.threads, pinning.found_here([options]))


def _best(found: Iterable[Probe], kept: Iterable[Probe]) -> tuple[Probe, ...]:
    """Of every probe that was run now, the better one of now and before, with the samples of now."""
    earlier = {probe.name: probe for probe in kept}
    return tuple(
        replace(probe, best_s=min(probe.best_s, earlier[probe.name].best_s)) if probe.name in earlier else probe
        for probe in found
    )


def _ceilings(target: Target, found: Sequence[Probe]) -> Ceilings:
    """Sum up the probes."""

    def best(*kinds: str) -> float:
        return max(
            (probe.rate for probe in found if probe.name.startswith(kinds) or probe.name.endswith(kinds)), default=0.0
        )

    dense, others = best(probes.DENSE), best(probes.MATMUL, probes.POINTWISE, probes.WIDER)
    winograd = dense > CLEARLY * others > 0
    options = target.options
    return Ceilings(
        backend=target.backend.name,
        device=options.device,
        threads=options.threads,
        dtype=options.dtype or "float32",
        setting=target.setting,
        mult_adds_per_s=others if winograd else max(dense, others),
        bytes_per_s=best(probes.IN_MEMORY),
        cache_bytes_per_s=max(best(probes.IN_CACHE), best(probes.IN_MEMORY)),
        cache_bytes=_cache_bytes(target),
        winograd=winograd,
        winograd_mult_adds_per_s=dense if winograd else None,
        probes=tuple(found),
        cores=spelled(pinning.found_here([options])),
        measured=datetime.now(UTC).isoformat(timespec="seconds"),
    )
