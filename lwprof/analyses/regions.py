"""Regions: building blocks found in the operator graph alone, for flat networks and ONNX files.

Where only one tensor is alive between two operators, the network can be cut. Between two cuts stands
either one operator of a series, or a region: a block with a shortcut or branches. A region that ends in a
multiplication is a gate (squeeze-and-excite, swish) and rides along with the block around it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import NamedTuple

from lwprof.analyses.traffic import Costed
from lwprof.graph import OpGraph

Span = tuple[str, str, int, int]
"""Name, type, and the operator indices from start up to, not including, stop."""

_TOO_MANY = 60  # fragments; a region with more is cut again where it is narrowest


class _Token(NamedTuple):
    kind: str
    """"1" pointwise, "D" depthwise, "C" other convolution, "P" pooling, "gate", "region", or "" for the rest."""
    start: int
    stop: int


def graph_blocks(graph: OpGraph, rows: Sequence[Costed], places: Sequence[int]) -> list[Span]:
    """Return the building blocks of a graph without helpful modules, in execution order."""
    if not places:
        return []
    width = _widths(graph)
    tokens = _tokens(graph, rows, places, width)
    return _blocks(graph, rows, places, tokens)


def _widths(graph: OpGraph) -> list[int]:
    """Tensors made from the input that are alive after each operator; what the network returns is no reader."""
    derived = {value.root for value in graph.inputs}
    first = dict.fromkeys(derived, 0)
    last: dict[int, int] = {}
    for operator in graph.operators:
        roots = {value.root for value in operator.inputs}
        if roots & derived:
            for root in roots & derived:
                last[root] = operator.index
            for value in operator.outputs:
                derived.add(value.root)
                first.setdefault(value.root, operator.index)
    change = [0] * (len(graph.operators) + 1)
    for root, stop in last.items():
        if stop > first[root]:
            change[first[root]] += 1
            change[stop] -= 1
    widths, alive = [], 0
    for step in change[:-1]:
        alive += step
        widths.append(alive)
    return widths


def _tokens(graph: OpGraph, rows: Sequence[Costed], places: Sequence[int], widths: list[int]) -> list[_Token]:
    """Cut the operators wherever one tensor is alive; a region that is too long, where it is narrowest."""
    tokens = []
    waiting = _pieces(widths, 0, len(graph.operators), 1)
    while waiting:
        start, stop, cut = waiting.pop()
        inside = bisect_left(places, stop) - bisect_left(places, start)
        if inside > _TOO_MANY and stop - start > 2:
            interior = widths[start : stop - 1]
            narrowest = min(interior)
            if cut < narrowest < max(interior):
                waiting += _pieces(widths, start, stop, narrowest)
                continue
        working = [index for index in range(start, stop) if rows[index].cost.state != "free"]
        if len(working) <= 1:
            kind = _letter(rows[working[0]].cost.kind) if inside else ""
        else:
            kind = "gate" if graph.operators[working[-1]].name in ("aten::mul", "aten::mul_", "Mul") else "region"
        tokens.append(_Token(kind, start, stop))
    return tokens


def _pieces(widths: list[int], start: int, stop: int, cut: int) -> list[tuple[int, int, int]]:
    """The pieces of a run of operators between places at most ``cut`` wide, the last one first."""
    ends = [index + 1 for index in range(start, stop - 1) if widths[index] <= cut]
    starts = [start, *ends]
    return [(begin, end, cut) for begin, end in zip(starts, [*ends, stop], strict=True)][::-1]


def _letter(kind: str) -> str:
    return {"pointwise": "1", "linear": "1", "depthwise": "D", "pooling": "P"}.get(kind, "C")


def _blocks(graph: OpGraph, rows: Sequence[Costed], places: Sequence[int], tokens: list[_Token]) -> list[Span]:
    """Parse the series: ``[1] D gate* 1`` is a separable block, a region with two fragments a block."""
    tokens = [token for token in tokens if token.kind]
    spans: list[Span] = []
    taken = -1  # index of the last token that belongs to a block
    for at, token in enumerate(tokens):
        if at <= taken:
            continue
        if token.kind == "D":
            end = at + 1
            while end < len(tokens) and tokens[end].kind == "gate":
                end += 1
            if end < len(tokens) and tokens[end].kind == "1":
                begin = at - 1 if at - 1 > taken and tokens[at - 1].kind == "1" else at
                spans.append(_span(graph, "separable", tokens[begin].start, tokens[end].stop))
                taken = end
        elif token.kind == "region" and bisect_left(places, token.stop) - bisect_left(places, token.start) >= 2:
            begin = at - 1 if at - 1 > taken and _squeezes(graph, tokens[at - 1], token) else at
            spans.append(_span(graph, "region", tokens[begin].start, token.stop))
            taken = at
    return spans


def _squeezes(graph: OpGraph, token: _Token, region: _Token) -> bool:
    """Whether a channel-reducing 1x1 feeds a region that joins branches by cat without passing its input on."""
    if token.kind != "1":
        return False
    operators = graph.operators
    inside = operators[region.start : region.stop]
    joins = [operator for operator in inside if operator.name in ("aten::cat", "Concat")]
    squeeze = next(op for op in operators[token.start : token.stop] if op.name.endswith(("conv2d", "Conv", "linear")))
    made_inside = {value.root for operator in inside for value in operator.outputs if operator.effect == "new"}
    return bool(joins) and (
        squeeze.outputs[0].shape[1] < squeeze.inputs[0].shape[1]
        and all(value.root in made_inside for value in joins[-1].inputs)
    )


def _span(graph: OpGraph, kind: str, start: int, stop: int) -> Span:
    return (f"{graph.operators[start].name.rpartition('::')[2]}_{start}", kind, start, stop)
