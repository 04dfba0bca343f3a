"""Fragments: the convolutions and poolings of a building block, and how many can run side by side.

ShuffleNetV2 (1807.11164), section 2, G3: a fragmented block has many small operators, in series or in
parallel. ``branches`` is the largest antichain of the fragments, ``depth`` their longest chain.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from lwprof.costs import Cost
from lwprof.graph import Operator

FRAGMENT_KINDS = frozenset({"pointwise", "depthwise", "grouped", "dense conv", "adder", "pooling"})


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
    heights: list[int] = []  # and the longest chain of them
    before: list[int] = []
    for operator in operators:
        mask = height = 0
        for index in operator.after:
            if index >= start:
                mask |= reached[index - start]
                height = max(height, heights[index - start])
        place = bit.get(operator.index)
        if place is not None:
            before.append(mask)
            mask |= 1 << place
            height += 1
        reached.append(mask)
        heights.append(height)
    return len(fragments), _width(tuple(before)), max(heights, default=0)


@lru_cache(maxsize=4096)
def _width(before: tuple[int, ...]) -> int:
    """Size of the largest antichain of a partial order; ``before[i]`` has a bit for every element below ``i``.

    It is the number of elements less a maximum matching of the order (Dilworth 1950). Nearest elements are
    tried first, so that a chain is matched in one pass.
    """
    above_of: dict[int, int] = {}  # a matched element -> its partner above
    for element in range(len(before)):
        seekers, tried = [element], 0
        through: list[int] = []
        while seekers:
            left = before[seekers[-1]] & ~tried
            if not left:
                seekers.pop()
                del through[-1:]
                continue
            lower = left.bit_length() - 1
            tried |= 1 << lower
            through.append(lower)
            if lower not in above_of:
                above_of.update(zip(through, seekers, strict=True))
                break
            seekers.append(above_of[lower])
    return len(before) - len(above_of)
