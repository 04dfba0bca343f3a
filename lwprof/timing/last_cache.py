"""The last cache of a CPU, as its system describes it."""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path

from lwprof.timing.portable import cores

ASSUMED = 32 * 2**20
"""Bytes where the system does not say: what is smaller may stay in a cache."""

UNITS = {"K": 2**10, "M": 2**20, "G": 2**30}


def size(threads: int, chosen: Collection[int] = (), sys: Path = cores.SYS) -> int:
    """Bytes of the last cache that so many threads can use together: one cache each, where there are several.

    Args:
        threads: of one process.
        chosen: processors that they are pinned to; by default all that this process may use.
        sys: where ``/sys`` is.
    """
    allowed = chosen or (os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(os.cpu_count() or 1))
    found: dict[str, int] = {}  # by the processors that share it
    for number in allowed:
        levels = []
        for index in (sys / f"devices/system/cpu/cpu{number}/cache").glob("index[0-9]*"):
            level, amount = _read(index / "level"), _bytes(_read(index / "size"))
            if level.isdigit() and amount and _read(index / "type") != "Instruction":
                levels.append((int(level), amount, _read(index / "shared_cpu_list") or str(number)))
        if levels:
            _, amount, shared = max(levels)
            found[shared] = amount
    return sum(sorted(found.values(), reverse=True)[: max(threads, 1)]) or ASSUMED


def _bytes(text: str) -> int:
    digits, unit = text[:-1], text[-1:].upper()
    return int(digits) * UNITS[unit] if digits.isdigit() and unit in UNITS else 0


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, ValueError):
        return ""
