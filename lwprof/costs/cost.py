"""Cost: what one operator costs, and the few words that rules are written in."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from math import prod

from lwprof.graph import Operator, Value, row


@row
class Cost:
    """What one operator costs. A rule fills in what applies; counts are of elements."""

    kind: str
    """The kind of operator in tables: "pointwise", "depthwise", "grouped", "dense conv", "linear", …"""
    mult_adds: int = 0
    additions: int = 0
    """Additions of operators that multiply nothing (adder layers)."""
    elementwise_ops: int = 0
    paper_elements: int = 0
    """Memory access in the paper's view: inputs + weights + outputs of operators that have mult-adds."""
    paper_bytes: int = 0
    reads: int | None = None
    """Elements read, where that is not every distinct element of every input."""
    read_bytes: int | None = None
    """Bytes of ``reads``, where they are not all of the first input's dtype."""
    state: str = "counted"
    """"counted", "free" or "unknown"."""
    reason: str = ""
    """Why a free operator costs nothing."""


Rule = Callable[[Operator], Cost]


def elements(values: Iterable[Value]) -> int:
    """Sum the distinct elements of ``values``."""
    return sum(value.elements for value in values)


def width(values: Iterable[Value]) -> int:
    """Sum the bytes of the distinct elements of ``values``."""
    return sum(value.bytes for value in values)


def product(
    operator: Operator, kind: str, mult_adds: int, biases: Iterable[Value | None] = (), elementwise_ops: int = 0
) -> Cost:
    """Cost of an operator that multiplies and accumulates; ``biases`` stay out of the paper's view."""
    paper, paper_bytes = operator.elements, operator.bytes
    for bias in biases:
        if bias is not None:
            paper -= bias.elements
            paper_bytes -= bias.bytes
    return Cost(kind, mult_adds, 0, elementwise_ops, paper, paper_bytes)


def free(reason: str) -> Rule:
    """Make a rule for operators that cost nothing, with the reason written down."""
    cost = Cost("free", reads=0, state="free", reason=reason)
    return lambda _operator: cost


def numel(value: Value) -> int:
    """Count the elements of ``value``, broadcast ones every time they are used."""
    return prod(value.shape)
