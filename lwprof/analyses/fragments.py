"""Fragments: the convolutions and poolings of a building block, and how many can run side by side.

ShuffleNetV2 (1807.11164), section 2, G3: a fragmented block has many small operators, in series or in
parallel. ``branches`` is the largest antichain of the fragments, ``depth`` their longest chain.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from lwprof.costs import Cost
from lwprof.graph import Operator

FRAGMENT_KINDS = frozenset({"pointwise", "depthwise", "grouped", "dense conv", "pooling"})


def is_fragment(operator: Operator, cost: Cost) -> bool:
    """Whether ``operator`` is a convolution, a pooling, or a linear layer on maps (a 1x1 convolution)."""
    if cost.kind in FRAGMENT_KINDS:
        return True
    return cost.kind == "linear" and len(operator.inputs[0].shape) == 4


def shape_of(operators: Sequence[Operator], fragments: Sequence[int]) -> tuple[int, int, int]:
    """Return (fragments, branches, depth) of a run of operators.

    Args:
        operators: consecutive operators of a graph.
        fragments: indices, in the graph, of those that are fragments.
    """
    start = operators[0].index if operators else 0
    bit = {index: place for place, index in enumerate(fragments)}
    reached: list[int] = []  # per operator, a bit set of the fragments that run before it
    before: list[int] = []
    for operator in operators:
        mask = 0
        for index in operator.after:
            if index >= start:
                mask |= reached[index - start]
        place = bit.get(operator.index)
        if place is not None:
            before.append(mask)
            mask |= 1 << place
        reached.append(mask)
    branches, depth = _order_shape(tuple(before))
    return len(fragments), branches, depth


@lru_cache(maxsize=4096)
def _order_shape(before: tuple[int, ...]) -> tuple[int, int]:
    """Width and height of a partial order; ``before[i]`` has a bit for every element below ``i``.

    The largest antichain is the number of elements less a maximum matching of the order (Dilworth 1950).
    """
    height: list[int] = []
    for mask in before:
        height.append(1 + max((height[j] for j in range(len(height)) if mask >> j & 1), default=0))
    above_of: dict[int, int] = {}

    def match(element: int, tried: set[int]) -> bool:
        for lower in range(element):
            if before[element] >> lower & 1 and lower not in tried:
                tried.add(lower)
                if lower not in above_of or match(above_of[lower], tried):
                    above_of[lower] = element
                    return True
        return False

    matched = sum(match(element, set()) for element in range(len(before)))
    return len(before) - matched, max(height, default=0)
