"""Structure: what one network costs, and which layers cost it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from lwprof.results.document import Document, plain


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """Shape and dtype of one input."""

    shape: tuple[int, ...]
    dtype: str


@dataclass(frozen=True, slots=True)
class Model:
    """Which network was looked at, and with which inputs."""

    name: str
    spec: str
    inputs: tuple[TensorSpec, ...]


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


@dataclass(frozen=True, slots=True)
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
    """A module with everything inside it, as :meth:`ProfileResult.subtrees` sums it."""

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


IMAGENET = "ImageNet"
"""The data set that published accuracies are of unless they say otherwise."""


@dataclass(frozen=True, slots=True)
class Published:
    """What the network's authors print for this variant."""

    top1: float | None
    params_millions: float | None
    mult_adds_millions: float | None
    source: str = ""
    dataset: str = IMAGENET
    """What ``top1`` was measured on."""


@dataclass(frozen=True, slots=True)
class ProfileResult(Document):
    """What one network costs, and which layers cost it."""

    schema: ClassVar[str] = "lwprof.profile/1"
    model: Model
    totals: Totals
    kinds: tuple[Kind, ...]
    fragmentation: Fragmentation
    coverage: Coverage
    layers: tuple[Layer, ...]
    input_dependent: bool = False
    """The network ran on real values: where its control flow reads them, another input may give other counts."""
    published: Published | None = None

    @property
    def params_with_mult_adds(self) -> int:
        """Parameters of the kinds that have mult-adds, or additions in their place.

        Normalisation is left out, as papers do in shares by kind.
        """
        return sum(kind.params for kind in self.kinds if kind.mult_adds or kind.additions)

    def subtrees(self) -> tuple[Subtree, ...]:
        """Sum the layers up the module tree: every module before the modules inside it, siblings in running order."""
        sums: dict[tuple[str, ...], list[int]] = {}
        own: dict[tuple[str, ...], Layer] = {}
        for layer in self.layers:
            path = tuple(layer.name.split(".")) if layer.name else ()
            own[path] = layer
            cost = layer.params, layer.mult_adds, layer.paper_elements, layer.eager_elements, layer.additions
            for depth in range(len(path) + 1):
                sums[path[:depth]] = [a + b for a, b in zip(sums.get(path[:depth], (0,) * 5), cost, strict=True)]
        rank = {path: place for place, path in enumerate(sums)}
        order = sorted(sums, key=lambda path: [rank[path[:depth]] for depth in range(len(path) + 1)])
        return tuple(Subtree(".".join(path), len(path), own.get(path), *sums[path]) for path in order)

    def to_pandas(self) -> Any:
        """One row a layer, as a :class:`pandas.DataFrame`."""
        import pandas

        return pandas.DataFrame([plain(layer) for layer in self.layers])
