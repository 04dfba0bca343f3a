"""Budgets: limits that a network was given, and what it is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lwprof.auditing import amounts, instruction_limits, latency_limits
from lwprof.auditing.instruction_limits import InstructionLimit
from lwprof.auditing.latency_limits import LatencyLimit
from lwprof.auditing.quantities import FRAGMENTS, QUANTITIES, Counted
from lwprof.errors import InputError, near
from lwprof.graph import OpGraph
from lwprof.results.audit import Budget
from lwprof.results.profile import ProfileResult

MODEL_BYTES = "max_model_bytes"
_COUNTS = {f"max_{quantity.name}": quantity.of_bytes for quantity in QUANTITIES if quantity.budgeted}
_COUNTS[MODEL_BYTES] = True
UNKNOWN = "max_unknown_operators"
"""That of a strict audit: none."""
NAMES = (*_COUNTS, instruction_limits.NAME, latency_limits.NAME)
"""Every budget, those with views by each of them."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The budgets of one network."""

    counts: Mapping[str, float] = field(default_factory=dict)
    """By name: ``max_params``, ``max_memory_access.fused``, …"""
    instructions: InstructionLimit | None = None
    latency: LatencyLimit | None = None


def parse(table: Mapping[str, Any], label: str, base: Limits | None = None, folder: Path | None = None) -> Limits:
    """Read budgets as settings and command lines give them: names with dots, or tables in tables.

    >>> parse({"max_params": "4M", "max_memory_access": {"fused": 18_000_000}}, "budgets").counts
    {'max_params': 4000000.0, 'max_memory_access.fused': 18000000.0}

    Args:
        table: limits by name; numbers, or texts with units (``"4M"``, ``"9.6 MiB"``).
        label: what messages call the table.
        base: limits that hold where the table has none.
        folder: what the path of a network in it is relative to; by default the current one.

    Raises:
        InputError: an unknown name, one without its view, or a limit that is none.
    """
    base = base or Limits()
    counts = dict(base.counts)
    instructions: dict[str, Any] = {}
    latency: dict[str, Any] = {}
    for name, value in _spread(table):
        before, dot, after = name.partition(".")
        if name in _COUNTS:
            counts[name] = _limit(name, value, label)
        elif before == instruction_limits.NAME:
            instructions[after if dot else instruction_limits.TOTAL] = value
        elif name == latency_limits.NAME:
            raise InputError(
                f'{label}: {latency_limits.NAME} must be a table such as {{to = "mbv2", ratio = 1.2}}, not {value!r}'
            )
        elif before == latency_limits.NAME:
            latency[after] = value
        else:
            raise InputError(_unknown(name, label))
    executed, timed = base.instructions, base.latency
    if instructions:
        executed = instruction_limits.limit(instructions, f"{label}: {instruction_limits.NAME}", executed)
    if latency:
        timed = latency_limits.limit(latency, f"{label}: {latency_limits.NAME}", timed, folder)
    return Limits(counts, executed, timed)


def check(limits: Limits, graph: OpGraph, result: ProfileResult, strict: bool = False) -> tuple[Budget, ...]:
    """Hold a network's counts against its budgets; those of instructions and latency wait until this is done for all.

    In a ``strict`` audit, operators that no rule counts are over a budget of their own.
    """
    counted = Counted(result.totals, result.fragmentation, result.coverage)
    unknown = ", ".join(f"{item.op} ({item.count}x)" for item in result.coverage.unknown)
    missing = f"without {unknown}, which no rule counts" if unknown else ""
    budgets = []
    for quantity in QUANTITIES:
        name = f"max_{quantity.name}"
        if name in limits.counts:
            remark = missing if quantity.partial else ""
            budgets.append(_held(name, limits.counts[name], quantity.of(counted), remark))
    if MODEL_BYTES in limits.counts:
        stored = sum(weight.bytes for weight in graph.weights)
        budgets.append(_held(MODEL_BYTES, limits.counts[MODEL_BYTES], stored))
    if strict and unknown:
        number = sum(item.count for item in result.coverage.unknown)
        budgets.append(_held(UNKNOWN, 0.0, number, f"no rule counts {unknown}"))
    return tuple(budgets)


def _held(name: str, limit: float, actual: int | None, remark: str = "") -> Budget:
    if actual is None:
        return Budget(name, limit, None, ok=True, remark="the network has no building blocks")
    return Budget(name, limit, float(actual), ok=actual <= limit, remark=remark)


def _spread(table: Mapping[str, Any], prefix: str = "") -> Iterable[tuple[str, Any]]:
    """Every setting of a table under its name with dots."""
    for key, value in table.items():
        if isinstance(value, Mapping) and value:
            yield from _spread(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _unknown(name: str, label: str) -> str:
    views = [known for known in _COUNTS if known.startswith(f"{name}.")]
    if views:
        return f"{label}: {name} must name its view: {', '.join(views[:-1])} or {views[-1]}"
    hint = near(name, NAMES) or f"; there is {', '.join(NAMES)}"
    return f"{label}: unknown budget {name!r}{hint}"


def _limit(name: str, value: Any, label: str) -> float:
    of_bytes = _COUNTS[name]
    example = "10 MB or 9.6 MiB" if of_bytes else "6" if name == f"max_{FRAGMENTS}" else "4_000_000 or 4M"
    return amounts.limit(value, f"{label}: {name}", example, of_bytes=of_bytes)
