"""Fused layers: modules as an inference runtime runs them, those together whose operators it fuses."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from lwprof.analyses.fusion import Group
from lwprof.analyses.traffic import Costed
from lwprof.graph import Operator, OpGraph


@dataclass(frozen=True, slots=True)
class FusedLayer:
    """Modules whose own operators run fused, and what all calls of them cost together."""

    names: tuple[str, ...]
    """Qualified names, the costliest module first, then in the network's order; empty for the network itself."""
    kind: str
    """Of the costliest operator."""
    mult_adds: int
    bytes: int
    """Memory access in the fused view."""
    winograd_mult_adds: int = 0
    """Of the mult-adds, those that may be computed by Winograd's algorithm."""
    largest_bytes: int = 0
    """Of the bytes, those of the call that moves most; 0 where there is one."""


def fused_layers(graph: OpGraph, rows: Sequence[Costed], groups: Sequence[Group]) -> tuple[FusedLayer, ...]:
    """Join the modules whose operators share fused groups; their costs sum to the network's."""
    costs = {row.operator.index: row.cost for row in rows}
    owner = {
        row.operator.index: graph.calls[row.operator.call].module if row.operator.call >= 0 else "" for row in rows
    }
    sets = [{owner[member.index] for member in group.members} for group in groups]
    rank = {name: place for place, name in enumerate(dict.fromkeys(owner.values()))}
    found = []
    for names in joined(sets):
        inside = [group for group, members in zip(groups, sets, strict=True) if not members.isdisjoint(names)]
        operators = [member for group in inside for member in group.members]
        leading = max(operators, key=lambda item: (costs[item.index].mult_adds, item.bytes))
        first = owner[leading.index]
        found.append(
            FusedLayer(
                (first, *sorted(names - {first}, key=rank.__getitem__)),
                costs[leading.index].kind,
                sum(costs[item.index].mult_adds for item in operators),
                sum(group.bytes for group in inside),
                sum(costs[item.index].mult_adds for item in operators if is_for_winograd(item, costs[item.index].kind)),
                max(group.bytes for group in inside) if inside[1:] else 0,
            )
        )
    return tuple(found)


def winograd_mult_adds(rows: Iterable[Costed]) -> int:
    """Count the mult-adds that may be computed by Winograd's algorithm."""
    return sum(row.cost.mult_adds for row in rows if is_for_winograd(row.operator, row.cost.kind))


def is_for_winograd(operator: Operator, kind: str) -> bool:
    """Whether a runtime may compute it with fewer multiplications: a dense 3x3 convolution of stride 1.

    Lavin and Gray, 2015 (arXiv:1509.09308). For other kernels runtimes do not; of strides it saves nothing.

    >>> from lwprof.graph import operator
    >>> image, weight = (1, 8, 6, 6), (8, 8, 3, 3)
    >>> conv = operator("aten::conv2d", image, input=image, weight=weight, stride=[1, 1])
    >>> is_for_winograd(conv, "dense conv")
    True
    """
    if kind != "dense conv" or "conv_transpose" in operator.name or operator.arguments.get("transposed"):
        return False
    weight = operator.arguments.get("weight")
    ones = (_each(operator.arguments.get(name, 1)) for name in ("stride", "dilation"))
    return weight is not None and tuple(weight.shape[2:]) == (3, 3) and all(item == {1} for item in ones)


def joined(sets: Iterable[Iterable[str]]) -> list[set[str]]:
    """Merge sets until none shares a name with another, in the order of their first appearance.

    >>> [sorted(item) for item in joined([["a", "b"], ["c"], ["b", "d"]])]
    [['a', 'b', 'd'], ['c']]
    """
    merged: list[set[str]] = []
    for item in sets:
        names = set(item)
        touching = [other for other in merged if not other.isdisjoint(names)]
        if not touching:
            merged.append(names)
            continue
        touching[0].update(names, *touching[1:])
        merged = [other for other in merged if not any(other is gone for gone in touching[1:])]
    return merged


def _each(item: object) -> set[object]:
    return set(item) if isinstance(item, Sequence) else {item}
