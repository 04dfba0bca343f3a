"""What a call adds to the peak of this process's memory, by Linux's account."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path

MEASURABLE = sys.platform == "linux"


def added(run: Callable[[], object]) -> int:
    """Kilobytes that one call of ``run`` adds; a smaller call before has loaded what any call needs."""
    Path("/proc/self/clear_refs").write_text("5")  # the peak is what is in use now, not what once was
    before = _peak()
    run()
    return _peak() - before


def _peak() -> int:
    """Kilobytes; getrusage would report the peak of the process that started this one, where that is more."""
    found = re.search(r"VmHWM:\s*(\d+) kB", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1])
