"""Blocks: so many calls of a contender that the clock does not matter; and rounds, of a block of each."""

from __future__ import annotations

import gc
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count, repeat
from typing import NamedTuple

from lwprof.timing.portable.clock import Clock

BLOCK_TICKS = 10_000
"""A block lasts at least so many ticks of the clock: reading it costs a sample 0.01 % at most."""
CALL_TICKS = 1_000
"""A call that lasts so many ticks of the clock can be timed singly."""
MOST_CALLS = 1_000_000


@dataclass(frozen=True)
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
    events_s: tuple[float, ...] = ()
    """Of every call, between a device's own events."""


Round = Mapping[int, Block]
"""Blocks by the position of their contender."""


@dataclass
class Track:
    """How the blocks of a contender are made."""

    calls: int = 1
    singly: bool = False
    first_call_s: float | None = None


class Bench:
    """Contenders of this machine, and what has become of them."""

    def __init__(
        self, contenders: Sequence[Contender], clock: Clock, running: Callable[[int], object] = lambda position: None
    ) -> None:
        """Make one; ``running`` is called before every block, outside of its time."""
        self.labels = [contender.label for contender in contenders]
        self.tracks = {position: Track() for position in range(len(contenders))}
        """Of the contenders that run."""
        self.failures: dict[int, str] = {}
        """What those raised that no longer run."""
        self._contenders, self._clock, self._running = contenders, clock, running

    def start(self, position: int) -> None:
        """Call a contender for the first time, and find how its blocks are made."""
        track = self.tracks[position]
        try:
            track.first_call_s = sum(self._block(position).calls_s)
            self._autorange(position)
        except Exception as error:
            self._fail(position, error)

    def rounds(self, order: Callable[[], Sequence[int]]) -> list[Round]:
        """Run one round, in the order of positions that it is given."""
        return [self.round(order())]

    def round(self, order: Sequence[int]) -> Round:
        """Run a block of each; of one that fails there is none."""
        blocks = {}
        for position in order:
            try:
                blocks[position] = self._block(position)
            except Exception as error:
                self._fail(position, error)
        gc.collect(1)  # what the calls left behind, outside of every block
        return blocks

    def _fail(self, position: int, error: Exception) -> None:
        lines = str(error).strip().splitlines()
        self.failures[position] = ": ".join([type(error).__name__, *lines[:1]])
        del self.tracks[position]

    def _block(self, position: int) -> Block:
        self._running(position)
        contender, track, now = self._contenders[position], self.tracks[position], self._clock.now
        run, before, events = contender.run, contender.before, contender.events_s
        events.clear()
        if before is not None:
            calls = tuple(_prepared_call(before, run, now) for _ in repeat(None, track.calls))
            return Block(calls, tuple(events))
        stamps = [now()]
        if track.singly:
            for _ in repeat(None, track.calls):
                run()
                stamps.append(now())
        else:
            for _ in repeat(None, track.calls):
                run()
            stamps.append(now())
        pairs = zip(stamps, stamps[1:])  # noqa: B905, RUF007 (Python 3.9)
        return Block(tuple(later - earlier for earlier, later in pairs), tuple(events))

    def _autorange(self, position: int) -> None:
        """Find the fewest calls (1, 2, 5, 10, …) that make a block long enough for the clock."""
        track, tick_s = self.tracks[position], self._clock.tick_s
        for step in count():
            track.calls = (1, 2, 5)[step % 3] * 10 ** (step // 3)
            elapsed = sum(self._block(position).calls_s)
            if elapsed >= BLOCK_TICKS * tick_s or track.calls >= MOST_CALLS:
                break
        prepared = self._contenders[position].before is not None
        track.singly = prepared or elapsed >= CALL_TICKS * tick_s * track.calls


def _prepared_call(before: Callable[[], object], run: Callable[[], object], now: Callable[[], float]) -> float:
    before()
    start = now()
    run()
    return now() - start
