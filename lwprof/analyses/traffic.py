"""Traffic: every operator with its cost and its memory access in the eager view."""

from __future__ import annotations

from lwprof.costs import Cost, cost_of
from lwprof.graph import Operator, OpGraph, row
from lwprof.units import dtype_bytes


@row
class Costed:
    """An operator, what it costs, and what it reads and writes when called as it stands.

    Views and free operators touch nothing; an operand that is written in place counts read and written,
    a broadcast one its distinct elements.
    """

    operator: Operator
    cost: Cost
    elements: int
    bytes: int


def costed(graph: OpGraph) -> list[Costed]:
    """Return every operator with its cost, in execution order.

    >>> from lwprof.graph import OpGraph, operator
    >>> multiply = operator("aten::mul", (16, 14, 14), self=(16, 14, 14), other=(16, 14, 14))
    >>> multiply.pointwise = True
    >>> graph = OpGraph((multiply,), (), (), (), (), (), ())
    >>> costed(graph)[0].elements  # 3 * 16*14*14
    9408
    """
    rows = []
    for operator in graph.operators:
        cost = cost_of(operator)
        elements, size = operator.elements, operator.bytes
        if cost.state == "free":
            elements = size = 0
        elif cost.reads is not None:
            read_bytes = cost.read_bytes
            if read_bytes is None:
                read_bytes = cost.reads * dtype_bytes(operator.inputs[0].dtype) if operator.inputs else 0
            elements = cost.reads + sum(value.elements for value in operator.outputs)
            size = read_bytes + sum(value.bytes for value in operator.outputs)
        rows.append(Costed(operator, cost, elements, size))
    return rows
