"""Structure: what one network costs, and which layers cost it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MemoryAccess:
    """Memory access cost (MAC in the ShuffleNetV2 sense): what is read plus what is written."""

    paper_elements: int
    eager_elements: int
    eager_bytes: int
    fused_elements: int
    fused_bytes: int
    paper_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Totals:
    """The structural numbers of a whole call, batch included."""

    params: int
    trainable_params: int
    buffers: int
    param_bytes: int
    mult_adds: int
    additions: int
    elementwise_ops: int
    launches: int
    memory_access: MemoryAccess
    peak_activation_bytes: int
    fused_peak_activation_bytes: int


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of operator: pointwise, depthwise, grouped, dense conv, linear, attention, …"""

    kind: str
    params: int
    mult_adds: int
    paper_elements: int
    additions: int = 0


@dataclass(frozen=True, slots=True)
class Block:
    """One building block."""

    name: str
    type: str
    fragments: int
    branches: int
    depth: int


@dataclass(frozen=True, slots=True)
class Fragmentation:
    """Mean and maxima over the building blocks; ``None`` where a network has no blocks."""

    mean_fragments: float | None
    max_fragments: int | None
    max_branches: int | None
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class OpCount:
    """How often an operator ran, and for a free one why it costs nothing."""

    op: str
    count: int
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Coverage:
    """What the counts cover: operators counted, free, and unknown by name."""

    counted: int
    free: int
    unknown: tuple[OpCount, ...]
    free_ops: tuple[OpCount, ...] = ()


@dataclass(slots=True, unsafe_hash=True)  # not frozen: costs are added up in it
class Layer:
    """A module's own cost, that of the modules inside it left out."""

    name: str
    type: str
    params: int
    mult_adds: int
    paper_elements: int
    eager_elements: int
    input_shapes: tuple[tuple[int, ...], ...]
    output_shapes: tuple[tuple[int, ...], ...]
    additions: int = 0


@dataclass(frozen=True, slots=True)
class Subtree:
    """A module with everything inside it, as :meth:`lwprof.results.profile.ProfileResult.subtrees` sums it."""

    name: str
    depth: int
    """0 for the network itself."""
    layer: Layer | None
    """The module's own cost; ``None`` for one that runs nothing itself."""
    params: int
    mult_adds: int
    paper_elements: int
    eager_elements: int
    additions: int
