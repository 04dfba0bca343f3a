"""Quantities: the exact numbers of a network that budgets limit and baselines remember."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from lwprof.results.structure import Coverage, Fragmentation, Layer, Totals


class Counted(NamedTuple):
    """What the quantities of a network are taken from."""

    totals: Totals
    fragmentation: Fragmentation
    coverage: Coverage


class Quantity(NamedTuple):
    """One number of a network."""

    name: str
    """A quantity that has views ends in the view's name."""
    of: Callable[[Counted], int | None]
    """``None`` where a network has no such number."""
    of_layer: Callable[[Layer], int] | None = None
    """The part of it that belongs to one layer; those of all layers add up to it."""
    of_bytes: bool = False
    budgeted: bool = True
    """A budget can limit it."""
    partial: bool = False
    """Operators that no rule counts are missing in it."""


FRAGMENTS = "fragments"

QUANTITIES = (
    Quantity("params", lambda counted: counted.totals.params, lambda layer: layer.params),
    Quantity("param_bytes", lambda counted: counted.totals.param_bytes, budgeted=False),
    Quantity("mult_adds", lambda counted: counted.totals.mult_adds, lambda layer: layer.mult_adds, partial=True),
    Quantity("additions", lambda counted: counted.totals.additions, lambda layer: layer.additions, budgeted=False),
    Quantity("elementwise_ops", lambda counted: counted.totals.elementwise_ops, budgeted=False),
    Quantity("launches", lambda counted: counted.totals.launches, budgeted=False),
    Quantity(
        "memory_access.paper",
        lambda counted: counted.totals.memory_access.paper_elements,
        lambda layer: layer.paper_elements,
        partial=True,
    ),
    Quantity(
        "memory_access.eager",
        lambda counted: counted.totals.memory_access.eager_elements,
        lambda layer: layer.eager_elements,
        partial=True,
    ),
    Quantity("memory_access.fused", lambda counted: counted.totals.memory_access.fused_elements, partial=True),
    Quantity("peak_activation.eager", lambda counted: counted.totals.peak_activation_bytes, of_bytes=True),
    Quantity("peak_activation.fused", lambda counted: counted.totals.fused_peak_activation_bytes, of_bytes=True),
    Quantity(FRAGMENTS, lambda counted: counted.fragmentation.max_fragments),
    Quantity("unknown_operators", lambda counted: sum(item.count for item in counted.coverage.unknown), budgeted=False),
)
"""In the order in which they are shown."""


def counts_of(layers: Iterable[Layer]) -> dict[str, dict[str, int]]:
    """What is not 0 of each layer, by its name."""
    shares = [(quantity.name, quantity.of_layer) for quantity in QUANTITIES if quantity.of_layer]
    return {layer.name: {name: number for name, of in shares if (number := of(layer))} for layer in layers}
