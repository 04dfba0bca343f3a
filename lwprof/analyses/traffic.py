"""Traffic: memory access of the eager view, operator by operator."""

from __future__ import annotations

from lwprof.costs import Cost
from lwprof.graph import Operator
from lwprof.units import dtype_bytes


def operator_elements(operator: Operator, cost: Cost) -> int:
    """Elements that a composite ATen operator reads and writes as called; views and free operators none."""
    if cost.state == "free":
        return 0
    total = 0
    if cost.reads is None:
        for value in operator.inputs:
            total += value.elements
    else:
        total = cost.reads
    for value in operator.outputs:
        total += value.elements
    return total


def operator_bytes(operator: Operator, cost: Cost) -> int:
    """Bytes that a composite ATen operator reads and writes as called."""
    if cost.state == "free":
        return 0
    written = sum(value.bytes for value in operator.outputs)
    if cost.reads is None:
        return written + sum(value.bytes for value in operator.inputs)
    width = dtype_bytes(operator.outputs[0].dtype) if operator.outputs else 0
    return written + cost.reads * width
