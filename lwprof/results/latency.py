"""Latency: several networks side by side, timed in the same interleaved rounds."""

from __future__ import annotations

from collections.abc import Mapping
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
    """Seconds to build and prepare the network."""
    first_call_s: float | None = None
    calls_per_sample: int = 1
    single_calls_s: tuple[float, ...] = ()
    """Calls timed one by one, from which ``p90_s`` comes; empty where a call is too short for that."""
    stopped: str = ""
    """Why sampling ended: "interval" (narrow enough), "budget" (time spent), "interrupted" or "failed"."""


@dataclass(frozen=True, slots=True)
class Relative:
    """Latency against the first network of the comparison, paired round by round: above 1 is slower."""

    backend: str
    to: str
    ratio: float
    ci95: tuple[float, float]
    verdict: str
    """"faster", "slower" or "indistinguishable"."""


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
    pareto: bool | None = None
    """On the front of published top-1 against latency (mult-adds where nothing was timed); ``None``
    without a published top-1, or with too few rounds to tell."""

    def relative_of(self, timing: Timing) -> Relative | None:
        """The ratio that belongs to ``timing``: of the same backend, in order where that was timed several times."""
        same = [other for other in self.timings if other.backend == timing.backend]
        ratios = [ratio for ratio in self.relative if ratio.backend == timing.backend]
        place = next((index for index, other in enumerate(same) if other is timing), len(ratios))
        return ratios[place] if place < len(ratios) else None


@dataclass(frozen=True, slots=True)
class CompareResult(Document):
    """Several networks side by side, timed in the same interleaved rounds."""

    schema: ClassVar[str] = "lwprof.compare/1"
    models: tuple[ComparedModel, ...]
    environment: Mapping[str, Scalar] = field(default_factory=dict)
    interrupted: bool = False
    failure: str = ""
    """What a network raised while it was timed; what was measured before is kept."""

    def to_pandas(self) -> Any:
        """One row a network, nested keys joined by dots, as a :class:`pandas.DataFrame`."""
        import pandas

        return pandas.json_normalize([plain(model) for model in self.models])
