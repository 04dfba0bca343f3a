"""Roofline: what a machine can do at best, and how near to it networks and their layers come."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar

from lwprof.results.document import Document, Scalar
from lwprof.results.latency import Untimed

COMPUTE, MEMORY = "compute", "memory"
WINOGRAD, CACHED = "winograd", "cached"
"""Marks of what may pass a ceiling."""

TOLERATED = 1.05
"""Share of its roof that a layer may seem to attain: clocks of single layers are as exact as that."""

NEAREST_BYTES = 2**20
"""What is larger stays in no cache that is nearer than those whose rate is measured."""


@dataclass(frozen=True, slots=True)
class Probe:
    """One thing that was measured to find a ceiling."""

    name: str
    """Such as "matmul 1024x1024x1024"."""
    amount: int
    """Mult-adds, or bytes read plus written, of one call."""
    best_s: float
    """The shortest sample."""
    samples_s: tuple[float, ...] = ()
    of_bytes: bool = False
    """Whether it is bytes that ``amount`` counts."""

    @property
    def rate(self) -> float:
        """Per second, at best."""
        return self.amount / self.best_s


@dataclass(frozen=True, slots=True)
class Ceilings:
    """What one backend attains at best on a machine: the roofs."""

    backend: str
    device: str
    threads: int
    dtype: str
    setting: str
    """As that of a timing."""
    mult_adds_per_s: float
    """The best of a large matrix product and large convolutions, none by Winograd."""
    bytes_per_s: float
    """Of memory: what is larger than the last cache, read plus written."""
    cache_bytes_per_s: float
    """The same of what stays in a cache, at best."""
    cache_bytes: int
    """Size of the last cache."""
    winograd: bool = False
    """Whether 3x3 convolutions pass the nominal ceiling: the backend computes them with fewer mult-adds."""
    probes: tuple[Probe, ...] = ()
    cores: str = ""
    measured: str = ""
    """When, as ISO 8601 in UTC."""
    winograd_mult_adds_per_s: float | None = None
    """Mult-adds of 3x3 convolutions, counted as if none were saved: their roof; null where it is not ``winograd``."""

    @property
    def knee(self) -> float:
        """Mult-adds per byte above which the roof is flat: below it is the memory that limits."""
        return self.mult_adds_per_s / self.bytes_per_s

    @property
    def cache_knee(self) -> float:
        """The same for what stays in the cache."""
        return self.mult_adds_per_s / self.cache_bytes_per_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Something under the roof."""

    mult_adds: int
    bytes: int
    """Memory access in the fused view."""
    latency_s: float
    ci95_s: tuple[float, float]
    intensity: float
    """Mult-adds per byte."""
    attained: float
    """Mult-adds per second."""
    roof: float
    """Mult-adds per second that the ceilings allow at this intensity; 0 for what has none."""
    floor_s: float
    """Latency that the ceilings allow: the longer of computing at the one and of moving the bytes at the other."""
    share: float
    """Of the roof that is attained: the floor over the latency."""
    bound: str
    """What that floor is made of: "compute" or "memory"."""
    marks: tuple[str, ...] = ()
    """"winograd": may be computed with fewer mult-adds; "cached": its data may stay in the cache, whose roof it has."""

    @property
    def times_floor(self) -> float | None:
        """Its latency in times of the floor; ``None`` where there is no floor."""
        return self.latency_s / self.floor_s if self.floor_s else None

    @property
    def is_above(self) -> bool:
        """Whether it passes its roof, which shows a wrong count, a wrong clock, or ceilings that are too low."""
        return self.share > TOLERATED


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedLayer(Place):
    """A layer under the roof, or several that run as one."""

    layers: tuple[str, ...]
    """Qualified names of the modules, the one that leads first."""
    kind: str

    @property
    def is_above(self) -> bool:
        """Whether it passes its roof, without a mark that explains it.

        Being cached explains it only of little data whose moving makes the floor: nearer caches are faster still.
        """
        near = CACHED in self.marks and self.bound == MEMORY and self.bytes <= NEAREST_BYTES
        return self.share > TOLERATED and WINOGRAD not in self.marks and not near


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedModel(Place):
    """One network on one setting."""

    name: str
    spec: str
    setting: str
    layers: tuple[PlacedLayer, ...] = ()
    """In the network's order; empty where the backend's layers are not timed."""
    unattributed_s: float | None = None
    """Of its latency, what belongs to no layer."""


@dataclass(frozen=True, slots=True)
class RooflineResult(Document):
    """A machine's ceilings, and networks under them."""

    schema: ClassVar[str] = "lwprof.roofline/1"
    ceilings: Mapping[str, Ceilings]
    """By setting."""
    models: tuple[PlacedModel, ...] = ()
    environment: Mapping[str, Scalar] = field(default_factory=dict)
    untimed: tuple[Untimed, ...] = ()
    interrupted: bool = False

    def __post_init__(self) -> None:
        for model in self.models:
            if model.setting not in self.ceilings:
                raise ValueError(f"it lacks the ceilings of {model.setting}")

    @property
    def above(self) -> tuple[tuple[PlacedModel, Place], ...]:
        """What passes its roof without a mark that explains it, with its network: there should be nothing."""
        return tuple((model, place) for model in self.models for place in (model, *model.layers) if place.is_above)

    def to_pandas(self) -> Any:
        """One row a network and one each of its layers, as a :class:`pandas.DataFrame`."""
        import pandas

        return pandas.DataFrame(
            [
                {
                    "name": model.name,
                    "setting": model.setting,
                    "layers": " ".join(place.layers) if isinstance(place, PlacedLayer) else "",
                    "kind": place.kind if isinstance(place, PlacedLayer) else "",
                    **{item.name: getattr(place, item.name) for item in fields(Place)},
                }
                for model in self.models
                for place in (model, *model.layers)
            ]
        )
