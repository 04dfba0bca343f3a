"""Changes: what of one network comes from what in an earlier one, and which of its numbers are larger now."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Mapping
from typing import TypeVar

from lwprof.auditing.quantities import FRAGMENTS, QUANTITIES
from lwprof.auditing.snapshots import Snapshot, renamed
from lwprof.results.audit import Growth

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


def origins(
    old: Mapping[K, V], new: Mapping[K, V], numbers: Callable[[V], Hashable], renamed: bool
) -> tuple[dict[K, V], dict[K, V]]:
    """Find what each of ``new`` was, by its name, and what of ``old`` is gone.

    First come those that did not change; then, where layers have other names than before, those that only moved, for
    a layer that is put into a Sequential renames all behind it, first to names that differ in their numbers alone;
    then those of the same name with other numbers. The others are new.

    >>> same = lambda number: number
    >>> origins({"0": 7, "1": 5}, {"0": 7, "1": 9, "2": 5}, same, renamed=True)  # "1" is new, and was moved on to "2"
    ({'0': 7, '2': 5}, {})
    >>> origins({"0": 7, "1": 5}, {"0": 5, "1": 6}, same, renamed=False)
    ({'0': 7, '1': 5}, {})
    >>> origins({"0.add": 7, "1": 7}, {"1.add": 7, "2": 7}, same, renamed=True)[0]
    {'1.add': 7, '2': 7}

    Args:
        old: what there was, by name.
        new: what there is.
        numbers: what makes two of them the same but for their names.
        renamed: whether layers have other names than before.
    """
    found: dict[K, V] = {}
    left = dict(old)
    for name, item in new.items():
        if name in left and numbers(left[name]) == numbers(item):
            found[name] = left.pop(name)
    for likeness in (_pattern, lambda name: None) if renamed else ():
        moved: dict[Hashable, list[K]] = {}
        for name, item in left.items():
            moved.setdefault((likeness(name), numbers(item)), []).append(name)
        for name, item in new.items():
            if name not in found and (names := moved.get((likeness(name), numbers(item)))):
                found[name] = left.pop(names.pop(0))
    for name in new:
        if name not in found and name in left:
            found[name] = left.pop(name)
    return found, left


def _pattern(name: Hashable) -> str:
    """A name without its numbers."""
    return re.sub(r"\d+", "#", str(name))


def growth(old: Snapshot, new: Snapshot) -> tuple[Growth, ...]:
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
