"""Ceilings: what a backend attains at best on a machine, measured once and kept."""

from __future__ import annotations

from collections.abc import Sequence

from lwprof.results import Ceilings
from lwprof.timing.portable.clock import Clock
from lwprof.timing.sampling import Progress
from lwprof.timing.targets import Target


def measure(target: Target, *, clock: Clock | None = None, progress: Progress | None = None) -> Ceilings:
    """Measure the ceilings of a target and keep them in the cache.

    Raises:
        BackendError: it cannot be measured there (boards, emulated cores).
    """
    raise NotImplementedError


def known(targets: Sequence[Target]) -> dict[str, Ceilings]:
    """Give the ceilings that are kept for this machine, these versions and settings, by setting."""
    return {}
