"""Building blocks: found in the module tree, or in the graph alone where the modules show none."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple

from lwprof.analyses.fragments import is_fragment, shape_of
from lwprof.analyses.regions import graph_blocks
from lwprof.analyses.traffic import Costed
from lwprof.graph import OpGraph
from lwprof.results.structure import Block, Fragmentation


class PlacedBlock(NamedTuple):
    """A building block, and the operators that it runs: from ``start`` up to, not including, ``stop``."""

    block: Block
    start: int
    stop: int


def building_blocks(graph: OpGraph, rows: Sequence[Costed], block_type: str | None = None) -> list[PlacedBlock]:
    """Find the building blocks and count their fragments, branches and depth.

    Args:
        block_type: the class that is the building block, where the rule guesses wrong.
    """
    places = [row.operator.index for row in rows if is_fragment(row.operator, row.cost)]
    calls = module_blocks(graph, places, block_type)
    types = {module.name: module.type for module in graph.modules}
    spans = [
        (graph.calls[call].module, types[graph.calls[call].module], graph.calls[call].start, graph.calls[call].stop)
        for call in calls
    ]
    if not spans and block_type is None:
        spans = graph_blocks(graph, rows, places)
    blocks = []
    for name, kind, start, stop in spans:
        inside = places[bisect_left(places, start) : bisect_left(places, stop)]
        blocks.append(PlacedBlock(Block(name, kind, *shape_of(graph.operators[start:stop], inside)), start, stop))
    return blocks


def fragmentation(placed: Sequence[PlacedBlock]) -> Fragmentation:
    """Sum the building blocks up for the network."""
    blocks = tuple(block for block, _, _ in placed)
    if not blocks:
        return Fragmentation(None, None, None, ())
    fragments = [block.fragments for block in blocks]
    return Fragmentation(
        sum(fragments) / len(fragments), max(fragments), max(block.branches for block in blocks), blocks
    )


def module_blocks(graph: OpGraph, places: Sequence[int], block_type: str | None = None) -> list[int]:
    """Return the calls that are building blocks.

    A candidate is a call below the root, not of a container, that runs at least two fragments. Walking
    down, a candidate is a block if its class has several candidates, or if no class inside it has.
    """
    modules = {module.name: module for module in graph.modules}
    before = [0] * (len(graph.operators) + 1)
    for place in places:
        before[place + 1] = 1
    before = list(accumulate(before))
    candidate: list[bool] = []
    kinds: list[str] = []
    for call in graph.calls:
        module = modules[call.module]
        kinds.append(module.type)
        several = before[call.stop] - before[call.start] >= 2
        candidate.append(several and call.parent >= 0 and module.name != "" and not module.container)
    if block_type is not None:
        repeated = {block_type}
        candidate = [kind == block_type and graph.calls[i].parent >= 0 for i, kind in enumerate(kinds)]
    else:
        counted = Counter(kind for kind, is_candidate in zip(kinds, candidate, strict=True) if is_candidate)
        repeated = {kind for kind, count in counted.items() if count > 1}
    inner = [False] * len(graph.calls)  # a candidate of a repeated class is somewhere below
    for index in reversed(range(len(graph.calls))):
        parent = graph.calls[index].parent
        if parent >= 0 and (inner[index] or (candidate[index] and kinds[index] in repeated)):
            inner[parent] = True
    found = []
    taken = [False] * len(graph.calls)  # a block, or inside one
    for index, call in enumerate(graph.calls):
        if call.parent >= 0 and taken[call.parent]:
            taken[index] = True
        elif candidate[index] and (kinds[index] in repeated or not inner[index]):
            taken[index] = True
            found.append(index)
    return found
