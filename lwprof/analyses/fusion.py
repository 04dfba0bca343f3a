"""Fusion: the operators that an inference runtime would launch, by a closed list.

A convolution or linear layer takes in the batch norm that alone reads it, then the activation that alone
reads that; an activation also joins a lone batch norm, an addition or a multiplication. A concatenation
takes in the permuted copy that alone reads it, through views. A residual addition stays.
"""

from __future__ import annotations

from collections.abc import Sequence

from lwprof.analyses.traffic import Costed
from lwprof.graph import Operator, OpGraph, Value

ACTIVATIONS = frozenset(
    f"aten::{name}{suffix}"
    for name in ("relu", "relu6", "hardtanh", "hardswish", "hardsigmoid", "sigmoid", "silu")
    for suffix in ("", "_")
)
NORMS = frozenset({"aten::batch_norm"})
_SUMS = frozenset({"aten::add", "aten::add_", "aten::mul", "aten::mul_"})
_CONVOLUTIONS = frozenset({"pointwise", "depthwise", "grouped", "dense conv", "linear"})


class Group:
    """Operators that run as one: what the first reads is read from memory, what the last writes is written to it.

    ``grows`` says what it can still take in.
    """

    __slots__ = ("bytes", "elements", "grows", "members")

    def __init__(self, row: Costed) -> None:
        operator, cost = row.operator, row.cost
        self.elements, self.bytes = row.elements, row.bytes
        self.members = [operator]
        name = operator.name
        if cost.kind == "linear" and len(operator.outputs[0].shape) != 2:
            self.grows = "activation"  # a batch norm over dimension 1 is not over its features
        elif cost.kind in _CONVOLUTIONS:
            self.grows = "norm"
        elif name in NORMS or name in _SUMS:
            self.grows = "activation"
        else:
            self.grows = "copy" if name == "aten::cat" else ""

    @property
    def reads(self) -> tuple[Value, ...]:
        """Values read from memory: data and weights."""
        return self.members[0].inputs

    @property
    def writes(self) -> tuple[Value, ...]:
        """Values written to memory."""
        return self.members[-1].outputs

    def take(self, operator: Operator, grows: str) -> None:
        """Let ``operator`` write what the group's last operator wrote."""
        for value in self.writes:
            self.elements -= value.elements
            self.bytes -= value.bytes
        for value in operator.outputs:
            self.elements += value.elements
            self.bytes += value.bytes
        self.members.append(operator)
        self.grows = grows

    def fold(self, norm: Operator) -> None:
        """Take in a batch norm: what is left of it is one bias element a channel, unless there is a bias already."""
        if self.members[0].arguments.get("bias") is None:
            output = norm.outputs[0]
            channels = output.shape[1]
            self.elements += channels
            self.bytes += channels * output.bytes // max(output.elements, 1)
        self.take(norm, "activation")


def fused_groups(graph: OpGraph, rows: Sequence[Costed]) -> list[Group]:
    """Return the fused operators in execution order (that of their last member); views and free ones are left out."""
    base: dict[int, int] = {}  # a view's value -> the value it is a view of
    readers: dict[int, int] = {}
    for row in rows:
        operator, cost = row.operator, row.cost
        if operator.effect == "view" and operator.inputs:
            source = operator.inputs[0].number
            source = base.get(source, source)
            for output in operator.outputs:
                base[output.number] = source
        elif cost.state != "free":
            for value in operator.inputs:
                if value.producer >= 0:
                    number = base.get(value.number, value.number)
                    readers[number] = readers.get(number, 0) + 1
    for value in graph.outputs:  # what the network returns is read by the caller too
        number = base.get(value.number, value.number)
        readers[number] = readers.get(number, 0) + 1

    made_by: dict[int, Group] = {}
    groups: list[Group] = []
    for row in rows:
        operator = row.operator
        if row.cost.state == "free":
            continue
        first = operator.inputs[0].number if operator.inputs else -1
        number = base.get(first, first)
        group = made_by.get(number)
        if group is None or readers[number] != 1 or not _joins(group.grows, operator, first == number):
            group = Group(row)
            groups.append(group)
        elif operator.name in NORMS:
            group.fold(operator)
        else:
            group.take(operator, "")
        for output in operator.outputs:
            made_by[output.number] = group
    groups.sort(key=lambda group: group.members[-1].index)
    return groups


def _joins(grows: str, operator: Operator, directly: bool) -> bool:
    """Whether a group that can still take in ``grows`` takes in the sole reader of what it made."""
    name = operator.name
    if name in NORMS:  # one that measures the batch itself cannot be folded into weights
        return grows == "norm" and directly and not operator.arguments.get("training")
    if name in ACTIVATIONS:
        return grows in ("norm", "activation") and directly
    return grows == "copy" and name == "aten::clone"
