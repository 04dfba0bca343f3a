"""Blocks: so many calls of a contender that the clock does not matter."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count, pairwise, repeat
from typing import NamedTuple

from lwprof.errors import InputError, first_line
from lwprof.timing.clock import Clock

BLOCK_TICKS = 10_000
"""A block lasts at least so many ticks of the clock: reading it costs a sample 0.01 % at most."""
CALL_TICKS = 1_000
"""A call that lasts so many ticks of the clock can be timed singly."""
MOST_CALLS = 1_000_000


@dataclass(frozen=True, slots=True)
class Contender:
    """Something to time."""

    label: str
    run: Callable[[], object]
    before: Callable[[], object] | None = None
    """Called before every call, outside of the time; every call is then timed singly."""
    events_s: list[float] = field(default_factory=list)
    """Where every call leaves the seconds between a device's own events, if it has such."""


class Block(NamedTuple):
    """Seconds of one block."""

    calls_s: tuple[float, ...]
    """Of every call, or of all calls together where a call is too short."""
    events_s: tuple[float, ...]
    """Of every call, between a device's own events."""


@dataclass(slots=True)
class Track:
    """A contender, and how its blocks are made."""

    contender: Contender
    calls: int = 1
    singly: bool = False
    first_call_s: float | None = None

    def block(self, clock: Clock) -> Block:
        """Run one block.

        Raises:
            InputError: the contender raised something; the message names it.
        """
        run, before, events, now = self.contender.run, self.contender.before, self.contender.events_s, clock.now
        events.clear()
        try:
            if before is not None:
                calls = tuple(_prepared_call(before, run, now) for _ in repeat(None, self.calls))
                return Block(calls, tuple(events))
            stamps = [now()]
            if self.singly:
                for _ in repeat(None, self.calls):
                    run()
                    stamps.append(now())
            else:
                for _ in repeat(None, self.calls):
                    run()
                stamps.append(now())
        except Exception as error:
            raise InputError(f"{self.contender.label} cannot be timed: {first_line(error)}") from error
        return Block(tuple(later - earlier for earlier, later in pairwise(stamps)), tuple(events))

    def autorange(self, clock: Clock) -> None:
        """Find the fewest calls (1, 2, 5, 10, …) that make a block long enough for the clock."""
        for step in count():
            self.calls = (1, 2, 5)[step % 3] * 10 ** (step // 3)
            elapsed = sum(self.block(clock).calls_s)
            if elapsed >= BLOCK_TICKS * clock.tick_s or self.calls >= MOST_CALLS:
                break
        self.singly = self.contender.before is not None or elapsed >= CALL_TICKS * clock.tick_s * self.calls


def _prepared_call(before: Callable[[], object], run: Callable[[], object], now: Callable[[], float]) -> float:
    before()
    start = now()
    run()
    return now() - start
