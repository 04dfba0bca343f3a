"""Origins: which earlier thing each of several named things comes from, where some were renamed or moved."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from typing import TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


def origins(
    old: Mapping[K, V], new: Mapping[K, V], numbers: Callable[[V], Hashable], renamed: bool
) -> tuple[dict[K, V], dict[K, V]]:
    """Find what each of ``new`` was, by its name, and what of ``old`` is gone.

    First come those that did not change; then, where layers have other names than before, those that only moved, for
    a layer that is put into a Sequential renames all behind it; then those of the same name with other numbers. The
    others are new.

    >>> same = lambda number: number
    >>> origins({"0": 7, "1": 5}, {"0": 7, "1": 9, "2": 5}, same, renamed=True)  # "1" is new, and was moved on to "2"
    ({'0': 7, '2': 5}, {})
    >>> origins({"0": 7, "1": 5}, {"0": 5, "1": 6}, same, renamed=False)
    ({'0': 7, '1': 5}, {})

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
    moved: dict[Hashable, list[K]] = {}
    for name, item in left.items() if renamed else ():
        moved.setdefault(numbers(item), []).append(name)
    for name, item in new.items():
        if name not in found and (names := moved.get(numbers(item))):
            found[name] = left.pop(names.pop(0))
    for name in new:
        if name not in found and name in left:
            found[name] = left.pop(name)
    return found, left
