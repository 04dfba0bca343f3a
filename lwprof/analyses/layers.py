"""Layers and kinds: the same costs folded by module and by kind of operator. Both sum to the totals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lwprof.analyses.traffic import Costed
from lwprof.graph import OpGraph
from lwprof.results.structure import Kind, Layer

UNREAD = "never read"
"""The kind of parameters that no operator reads."""


def kinds(rows: Sequence[Costed], params: Mapping[int, int]) -> tuple[Kind, ...]:
    """Fold by kind of operator; a parameter belongs to the kind that first reads it."""
    unclaimed = dict(params)
    sums: dict[str, list[int]] = {}  # params, mult-adds, paper elements, additions
    for row in rows:
        operator, cost = row.operator, row.cost
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
    found = {module.name: Layer(module.name, module.type, 0, 0, 0, 0, (), ()) for module in graph.modules}
    for weight in graph.weights:
        if weight.number in params:
            found[weight.module].params += weight.elements
    calls = graph.calls
    for call in reversed(calls):  # the first call's shapes stay
        layer = found[call.module]
        layer.input_shapes, layer.output_shapes = call.inputs, call.outputs
    for row in rows:
        operator, cost, elements = row.operator, row.cost, row.elements
        if elements or cost.paper_elements:
            layer = found[calls[operator.call].module if operator.call >= 0 else ""]
            layer.mult_adds += cost.mult_adds
            layer.paper_elements += cost.paper_elements
            layer.eager_elements += elements
            layer.additions += cost.additions
    return tuple(found.values())


def layer_kinds(graph: OpGraph, rows: Sequence[Costed]) -> dict[str, str]:
    """Kind of each layer that runs more than views: that of its costliest operator. The costliest layer comes first."""
    costliest: dict[str, tuple[tuple[int, int], str]] = {}
    for row in rows:
        operator, cost = row.operator, row.cost
        if cost.state == "free":
            continue
        name = graph.calls[operator.call].module if operator.call >= 0 else ""
        size = cost.mult_adds + cost.additions, row.elements
        if name not in costliest or size > costliest[name][0]:
            costliest[name] = size, cost.kind
    order = sorted(costliest, key=lambda name: costliest[name][0], reverse=True)
    return {name: costliest[name][1] for name in order}
