"""Layer times: where the time of one call of a network goes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from lwprof.results.document import Scalar
from lwprof.results.latency import Relative, Timing


@dataclass(frozen=True, slots=True)
class LayerTime:
    """Time of a layer by itself in one call of the network, all calls of the layer together."""

    layers: tuple[str, ...]
    """Qualified names of the modules that run as one and cannot be told apart, such as a convolution with the batch
    norm and the activation that a runtime fuses into it; the one that leads first. Empty for what belongs to none."""
    kind: str
    """Kind of its costliest operator, as in a profile's kinds."""
    median_s: float
    ci95_s: tuple[float, float]
    samples_s: tuple[float, ...]
    """One an observed call."""


@dataclass(frozen=True, slots=True)
class KindTime:
    """Time of all layers of a kind."""

    kind: str
    median_s: float
    ci95_s: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Span:
    """A layer's call on the time line of one call of the network, with what it calls."""

    layers: tuple[str, ...]
    start_s: float
    """From the start of the network's call."""
    duration_s: float


@dataclass(frozen=True, slots=True)
class LayerTimes:
    """Where the time of one network goes on one setting.

    Of every observed call, the times of the layers and ``unattributed`` add up to that call's whole time.
    """

    timing: Timing
    """The network's latency as nobody looks into it."""
    observed: Relative
    """Latency of the observed calls against that, in the same rounds: what looking costs."""
    layers: tuple[LayerTime, ...]
    """In the order of the profile's layers; those that take no time of their own are left out."""
    kinds: tuple[KindTime, ...]
    """The longest first."""
    unattributed: LayerTime
    """What is left of the call: between the layers, and of operators that belong to none."""
    spans: tuple[Span, ...] = ()
    """Of the observed call that is nearest to the median, in the order in which they began."""
    environment: Mapping[str, Scalar] = field(default_factory=dict)
    interrupted: bool = False
