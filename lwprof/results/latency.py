"""Latency: several networks side by side, timed in the same interleaved rounds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from lwprof.results.document import Document, Scalar, plain
from lwprof.results.structure import Coverage, Fragmentation, Model, Published, Totals


@dataclass(frozen=True, slots=True)
class Timing:
    """Latency of one call on one backend; samples are seconds per call, one a round."""

    backend: str
    device: str
    threads: int
    batch: int
    dtype: str
    median_s: float
    ci95_s: tuple[float, float]
    p90_s: float | None
    samples_s: tuple[float, ...]
    warnings: tuple[str, ...] = ()
    load_s: float | None = None
    """Seconds to load the network into the runtime, and for a module to build it."""
    first_call_s: float | None = None
    calls_per_sample: int = 1
    single_calls_s: tuple[float, ...] = ()
    """Calls timed one by one, from which ``p90_s`` comes; empty where a call is too short for that."""
    stopped: str = ""
    """Why sampling ended: "interval" (narrow enough), "budget" (time spent), "interrupted" or "failed"."""
    setting: str = ""
    """Backend, and what else tells it from the others of this comparison: "onnxruntime int8"."""
    layout: str = "contiguous"
    """"contiguous", or "channels_last" for images whose channels lie together."""
    convert_s: float | None = None
    """Seconds that the conversion took, when it was made; ``None`` where nothing is converted."""
    converted_before: bool = False
    """Whether the conversion comes from the cache."""
    size_bytes: int | None = None
    """Of the converted model on disk."""
    difference: float | None = None
    """Largest difference from what torch computes in the network's own dtype, on two inputs, as a share of the
    output's range; ``None`` where it is torch that runs, or nothing to compare with."""
    events_s: tuple[float, ...] = ()
    """Seconds of the same calls between the device's own events, one by one; empty on a CPU."""
    median_events_s: float | None = None
    """Their median."""
    l2: str = ""
    """"warm" or "cold": whether a GPU's L2 cache was emptied before every call."""
    peak_memory_bytes: int | None = None
    """Most bytes of the device's memory in use while it ran."""


@dataclass(frozen=True, slots=True)
class Untimed:
    """A backend that a network was not timed on."""

    backend: str
    device: str
    setting: str
    reason: str
    difference: float | None = None
    """From torch, where that is the reason."""
    failed: bool = True
    """Whether that is an error; not where a backend has nothing to do with such a network."""


@dataclass(frozen=True, slots=True)
class Relative:
    """Ratio of two latencies of one run, paired round by round: above 1 is slower."""

    backend: str
    to: str
    """The first network; across backends, the first one's setting."""
    ratio: float
    ci95: tuple[float, float]
    verdict: str
    """"faster", "slower" or "indistinguishable"."""
    setting: str = ""
    """That of the timing it belongs to."""


@dataclass(frozen=True, slots=True)
class ComparedModel:
    """One row of a comparison."""

    model: Model
    totals: Totals
    fragmentation: Fragmentation
    coverage: Coverage
    published: Published | None = None
    timings: tuple[Timing, ...] = ()
    relative: tuple[Relative, ...] = ()
    """To the first network, on the same backend."""
    pareto: bool | None = None
    """On the front of published top-1 against latency on the first backend (mult-adds where nothing was timed);
    ``None`` without a published top-1, or with too few rounds to tell."""
    across: tuple[Relative, ...] = ()
    """To the first backend, with the same network."""
    untimed: tuple[Untimed, ...] = ()

    def relative_of(self, timing: Timing) -> Relative | None:
        """The ratio to the first network that belongs to ``timing``."""
        return _of(self.relative, timing)

    def across_of(self, timing: Timing) -> Relative | None:
        """The ratio to the first backend that belongs to ``timing``."""
        return _of(self.across, timing)


def _of(ratios: Sequence[Relative], timing: Timing) -> Relative | None:
    """Documents of earlier versions have one timing for each backend, and no settings."""
    wanted = (timing.backend, timing.setting)
    return next((ratio for ratio in ratios if (ratio.backend, ratio.setting) == wanted), None)


@dataclass(frozen=True, slots=True)
class CompareResult(Document):
    """Several networks side by side, timed in the same interleaved rounds."""

    schema: ClassVar[str] = "lwprof.compare/1"
    models: tuple[ComparedModel, ...]
    environment: Mapping[str, Scalar] = field(default_factory=dict)
    interrupted: bool = False
    failure: str = ""
    """What a network raised while it was timed; what was measured before is kept."""

    def untimed(self) -> Iterator[tuple[ComparedModel, Untimed]]:
        """Every backend that a network was not timed on, with that network."""
        return ((model, item) for model in self.models for item in model.untimed)

    def to_pandas(self) -> Any:
        """One row a network, nested keys joined by dots, as a :class:`pandas.DataFrame`."""
        import pandas

        return pandas.json_normalize([plain(model) for model in self.models])
