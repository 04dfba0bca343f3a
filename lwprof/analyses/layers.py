"""Layers and kinds: the same costs folded by module and by kind of operator. Both sum to the totals."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from lwprof.analyses.traffic import Costed
from lwprof.graph import OpGraph
from lwprof.results import Kind, Layer

UNREAD = "never read"
"""The kind of parameters that no operator reads."""

_WEIGHT_ARGUMENTS = ("weight", "bias", "params", "mat1", "mat2", "self")


def weight_numbers(graph: OpGraph) -> dict[int, int]:
    """Parameter elements by graph value, with frozen and quantised weights; unread ones under -1."""
    used = _used_as_weight(graph)
    sizes: Counter[int] = Counter()
    for weight in graph.weights:
        if weight.source == "parameter" or (weight.source == "constant" and weight.value in used):
            sizes[weight.value] += weight.elements
    return sizes


def _used_as_weight(graph: OpGraph) -> set[int]:
    constants = {weight.value for weight in graph.weights if weight.source == "constant"}
    if not constants:
        return set()
    used = {weight.value for weight in graph.weights if weight.name.startswith("packed_")}
    for operator in graph.operators:
        for name in _WEIGHT_ARGUMENTS[:3]:
            given = operator.arguments.get(name)
            for value in given if type(given) is tuple else (given,):
                if hasattr(value, "root"):
                    used.add(value.root)
    return used & constants


def kinds(graph: OpGraph, rows: Sequence[Costed]) -> tuple[Kind, ...]:
    """Fold by kind of operator; a parameter belongs to the kind that first reads it."""
    unclaimed = weight_numbers(graph)
    params: Counter[str] = Counter()
    mult_adds: Counter[str] = Counter()
    paper: Counter[str] = Counter()
    for operator, cost, _, _ in rows:
        if cost.state == "free":
            continue
        kind = cost.kind
        mult_adds[kind] += cost.mult_adds
        paper[kind] += cost.paper_elements
        for value in operator.inputs:
            if value.root in unclaimed:
                params[kind] += unclaimed.pop(value.root)
    rest = sum(unclaimed.values())
    if rest:
        params[UNREAD] += rest
    names = sorted({*mult_adds, *params}, key=lambda name: (-mult_adds[name], -params[name], name))
    return tuple(Kind(name, params[name], mult_adds[name], paper[name]) for name in names)


def layers(graph: OpGraph, rows: Sequence[Costed]) -> tuple[Layer, ...]:
    """Fold by module, in the order of the module tree: each one's own cost, without the modules inside it."""
    own = {module.name: [0, 0, 0, 0] for module in graph.modules}
    sizes = weight_numbers(graph)
    for weight in graph.weights:
        if weight.source == "parameter" or weight.value in sizes:
            own[weight.module][0] += weight.elements
    shapes: dict[str, tuple[tuple[tuple[int, ...], ...], tuple[tuple[int, ...], ...]]] = {}
    for call in graph.calls:
        shapes.setdefault(call.module, (call.inputs, call.outputs))
    calls = graph.calls
    for operator, cost, elements, _ in rows:
        if elements or cost.mult_adds:
            row = own[calls[operator.call].module if operator.call >= 0 else ""]
            row[1] += cost.mult_adds
            row[2] += cost.paper_elements
            row[3] += elements
    nothing: tuple[tuple[int, ...], ...] = ()
    layers = []
    for name, kind, _ in graph.modules:
        params, mult_adds, paper, eager = own[name]
        given, returned = shapes.get(name, (nothing, nothing))
        layers.append(Layer(name, kind, params, mult_adds, paper, eager, given, returned))
    return tuple(layers)
