"""The clock that timing reads: a real one, or a fake one in tests."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True, slots=True)
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
    steps = sorted(later - earlier for earlier, later in pairwise(readings))
    return Clock(now, max(steps[len(steps) // 2], time.get_clock_info("perf_counter").resolution))
