"""Latency: several networks side by side, timed in the same interleaved rounds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from lwprof.results.document import Document, Scalar, among, plain
from lwprof.results.instructions import Instructions
from lwprof.results.networks import Model, Published
from lwprof.results.structure import Coverage, Fragmentation, Totals

EMULATED = "arm-emulated"
"""What the names of devices begin with whose instructions are counted."""


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
    """Seconds to load the network into the runtime; with those to build the module where that is what runs."""
    first_call_s: float | None = None
    calls_per_sample: int = 1
    single_calls_s: tuple[float, ...] = ()
    """Calls timed one by one, from which ``p90_s`` comes; empty where a call is too short for that."""
    stopped: str = ""
    """Why sampling ended: "interval" (narrow enough), "budget" (time spent), "interrupted" or "failed"."""
    setting: str = ""
    """Backend, and what else was chosen of device, dtype, layout and L2 cache: "onnxruntime int8"; empty in documents
    of earlier versions, with one timing for each backend."""
    cores: str = ""
    """Numbers of the processors that its threads were pinned to, "4-7"; empty where they ran wherever they could."""
    layout: str = "contiguous"
    """"contiguous", or "channels_last" for images whose channels lie together."""
    convert_s: float | None = None
    """Seconds that the conversion took, when it was made; null where nothing is converted."""
    converted_before: bool = False
    """Whether the conversion was in the cache."""
    size_bytes: int | None = None
    """Size of the model on disk, as the backend loads it; null where it loads no files."""
    difference: float | None = None
    """Largest difference from what torch computes in the network's own dtype, on two inputs, as a share of the
    output's range; null where it is torch itself that runs, or there is nothing to hold it against."""
    events_s: tuple[float, ...] = ()
    """Seconds of the same calls between the device's own events, one by one; empty on a CPU."""
    median_events_s: float | None = None
    """Median of those; null on a CPU."""
    l2: str = ""
    """"warm", or "cold" where a GPU's L2 cache was emptied before every call; empty on a CPU."""
    peak_memory_bytes: int | None = None
    """Most bytes of the device's memory in use while it ran; null where nobody counts them."""
    floor_s: float | None = None
    """What the machine's ceilings allow at best: the longer of computing every mult-add and of moving the bytes of
    the fused view; null where they are not known."""
    bound: str = ""
    """Which of both that is: "compute" or "memory"."""

    @property
    def times_floor(self) -> float | None:
        """Latency in times of the floor, where that is known."""
        return self.median_s / self.floor_s if self.floor_s else None

    @property
    def timed_on(self) -> str:
        """Its setting, or its backend in documents without."""
        return self.setting or self.backend


@dataclass(frozen=True, slots=True)
class Counted:
    """Instructions of one call on an emulated core: a number that is no time, and holds on every machine alike."""

    backend: str
    device: str
    """With the core: "arm-emulated:cortex-a76"."""
    core: str
    runtime: str
    """Name and version of what runs the network there."""
    batch: int
    dtype: str
    instructions: Instructions
    threads: int = 1
    setting: str = ""
    """As that of a timing, as are the following."""
    warnings: tuple[str, ...] = ()
    size_bytes: int | None = None
    difference: float | None = None

    @property
    def timed_on(self) -> str:
        """What it was counted on, as :attr:`Timing.timed_on`."""
        return self.setting or self.backend


@dataclass(frozen=True, slots=True)
class Untimed:
    """A setting that a network was not timed on, or that its instructions were not counted on."""

    backend: str
    device: str
    setting: str
    """As that of a timing."""
    reason: str
    """In a sentence."""
    difference: float | None = None
    """From torch, as that of a timing, where that is the reason."""
    failed: bool = True
    """Whether that is an error; it is none where a backend does not run networks of this kind."""

    @property
    def timed_on(self) -> str:
        """What it would have been timed on, as :attr:`Timing.timed_on`."""
        return self.setting or self.backend

    @property
    def is_count(self) -> bool:
        """Whether it is instructions that are missing, not a latency."""
        return self.device.startswith(EMULATED)


@dataclass(frozen=True, slots=True)
class Relative:
    """Ratio of two latencies of one run, paired round by round: above 1 is slower."""

    backend: str
    to: str
    """What it is relative to: name of the first network, in `across` the first setting."""
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
    """Latency against the first network that was timed on the same setting; that one itself has none."""
    pareto: bool | None = None
    """On the front of published top-1 against latency on the first setting that timed anything; where none did,
    against instructions on the first core that counted any, else against mult-adds. Null without a published top-1, or
    with too few rounds to tell."""
    across: tuple[Relative, ...] = ()
    """Latency against the first setting on the same machine that timed the same network; that one itself has none."""
    untimed: tuple[Untimed, ...] = ()
    """Settings that it was not timed on, with the reason."""
    counts: tuple[Counted, ...] = field(default=(), metadata=among("timings", "instructions"))
    """Instructions on emulated cores; in JSON they stand among the timings, and hold no seconds."""

    @property
    def measured(self) -> tuple[Timing | Counted, ...]:
        """Latencies, then instructions."""
        return (*self.timings, *self.counts)

    def relative_of(self, timing: Timing) -> Relative | None:
        """The ratio to the first network that belongs to ``timing``."""
        return self._of(self.relative, timing)

    def across_of(self, timing: Timing) -> Relative | None:
        """The ratio to the first setting that belongs to ``timing``."""
        return self._of(self.across, timing)

    def _of(self, ratios: Sequence[Relative], timing: Timing) -> Relative | None:
        """The ratio on the same setting; earlier versions have none, so by backend, one after the other."""

        def alike(items: Sequence[Any]) -> list[Any]:
            return [item for item in items if (item.backend, item.setting) == (timing.backend, timing.setting)]

        place = next((place for place, item in enumerate(alike(self.timings)) if item is timing), 0)
        found = alike(ratios)
        return found[place] if place < len(found) else None


@dataclass(frozen=True, slots=True)
class CompareResult(Document):
    """Several networks side by side, timed in the same interleaved rounds."""

    schema: ClassVar[str] = "lwprof.compare/1"
    models: tuple[ComparedModel, ...]
    environment: Mapping[str, Scalar] = field(default_factory=dict)
    interrupted: bool = False
    failure: str = ""
    """Why torch cannot run a network; the others are timed."""
    settings: tuple[str, ...] = ()
    """What was to be timed on, in order; empty where nothing was, and in documents of earlier versions."""
    boards: Mapping[str, Mapping[str, Scalar]] = field(default_factory=dict)
    """What is known of each board that something was timed on, by the name of the device; ``environment`` is of the
    machine that lwprof ran on."""

    @property
    def timed_on(self) -> tuple[str, ...]:
        """The settings that something was timed on, in order."""
        return self._ordered(timing.timed_on for model in self.models for timing in model.timings)

    @property
    def counted_on(self) -> tuple[str, ...]:
        """The settings that instructions were counted on, in order; no latency is of any of them."""
        return self._ordered(count.timed_on for model in self.models for count in model.counts)

    @property
    def measured_on(self) -> tuple[str, ...]:
        """Both together, in order."""
        return self._ordered(item.timed_on for model in self.models for item in model.measured)

    @property
    def pareto_on(self) -> str:
        """The setting that the Pareto front is of: the first timed on, else the first counted on, else empty."""
        return next(iter(self.timed_on or self.counted_on), "")

    def _ordered(self, found: Iterable[str]) -> tuple[str, ...]:
        known = dict.fromkeys(found)
        return tuple(setting for setting in dict.fromkeys([*self.settings, *known]) if setting in known)

    def untimed(self) -> Iterator[tuple[ComparedModel, Untimed]]:
        """Every setting that a network was not timed on, with that network."""
        return ((model, item) for model in self.models for item in model.untimed)

    def to_pandas(self) -> Any:
        """One row a network, nested keys joined by dots, as a :class:`pandas.DataFrame`."""
        import pandas

        return pandas.json_normalize([plain(model) for model in self.models])
