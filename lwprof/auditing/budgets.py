"""Budgets: limits that a network was given, and what it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from lwprof.graph import OpGraph
from lwprof.results import Budget, ProfileResult


@dataclass(frozen=True, slots=True)
class Limits:
    """The budgets of one network."""

    counts: Mapping[str, float] = field(default_factory=dict)
    """By name: ``max_params``, ``max_memory_access.fused``, …"""


def check(limits: Limits, graph: OpGraph, result: ProfileResult) -> Sequence[Budget]:
    """Hold a network's counts against its budgets."""
    return ()
