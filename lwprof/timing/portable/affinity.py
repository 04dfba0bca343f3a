"""Affinity: every thread of this process on chosen processors for a while."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path

TASKS = Path("/proc/self/task")

CAN_PIN = hasattr(os, "sched_setaffinity") and TASKS.is_dir()


class Affinity:
    """Keeps threads on chosen processors from :meth:`pin` to :meth:`restore`; does nothing where none is chosen.

    A thread that is made meanwhile inherits them from the one that makes it.
    """

    def __init__(self, chosen: Collection[int]) -> None:
        self._chosen = frozenset(chosen)
        self._usual: frozenset[int] = frozenset()
        self._before: dict[int, frozenset[int]] = {}

    def pin(self) -> None:
        """Pin every thread; once more where a runtime may have placed its own.

        Raises:
            OSError: the system does not allow it.
        """
        if not self._chosen:
            return
        first = not self._usual
        if first:
            self._usual = frozenset(os.sched_getaffinity(0))
            self._before = dict(_masks())
        os.sched_setaffinity(0, self._chosen)
        for _ in range(9):  # one that was not pinned yet may have made another
            strays = [(task, mask) for task, mask in _masks() if not mask <= self._chosen]
            for task, mask in strays:
                if first:
                    self._before.setdefault(task, mask)
                _place(task, self._chosen)
            if not strays:
                break

    def strays(self) -> int:
        """Count the threads that may run elsewhere."""
        return sum(not mask <= self._chosen for _, mask in _masks()) if self._chosen else 0

    def restore(self) -> None:
        """Let every thread run where it could before; new ones where this one could."""
        if not self._usual:
            return
        for task, mask in list(_masks()):
            usual = self._before.get(task, self._usual)
            if mask != usual:
                _place(task, usual)
        self._usual, self._before = frozenset(), {}


def _place(task: int, chosen: Collection[int]) -> None:
    with suppress(OSError):  # it has ended
        os.sched_setaffinity(task, chosen)


def _masks() -> Iterator[tuple[int, frozenset[int]]]:
    """Every thread, and the processors that it may run on."""
    for name in os.listdir(TASKS):
        with suppress(OSError):  # it has ended
            yield int(name), frozenset(os.sched_getaffinity(int(name)))
