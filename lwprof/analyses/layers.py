"""Layers and kinds: the same costs folded by module and by kind of operator. Both sum to the totals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lwprof.analyses.traffic import Costed
from lwprof.graph import OpGraph
from lwprof.results import Kind, Layer

UNREAD = "never read"
"""The kind of parameters that no operator reads."""


def kinds(rows: Sequence[Costed], params: Mapping[int, int]) -> tuple[Kind, ...]:
    """Fold by kind of operator; a parameter belongs to the kind that first reads it."""
    unclaimed = dict(params)
    sums: dict[str, list[int]] = {}  # params, mult-adds, paper elements, additions
    for operator, cost, _, _ in rows:
        if cost.state == "free":
            continue
        total = sums.get(cost.kind)
        if total is None:
            total = sums[cost.kind] = [0, 0, 0, 0]
        total[1] += cost.mult_adds
        total[2] += cost.paper_elements
        total[3] += cost.additions
        for value in operator.inputs:
            if value.root in unclaimed:
                total[0] += unclaimed.pop(value.root)
    rest = sum(unclaimed.values())
    if rest:
        sums[UNREAD] = [rest, 0, 0, 0]
    order = sorted(sums, key=lambda kind: (-sums[kind][1], -sums[kind][0], kind))
    return tuple(Kind(kind, *sums[kind]) for kind in order)


def layers(graph: OpGraph, rows: Sequence[Costed], params: Mapping[int, int]) -> tuple[Layer, ...]:
    """Fold by module, in the order of the module tree: each one's own cost, without the modules inside it."""
    own = {module.name: [0, 0, 0, 0, 0] for module in graph.modules}
    for weight in graph.weights:
        if weight.value in params:
            own[weight.module][0] += weight.elements
    shapes: dict[str, tuple[tuple[tuple[int, ...], ...], tuple[tuple[int, ...], ...]]] = {}
    for call in graph.calls:
        shapes.setdefault(call.module, (call.inputs, call.outputs))
    calls = graph.calls
    for operator, cost, elements, _ in rows:
        if elements or cost.paper_elements:
            row = own[calls[operator.call].module if operator.call >= 0 else ""]
            row[1] += cost.mult_adds
            row[2] += cost.paper_elements
            row[3] += elements
            row[4] += cost.additions
    nothing: tuple[tuple[int, ...], ...] = ()
    layers = []
    for name, kind, _ in graph.modules:
        elements, mult_adds, paper, eager, additions = own[name]
        given, returned = shapes.get(name, (nothing, nothing))
        layers.append(Layer(name, kind, elements, mult_adds, paper, eager, given, returned, additions))
    return tuple(layers)


def layer_kinds(graph: OpGraph, rows: Sequence[Costed]) -> dict[str, str]:
    """Kind of each layer that runs more than views: that of its costliest operator. The costliest layer comes first."""
    costliest: dict[str, tuple[tuple[int, int], str]] = {}
    for operator, cost, elements, _ in rows:
        if cost.state == "free":
            continue
        name = graph.calls[operator.call].module if operator.call >= 0 else ""
        size = cost.mult_adds + cost.additions, elements
        if name not in costliest or size > costliest[name][0]:
            costliest[name] = size, cost.kind
    order = sorted(costliest, key=lambda name: costliest[name][0], reverse=True)
    return {name: costliest[name][1] for name in order}
