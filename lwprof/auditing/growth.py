"""Growth: which numbers of a network are larger than before, and which layers that comes from."""

from __future__ import annotations

from lwprof.auditing.origins import origins
from lwprof.auditing.quantities import FRAGMENTS, QUANTITIES
from lwprof.auditing.snapshots import Snapshot, renamed
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
    found, _ = origins(old.layers, new.layers, lambda counts: frozenset(counts.items()), renamed(old, new))
    layers: list[Growth] = []
    for total in network:
        if total.quantity == FRAGMENTS:
            parts = (  # those that have more than any had before
                Growth(FRAGMENTS, name, old.blocks.get(name, 0), fragments)
                for name, fragments in new.blocks.items()
                if fragments > total.old
            )
        else:
            parts = (
                Growth(total.quantity, name, found.get(name, {}).get(total.quantity, 0), counts[total.quantity])
                for name, counts in new.layers.items()
                if name and total.quantity in counts
            )
        grown = [part for part in parts if part.new > part.old]
        layers += sorted(grown, key=lambda part: part.old - part.new)
    return (*network, *layers)
