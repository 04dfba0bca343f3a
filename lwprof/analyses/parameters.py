"""Parameters: which of the tensors that a network stores are its weights."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lwprof.analyses.traffic import Costed
from lwprof.graph import PACKED, Operator, OpGraph, Value

_WEIGHT_ARGUMENTS = ("weight", "bias", "params")


def parameters(graph: OpGraph, rows: Sequence[Costed]) -> dict[int, int]:
    """Return the elements of every parameter, by the number of its value.

    A buffer or a plain tensor is a parameter too where an operator takes it as its weight, or multiplies
    data with it, directly or after it was cast, scaled or reshaped: frozen, quantised and hand-made layers
    keep their weights so.
    """
    sizes: dict[int, int] = {}
    others: dict[int, int] = {}
    for weight in graph.weights:
        if weight.source == "parameter" or weight.name.startswith(PACKED):
            sizes[weight.number] = weight.elements
        else:
            others[weight.number] = weight.elements
    # nearly always only the statistics of a normalisation: nothing to follow then
    if any(value.root in others for row in rows if row.cost.kind != "normalization" for value in row.operator.inputs):
        for number in _used_as_weights(graph, rows) & others.keys():
            sizes[number] = others[number]
    return sizes


def _used_as_weights(graph: OpGraph, rows: Sequence[Costed]) -> set[int]:
    """Numbers of the stored values that meet data as weights, followed through operators that read no data."""
    stems: dict[int, frozenset[int]] = {weight.number: frozenset((weight.number,)) for weight in graph.weights}
    used: set[int] = set()
    for row in rows:
        operator, cost = row.operator, row.cost
        inputs = operator.inputs
        if inputs and all(value.root in stems for value in inputs):
            # a cast, a scaling, a join: what is made of it stems from the largest, not from scales and norms
            most = 0 if cost.kind == "copy" else max(value.elements for value in inputs)
            together = frozenset().union(*(stems[value.root] for value in inputs if value.elements >= most))
            stems.update((value.root, together) for value in operator.outputs)
        elif cost.mult_adds:
            masks = _masks(operator)
            for value in inputs:
                if value not in masks:
                    used |= stems.get(value.root, frozenset())
        elif cost.kind in ("lookup", "normalization"):
            for value in _weights_of(operator):
                used |= stems.get(value.root, frozenset())
    return used


def _masks(operator: Operator) -> list[Value]:
    """What a product adds and does not multiply with, a vector of biases apart: attention masks."""
    added = [operator.arguments.get("attn_mask")]
    if operator.name.startswith(("aten::add", "aten::badd")):
        added.append(operator.arguments.get("self"))
    return [value for value in added if isinstance(value, Value) and len(value.shape) > 1]


def _weights_of(operator: Operator) -> Iterator[Value]:
    for name in _WEIGHT_ARGUMENTS:
        value = operator.arguments.get(name)
        if isinstance(value, Value):
            yield value
