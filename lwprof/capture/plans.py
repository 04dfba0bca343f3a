"""What a dispatched operator does to its tensors, read once from its schema and kept."""

from __future__ import annotations

import torch

from lwprof.capture.answers import ANSWERS, Answer
from lwprof.graph import row

Overload = torch._ops.OpOverload

UNDECLARED_VIEWS = frozenset(
    f"aten::{name}" for name in "_unsafe_view _reshape_alias detach alias unsafe_split unsafe_split_with_sizes".split()
)
"""Operators that share memory with their input though the schema, or their use, does not say so."""

# "default" overloads take (input, …) as answered; others (out=, dtype=, padding="same") ask torch.
ANSWERED_OVERLOADS = frozenset({"default", "Tensor", "Scalar"})


@row
class Plan:
    """How to record one operator overload."""

    name: str
    parameters: tuple[str, ...]
    effect: str
    """"new", "view" or "inplace", as in :class:`lwprof.graph.Operator`."""
    targets: tuple[str, ...]
    """Names of the arguments whose memory the returns share, or that are written."""
    out: tuple[str, ...]
    """Those of them that are only written."""
    answer: Answer | None
    composite: bool
    """Made of other operators: without a cost rule, those are recorded instead."""
    pointwise: bool


PLANS: dict[Overload, Plan] = {}


def plan_for(func: Overload) -> Plan:
    """Return the plan of ``func``, made on first use."""
    plan = PLANS.get(func)
    if plan is None:
        plan = PLANS[func] = _read(func)
    return plan


def _read(func: Overload) -> Plan:
    schema = func._schema
    name = schema.name
    aliased = [a for a in schema.arguments if a.alias_info is not None]
    written = tuple(a.name for a in aliased if a.alias_info is not None and a.alias_info.is_write)
    if torch.Tag.inplace_view in func.tags:  # squeeze_, t_: another shape for the same memory
        effect, targets = "view", written
    elif written:
        effect, targets = "inplace", written
    elif name in UNDECLARED_VIEWS:
        effect, targets = "view", (schema.arguments[0].name,)
    elif aliased and any(r.alias_info is not None for r in schema.returns):
        effect, targets = "view", (aliased[0].name,)
    else:
        effect, targets = "new", ()
    answer = ANSWERS.get(name) if func._overloadname in ANSWERED_OVERLOADS else None
    pointwise = torch.Tag.pointwise in func.tags
    return Plan(
        name=name,
        parameters=tuple(a.name for a in schema.arguments),
        effect=effect,
        targets=targets,
        out=tuple(a.name for a in aliased if a.is_out),
        answer=answer,
        composite=torch._C._dispatch_has_kernel_for_dispatch_key(func.name(), "CompositeImplicitAutograd"),
        pointwise=pointwise,
    )
