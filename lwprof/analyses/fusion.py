"""Fusion: the operators that an inference runtime would launch, by a closed list.

A convolution or linear layer takes in the batch norm that alone reads it, then the activation that alone
reads that; an activation also joins a lone batch norm, an addition or a multiplication. A concatenation
takes in the permuted copy that alone reads it, through views. A residual addition stays.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from lwprof.costs import Cost
from lwprof.costs.cost import elements
from lwprof.graph import OpGraph, Operator, Value
from lwprof.units import dtype_bytes

ACTIVATIONS = frozenset(
    f"aten::{name}{suffix}"
    for name in ("relu", "relu6", "hardtanh", "hardswish", "hardsigmoid", "sigmoid", "silu")
    for suffix in ("", "_")
)
NORMS = frozenset({"aten::batch_norm"})
_SUMS = frozenset({"aten::add", "aten::add_", "aten::mul", "aten::mul_"})
_CONVOLUTIONS = frozenset({"pointwise", "depthwise", "grouped", "dense conv", "linear"})


class Group(NamedTuple):
    """Operators that run as one."""

    members: tuple[Operator, ...]
    reads: tuple[Value, ...]
    """Values read from memory: data and weights."""
    folded: int
    """Bias elements that a folded batch norm leaves behind."""
    costs: tuple[Cost, ...]

    @property
    def output(self) -> tuple[Value, ...]:
        """What the group writes."""
        return self.members[-1].outputs

    @property
    def elements(self) -> int:
        """Elements read and written."""
        first = self.costs[0]
        read = first.reads if len(self.members) == 1 and first.reads is not None else elements(self.reads)
        return read + self.folded + elements(self.output)

    @property
    def bytes(self) -> int:
        """Bytes read and written."""
        first = self.costs[0]
        if len(self.members) == 1 and first.reads is not None:
            width = dtype_bytes(self.output[0].dtype) if self.output else 0
            return first.reads * width + sum(value.bytes for value in self.output)
        width = dtype_bytes(self.output[0].dtype) if self.output else 0
        return sum(value.bytes for value in (*self.reads, *self.output)) + self.folded * width


class _Open:
    """A group that may still grow."""

    __slots__ = ("activated", "cost", "folded", "grows", "members", "reads")

    def __init__(self, operator: Operator, cost: Cost) -> None:
        self.members = [operator]
        self.cost = cost
        self.reads = list(operator.inputs)
        self.folded = 0
        self.activated = False
        name = operator.name
        if cost.kind in _CONVOLUTIONS:
            self.grows = "norm"
        elif name in NORMS or name in _SUMS:
            self.grows = "activation"
        elif name == "aten::cat":
            self.grows = "copy"
        else:
            self.grows = ""


def fused_groups(graph: OpGraph, costs: Sequence[Cost]) -> list[Group]:
    """Return the fused operators in execution order (that of their last member); views and free ones are left out."""
    base: dict[int, int] = {}  # a view's value -> the value it is a view of
    readers: dict[int, int] = {}
    running = [pair for pair in zip(graph.operators, costs, strict=True) if pair[1].state != "free"]
    for operator, cost in zip(graph.operators, costs, strict=True):
        if operator.effect == "view" and operator.inputs:
            source = operator.inputs[0].number
            source = base.get(source, source)
            for output in operator.outputs:
                base[output.number] = source
        if cost.state != "free":
            for number in {base.get(value.number, value.number) for value in operator.inputs}:
                readers[number] = readers.get(number, 0) + 1
    for value in graph.outputs:  # what the network returns is read by the caller too
        number = base.get(value.number, value.number)
        readers[number] = readers.get(number, 0) + 1

    made_by: dict[int, _Open] = {}
    groups: list[_Open] = []
    for operator, cost in running:
        name = operator.name
        group = None
        if operator.inputs:
            first = operator.inputs[0].number
            number = base.get(first, first)
            before = made_by.get(number)
            if before is not None and readers[number] == 1:
                if before.grows == "norm" and name in NORMS and first == number:
                    before.folded = 0 if _has_bias(before.members[0]) else operator.outputs[0].shape[1]
                    before.grows = "activation"
                    group = before
                elif name in ACTIVATIONS and before.grows in ("norm", "activation") and first == number:
                    before.grows = ""
                    group = before
                elif name == "aten::clone" and before.grows == "copy":
                    before.grows = ""
                    group = before
        if group is None:
            group = _Open(operator, cost)
            groups.append(group)
        else:
            group.members.append(operator)
        for output in operator.outputs:
            made_by[output.number] = group
    closed = [Group(tuple(g.members), tuple(g.reads), g.folded, (g.cost,)) for g in groups]
    closed.sort(key=lambda group: group.members[-1].index)
    return closed


def _has_bias(operator: Operator) -> bool:
    return operator.arguments.get("bias") is not None
