"""Growth: which numbers of a network are larger than before, and which layers that comes from."""

from __future__ import annotations

from collections.abc import Iterator

from lwprof.auditing.origins import origins
from lwprof.auditing.quantities import FRAGMENTS, QUANTITIES
from lwprof.auditing.snapshots import Snapshot
from lwprof.results import Growth


def between(old: Snapshot, new: Snapshot) -> tuple[Growth, ...]:
    """What grew of the network, then the layers that it comes from, those that grew most first.

    A number that only one of the two has, such as the fragments of a network without blocks, did not grow. What the
    network runs outside of its modules is in its own numbers only.
    """
    network = [
        Growth(quantity.name, "", old.totals[quantity.name], new.totals[quantity.name])
        for quantity in QUANTITIES
        if new.totals.get(quantity.name, 0) > old.totals.get(quantity.name, new.totals.get(quantity.name, 0))
    ]
    found, _ = origins(old.layers, new.layers, lambda counts: frozenset(counts.items()))
    layers: list[Growth] = []
    for total in network:
        if total.quantity == FRAGMENTS:
            parts = _blocks(old, new, total.old)
        else:
            parts = (
                Growth(total.quantity, name, found.get(name, {}).get(total.quantity, 0), counts[total.quantity])
                for name, counts in new.layers.items()
                if name and total.quantity in counts
            )
        grown = [part for part in parts if part.new > part.old]
        layers += sorted(grown, key=lambda part: part.old - part.new)
    return (*network, *layers)


def _blocks(old: Snapshot, new: Snapshot, most: int) -> Iterator[Growth]:
    """The blocks that have more fragments than any had before."""
    found, _ = origins(old.blocks, new.blocks, lambda fragments: fragments)
    for name, fragments in new.blocks.items():
        if fragments > most:
            yield Growth(FRAGMENTS, name, found.get(name, 0), fragments)
