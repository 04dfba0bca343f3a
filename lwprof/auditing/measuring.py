"""Measuring: what the alternatives of findings gain on this machine."""

from __future__ import annotations

from dataclasses import dataclass

from lwprof.results import AuditResult
from lwprof.timing.sampling import Progress


@dataclass(frozen=True, slots=True)
class Measuring:
    """How alternatives are timed."""

    backend: str = "torch"
    device: str = "cpu"
    threads: int = 1
    budget_s: float = 2.0
    """Seconds for each pair of layer and alternative."""
    margin: float = 0.01
    seed: int = 0


def measured(result: AuditResult, how: Measuring, progress: Progress | None = None) -> AuditResult:
    """Time every finding's layer against its alternative, interleaved."""
    return result
