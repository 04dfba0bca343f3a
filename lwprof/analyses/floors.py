"""Floors: the latency that a machine's ceilings allow, by the roofline model.

Williams, Waterman and Patterson, "Roofline: an insightful visual performance model for multicore architectures",
Communications of the ACM 52(4), 2009.
"""

from __future__ import annotations

from dataclasses import dataclass

from lwprof.analyses.fused_layers import FusedLayer
from lwprof.results.roofline import CACHED, COMPUTE, MEMORY, WINOGRAD, Ceilings
from lwprof.results.structure import Totals
from lwprof.units import dtype_bytes

CONTRADICTED = 0.95
"""Share of its floor below which a latency shows that the ceilings are too low."""

HALVES = ("bfloat16", "float16")
"""What may be computed faster than float32."""


@dataclass(frozen=True, slots=True)
class Work:
    """What is to be computed and moved."""

    mult_adds: int
    winograd_mult_adds: int
    """Of these, those that may be computed by Winograd's algorithm."""
    bytes: float
    """Read plus written."""
    resident_bytes: float
    """The most that is wanted again at one time: what of it a cache cannot hold has to come from memory."""

    @classmethod
    def of_network(cls, totals: Totals, winograd_mult_adds: int, scale: float = 1.0) -> Work:
        """Work of a whole network, its bytes times ``scale``.

        The weights are wanted again by the next call, and the activations that are alive at once within this one.
        """
        moved = totals.memory_access.fused_bytes
        resident = min(totals.param_bytes, moved) + totals.fused_peak_activation_bytes
        return cls(totals.mult_adds, winograd_mult_adds, scale * moved, scale * resident)

    @classmethod
    def of_layer(cls, layer: FusedLayer, scale: float = 1.0) -> Work:
        """Work of one layer, each call of which may find as much of its data in the cache as fits."""
        resident = scale * (layer.largest_bytes or layer.bytes)
        return cls(layer.mult_adds, layer.winograd_mult_adds, scale * layer.bytes, resident)


@dataclass(frozen=True, slots=True)
class Floor:
    """The shortest latency that the ceilings allow."""

    seconds: float
    bound: str
    """"compute" or "memory"."""
    marks: tuple[str, ...]
    """As those of :class:`lwprof.results.roofline.Place`."""


def floor(work: Work, ceilings: Ceilings) -> Floor:
    """Give the longer of computing every mult-add and of moving every byte.

    Where the backend computes 3x3 convolutions by Winograd's algorithm, those have its measured rate as their roof.
    Of what is wanted again, as much as the cache holds may have the cache's rate; the rest has that of memory.
    """
    fast = work.winograd_mult_adds if ceilings.winograd else 0
    compute = (work.mult_adds - fast) / ceilings.mult_adds_per_s
    if fast:
        compute += fast / (ceilings.winograd_mult_adds_per_s or ceilings.mult_adds_per_s)
    missed = min(max(work.resident_bytes - ceilings.cache_bytes, 0.0), work.bytes)
    memory = missed / ceilings.bytes_per_s + (work.bytes - missed) / ceilings.cache_bytes_per_s
    marks = (WINOGRAD,) * bool(fast) + (CACHED,) * (work.resident_bytes <= ceilings.cache_bytes)
    return Floor(max(compute, memory), COMPUTE if compute >= memory else MEMORY, marks)


def holds_for(computed: str, measured: str) -> bool:
    """Whether ceilings that were measured in one dtype are ceilings of what computes in another.

    >>> holds_for("float32", "float32"), holds_for("float64", "float32"), holds_for("bfloat16", "float32")
    (True, True, False)
    """
    return computed not in HALVES or measured in HALVES


def scale(dtype: str, own: str) -> float:
    """How many bytes an element takes in the dtype that is computed in, for one in the network's own.

    >>> scale("int8", "float32"), scale("", "float32"), scale("tf32", "float32")
    (0.25, 1.0, 1.0)
    """
    name = {"tf32": "float32", "float16-weights": "float32"}.get(dtype, dtype)
    return dtype_bytes(name) / dtype_bytes(own) if name else 1.0
