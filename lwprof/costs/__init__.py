"""Costs: one small pure function per operator family, and the table that says which serves which.

An operator without a rule is never counted as nothing: its cost says ``unknown``.
"""

from __future__ import annotations

from lwprof.costs import adder, attention, convolution, elementwise, movement, onnx_operators, products, recurrent
from lwprof.costs.cost import Cost, Rule
from lwprof.graph import Operator

__all__ = ["Cost", "Rule", "cost_of", "has_rule", "register_rule"]

FAMILIES = (convolution, adder, products, attention, recurrent, elementwise, movement, onnx_operators)
"""Every family of rules; each has a table ``RULES`` by operator name."""

_RULES: dict[str, Rule] = {name: rule for family in FAMILIES for name, rule in family.RULES.items()}
_REGISTERED: set[str] = set()

_VIEW = Cost("free", reads=0, state="free", reason="a view: touches no memory")
_UNKNOWN = Cost("unknown", state="unknown")


def register_rule(name: str, rule: Rule) -> None:
    """Count the operator ``name`` (such as ``"mylib::adder2d"``) by ``rule`` from now on.

    >>> register_rule("mylib::double", lambda op: Cost("arithmetic", elementwise_ops=op.outputs[0].elements))
    >>> has_rule("mylib::double")
    True
    """
    _RULES[name] = rule
    _REGISTERED.add(name)


def has_rule(name: str) -> bool:
    """Whether an operator is counted by a rule of its own, so that a capture must keep it whole."""
    return name in _RULES


def cost_of(operator: Operator) -> Cost:
    """Return what ``operator`` costs."""
    rule = _RULES.get(operator.name)
    if rule is not None and (operator.effect != "view" or operator.name in _REGISTERED):
        return rule(operator)
    if operator.effect == "view":
        reason = operator.arguments.get("reason")  # said by a capture that knows what no call runs
        return _VIEW if reason is None else Cost("free", reads=0, state="free", reason=reason)
    return elementwise.pointwise(operator) if operator.pointwise else _UNKNOWN
