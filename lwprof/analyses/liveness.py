"""Liveness: how many bytes of activations are alive at once, over the execution order.

A network's input is alive until its last use, its output to the end; at an operator its inputs and outputs
are alive together. Weights and workspace are not counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from lwprof.graph import OpGraph, Value

Step = tuple[Iterable[Value], Iterable[Value]]
"""What one step reads and what it writes."""


def peak_bytes(graph: OpGraph, steps: Sequence[Step]) -> int:
    """Return the most activation bytes alive at any step."""
    values = graph.values
    first = {value.root: 0 for value in graph.inputs}
    last: dict[int, int] = {}
    for position, (reads, writes) in enumerate(steps):
        for value in reads:
            last[value.root] = position
        for value in writes:
            if values[value.root].source == "operator":  # not a view of a weight
                first.setdefault(value.root, position)
            last[value.root] = position
    end = len(steps) - 1
    for value in graph.outputs:
        last[value.root] = end
    change = [0] * (end + 2)
    for root, start in first.items():
        if root in last:
            size = values[root].bytes
            change[start] += size
            change[last[root] + 1] -= size
    peak = alive = 0
    for step in change:
        alive += step
        peak = max(peak, alive)
    return peak
