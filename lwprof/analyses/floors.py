"""Floors: the latency that a machine's ceilings allow, by the roofline model.

Williams, Waterman and Patterson, "Roofline: an insightful visual performance model for multicore architectures",
Communications of the ACM 52(4), 2009.
"""

from __future__ import annotations

from dataclasses import dataclass

from lwprof.analyses.fused_layers import FusedLayer
from lwprof.results import CACHED, COMPUTE, MEMORY, WINOGRAD, Ceilings, Totals
from lwprof.units import dtype_bytes

CONTRADICTED = 0.95
"""Share of its floor below which a latency shows that the ceilings are too low."""


@dataclass(frozen=True, slots=True)
class Work:
    """What is to be computed and moved."""

    mult_adds: int
    winograd_mult_adds: int
    """Of these, those that may be computed by Winograd's algorithm."""
    weight_bytes: float
    data_bytes: float
    """Of activations, read plus written."""
    resident_bytes: float
    """What has to stay in the cache so that no call, or layer, reads its weights from memory."""
    alive_bytes: float
    """What has to stay there so that no activation goes to memory."""

    @property
    def bytes(self) -> float:
        """Of both."""
        return self.weight_bytes + self.data_bytes

    @classmethod
    def of_network(cls, totals: Totals, winograd_mult_adds: int, scale: float = 1.0) -> Work:
        """Work of a whole network, its bytes times ``scale``.

        Between two calls all weights have to stay in the cache; the activations that are alive at once, within one.
        """
        moved, weights = totals.memory_access.fused_bytes, min(totals.param_bytes, totals.memory_access.fused_bytes)
        alive = totals.fused_peak_activation_bytes
        return cls(
            totals.mult_adds, winograd_mult_adds, scale * weights, scale * (moved - weights),
            scale * (weights + alive), scale * alive,
        )  # fmt: skip

    @classmethod
    def of_layer(cls, layer: FusedLayer, scale: float = 1.0) -> Work:
        """Work of one layer, which may find all of its data in the cache where that fits."""
        moved = scale * layer.bytes
        return cls(layer.mult_adds, layer.winograd_mult_adds, 0.0, moved, moved, moved)


@dataclass(frozen=True, slots=True)
class Floor:
    """The shortest latency that the ceilings allow."""

    seconds: float
    bound: str
    """"compute" or "memory"."""
    marks: tuple[str, ...]
    """As those of :class:`lwprof.results.Place`."""


def floor(work: Work, ceilings: Ceilings) -> Floor:
    """Give the longer of computing every mult-add and of moving every byte.

    Where the backend computes 3x3 convolutions by Winograd's algorithm, those have its measured rate as their roof.
    What stays in the cache has the cache's rate: the activations, and the weights where both fit together.
    """
    fast = work.winograd_mult_adds if ceilings.winograd else 0
    compute = (work.mult_adds - fast) / ceilings.mult_adds_per_s
    if fast:
        compute += fast / (ceilings.winograd_mult_adds_per_s or ceilings.mult_adds_per_s)

    def moving(size: float, kept: float) -> float:
        return size / (ceilings.cache_bytes_per_s if kept <= ceilings.cache_bytes else ceilings.bytes_per_s)

    memory = moving(work.weight_bytes, work.resident_bytes) + moving(work.data_bytes, work.alive_bytes)
    marks = (WINOGRAD,) * bool(fast) + (CACHED,) * (work.resident_bytes <= ceilings.cache_bytes)
    return Floor(max(compute, memory), COMPUTE if compute >= memory else MEMORY, marks)


def scale(dtype: str, own: str) -> float:
    """How many bytes an element takes in the dtype that is computed in, for one in the network's own.

    >>> scale("int8", "float32"), scale("", "float32"), scale("tf32", "float32")
    (0.25, 1.0, 1.0)
    """
    name = {"tf32": "float32", "float16-weights": "float32"}.get(dtype, dtype)
    return dtype_bytes(name) / dtype_bytes(own) if name else 1.0
