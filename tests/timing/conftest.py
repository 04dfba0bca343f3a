"""A machine whose time is made up: every call takes exactly as long as it is told to."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from lwprof.timing.portable.blocks import Contender
from lwprof.timing.portable.clock import Clock


class Machine:
    """Time passes only while a contender runs."""

    def __init__(self) -> None:
        self.now = 0.0
        self.log: list[str] = []
        self.speed: Callable[[float], float] = lambda now: 1.0
        self.interrupt_at: int | None = None

    @property
    def clock(self) -> Clock:
        return Clock(lambda: self.now, tick_s=1e-7)

    def contender(self, label: str, seconds: float | Callable[[int], float]) -> Contender:
        """Something that takes ``seconds``, or what a function of the number of its earlier calls says."""
        calls = 0

        def run() -> None:
            nonlocal calls
            if len(self.log) == self.interrupt_at:
                raise KeyboardInterrupt
            self.log.append(label)
            self.now += self.speed(self.now) * (seconds(calls) if callable(seconds) else seconds)
            calls += 1

        return Contender(label, run)


@pytest.fixture
def machine() -> Machine:
    return Machine()
