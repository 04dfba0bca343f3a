"""Analyses: what the costs of a graph's operators add up to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from lwprof.analyses.blocks import PlacedBlock, building_blocks, fragmentation
from lwprof.analyses.floors import CONTRADICTED, Floor, Work, floor, holds_for, scale
from lwprof.analyses.fused_layers import FusedLayer, fused_layers, joined, winograd_mult_adds
from lwprof.analyses.fusion import Group, fused_groups
from lwprof.analyses.layers import kinds, layer_kinds, layers
from lwprof.analyses.liveness import peak_bytes
from lwprof.analyses.parameters import parameters
from lwprof.analyses.places import place, placed_layers
from lwprof.analyses.traffic import Costed, costed
from lwprof.graph import OpGraph
from lwprof.results.structure import Coverage, MemoryAccess, OpCount, Totals

__all__ = [
    "CONTRADICTED",
    "Costed",
    "Floor",
    "FusedLayer",
    "Group",
    "PlacedBlock",
    "Work",
    "building_blocks",
    "costed",
    "coverage",
    "floor",
    "fragmentation",
    "fused_groups",
    "fused_layers",
    "holds_for",
    "joined",
    "kinds",
    "layer_kinds",
    "layers",
    "parameters",
    "place",
    "placed_layers",
    "scale",
    "totals",
    "winograd_mult_adds",
]


def totals(graph: OpGraph, rows: Sequence[Costed], params: Mapping[int, int], groups: Sequence[Group]) -> Totals:
    """Add up a graph's costs: those of its operators, of its parameters and of its fused groups."""
    mult_adds = additions = elementwise = launches = paper = paper_bytes = eager = eager_bytes = 0
    steps = []
    for row in rows:
        operator, cost = row.operator, row.cost
        steps.append((operator.inputs, operator.outputs))
        if operator.effect != "view":
            launches += 1
        mult_adds += cost.mult_adds
        additions += cost.additions
        elementwise += cost.elementwise_ops
        paper += cost.paper_elements
        paper_bytes += cost.paper_bytes
        eager += row.elements
        eager_bytes += row.bytes
    elements = trainable = param_bytes = buffers = 0
    for weight in graph.weights:
        if weight.number in params:
            elements += weight.elements
            param_bytes += weight.bytes
            if weight.trainable:
                trainable += weight.elements
        else:
            buffers += weight.elements
    return Totals(
        params=elements,
        trainable_params=trainable,
        buffers=buffers,
        param_bytes=param_bytes,
        mult_adds=mult_adds,
        additions=additions,
        elementwise_ops=elementwise,
        launches=launches,
        memory_access=MemoryAccess(
            paper_elements=paper,
            paper_bytes=paper_bytes,
            eager_elements=eager,
            eager_bytes=eager_bytes,
            fused_elements=sum(group.elements for group in groups),
            fused_bytes=sum(group.bytes for group in groups),
        ),
        peak_activation_bytes=peak_bytes(graph, steps),
        fused_peak_activation_bytes=peak_bytes(graph, [(group.reads, group.writes) for group in groups]),
    )


def coverage(graph: OpGraph, rows: Sequence[Costed]) -> Coverage:
    """Say what was counted, what is free and why, and what is unknown.

    A tensor that no seen operator made, such as one that came through NumPy, is unknown as well.
    """
    free: Counter[tuple[str, str]] = Counter()
    unknown: Counter[str] = Counter()
    counted = 0
    for row in rows:
        operator, cost = row.operator, row.cost
        if cost.state == "free":
            free[operator.name, cost.reason] += 1
        elif cost.state == "unknown":
            unknown[operator.name] += 1
        else:
            counted += 1
    unseen = sum(value.source == "unseen" for value in graph.values)
    if unseen:
        unknown["tensor made outside torch operators"] += unseen
    return Coverage(
        counted=counted,
        free=sum(free.values()),
        unknown=tuple(OpCount(name, count) for name, count in sorted(unknown.items())),
        free_ops=tuple(OpCount(name, count, reason) for (name, reason), count in sorted(free.items())),
    )
