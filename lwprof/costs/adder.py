"""Adder layers: distances instead of products."""

from __future__ import annotations

from math import prod

from lwprof.costs.cost import Cost, Rule
from lwprof.graph import Operator


def adder(operator: Operator) -> Cost:
    """Two additions a tap, a difference and its sum, and no mult-adds; memory access is that of a convolution.

    AdderNet (1912.13200), equation 2. The sign that makes a difference absolute is not counted.

    >>> from lwprof.graph import operator
    >>> made = operator("lwprof::adder2d", (1, 16, 32, 32), input=(1, 16, 32, 32), weight=(16, 16, 3, 3))
    >>> cost = adder(made)
    >>> cost.mult_adds, cost.additions  # 2 * 32*32*16 * 16*9
    (0, 4718592)
    >>> cost.paper_elements  # 2 * 32*32*16 + 16*16*9
    35072
    """
    weight = operator.arguments["weight"].shape
    taps = prod(operator.outputs[0].shape) * prod(weight[1:])
    return Cost("adder", additions=2 * taps, paper_elements=operator.elements, paper_bytes=operator.bytes)


RULES: dict[str, Rule] = {"lwprof::adder2d": adder}
