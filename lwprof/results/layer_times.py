"""Layer times: where the time of one call of a network goes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
    """One a round: of its observed call, or the mean of them where calls are too short to be alone."""


def together(layers: Sequence[LayerTime]) -> tuple[float, tuple[float, float]]:
    """Add up the medians of layers, and the ends of their intervals: as if all erred alike.

    The median of what they take together in a call would be of calls that were disturbed: on a busy machine nearly
    every call is, each in another layer.
    """
    low, high = (sum(layer.ci95_s[end] for layer in layers) for end in (0, 1))
    return sum(layer.median_s for layer in layers), (low, high)


@dataclass(frozen=True, slots=True)
class KindTime:
    """Time of all layers of a kind."""

    kind: str
    median_s: float
    """Sum of the medians of its layers, as the ends of the interval are of theirs."""
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

    In every sample, the times of the layers and ``unattributed`` add up to the whole time of the observed call.
    """

    timing: Timing
    """The network's latency while nobody looks into it."""
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

    @property
    def total_s(self) -> float:
        """Sum of all layers' medians and of what is unattributed: shares of the time are of that."""
        return sum(item.median_s for item in (*self.layers, self.unattributed))


OUT_OF_PROPORTION, SMALLEST_SHARE = 2.0, 0.01


@dataclass(frozen=True, slots=True)
class Shares:
    """Shares of a network's time and of its costs; ``None`` of a cost that it has none of."""

    time: float | None
    mult_adds: float | None
    eager_elements: float | None
    """Of the memory access in the eager view, which every layer has a part in."""

    @property
    def excess(self) -> float | None:
        """The share of the time in times of the larger share of the costs; ``None`` where there is no cost."""
        explained = max(self.mult_adds or 0.0, self.eager_elements or 0.0)
        return (self.time or 0.0) / explained if explained else None

    @property
    def out_of_proportion(self) -> bool:
        """Whether it takes a share of the time that is worth a look, and twice what either cost would explain."""
        excess = self.excess
        return (self.time or 0.0) >= SMALLEST_SHARE and (excess is None or excess >= OUT_OF_PROPORTION)
