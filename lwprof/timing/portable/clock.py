"""The clock that timing reads: a real one, or a fake one in tests."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Clock:
    """A monotonic clock."""

    now: Callable[[], float]
    """Seconds since any fixed moment."""
    tick_s: float
    """What one reading costs or the smallest step it shows, whichever is more."""


def performance_clock() -> Clock:
    """Make a clock of :func:`time.perf_counter`, its tick measured on this machine."""
    now = time.perf_counter
    readings = [now() for _ in range(1001)]
    steps = sorted(later - earlier for earlier, later in zip(readings, readings[1:]))  # noqa: B905, RUF007 (Python 3.9)
    return Clock(now, max(steps[len(steps) // 2], time.get_clock_info("perf_counter").resolution))
