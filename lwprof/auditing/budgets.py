"""Budgets: limits that a network was given, and what it is."""

from __future__ import annotations

import reprlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lwprof import units
from lwprof.auditing import latency_limits
from lwprof.auditing.latency_limits import LatencyLimit
from lwprof.auditing.quantities import FRAGMENTS, QUANTITIES, Counted
from lwprof.errors import InputError, near
from lwprof.graph import OpGraph
from lwprof.results import Budget, ProfileResult

MODEL_BYTES = "max_model_bytes"
_COUNTS = {f"max_{quantity.name}": quantity.of_bytes for quantity in QUANTITIES if quantity.budgeted}
_COUNTS[MODEL_BYTES] = True
UNKNOWN = "max_unknown_operators"
"""That of a strict audit: none."""
NAMES = (*_COUNTS, latency_limits.NAME)
"""Every budget, those with views by each of them."""

LARGEST = 2**63 - 1
"""More than any network has of anything."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The budgets of one network."""

    counts: Mapping[str, float] = field(default_factory=dict)
    """By name: ``max_params``, ``max_memory_access.fused``, …"""
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
    latency: dict[str, Any] = {}
    for name, value in _spread(table):
        if name in _COUNTS:
            counts[name] = _limit(name, value, label)
        elif name == latency_limits.NAME:
            raise InputError(
                f'{label}: {latency_limits.NAME} must be a table such as {{to = "mbv2", ratio = 1.2}}, not {value!r}'
            )
        elif name.startswith(f"{latency_limits.NAME}."):
            latency[name.removeprefix(f"{latency_limits.NAME}.")] = value
        else:
            raise InputError(_unknown(name, label))
    if not latency:
        return Limits(counts, base.latency)
    return Limits(counts, latency_limits.limit(latency, f"{label}: {latency_limits.NAME}", base.latency, folder))


def check(limits: Limits, graph: OpGraph, result: ProfileResult, strict: bool = False) -> tuple[Budget, ...]:
    """Hold a network's counts against its budgets; the latency budget waits until everything is counted.

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
    number: Any = value
    if isinstance(value, str):
        number = units.amount(value, of_bytes=of_bytes)
        if number is None and not of_bytes and units.amount(value, of_bytes=True) is not None:
            raise InputError(f"{label}: {name} is no number of bytes; write one such as 18M, not {value!r}")
    if not isinstance(value, str | int | float) or isinstance(value, bool) or number is None or number != number:
        example = "10 MB or 9.6 MiB" if of_bytes else "6" if name == f"max_{FRAGMENTS}" else "4_000_000 or 4M"
        raise InputError(f"{label}: {name} must be a number such as {example}, not {value!r}")
    if number < 0:
        raise InputError(f"{label}: {name} must be 0 or more, not {reprlib.repr(value)}")
    if number > LARGEST:
        raise InputError(f"{label}: {name} is larger than anything that is counted: {reprlib.repr(value)}")
    return float(number)
