"""Sampling: contenders run in interleaved rounds against a clock, until the medians are known well enough.

A machine drifts while it measures. In every round each contender therefore runs once, in random
order, and contenders are compared round by round.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from lwprof import collector
from lwprof.timing.portable.blocks import Bench, Contender, Round, Track
from lwprof.timing.portable.clock import Clock
from lwprof.timing.statistics import median_interval, ratio_interval, shift, trend

Progress = Callable[[str, float], None]
"""Called with what is going on and the share of it that is done, from 0 to 1."""


def part(progress: Progress | None, number: int, count: int) -> Progress | None:
    """Progress of one part of a work as a share of all ``count`` parts."""
    if progress is None:
        return None
    return lambda what, share: progress(what, (number + share) / count)


WARMUP_ROUNDS = 5
WARMUP_WINDOW = 10
WARMUP_SHARE = 0.2
WARMUP_FALL = 0.01
"""Warm-up goes on while the latest rounds fall significantly and by more than this."""

LEAST_ROUNDS = 3
"""Taken even where the budget is spent before."""


@dataclass(frozen=True, slots=True)
class Rules:
    """When to stop, and the seed of everything random."""

    budget_s: float = 10.0
    """Seconds for all contenders together, warm-up included."""
    precision: float = 0.02
    """Stop once every 95 % interval is at most this share of its median wide."""
    settled_rounds: int = 20
    """Rounds before an interval is trusted to end the sampling."""
    single_calls: int = 100
    """Calls wanted one by one, where they are long enough: ten then lie beyond the 90th percentile."""
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Series:
    """What was measured of one contender; samples of one position come from the same round."""

    label: str
    first_call_s: float | None
    calls_per_sample: int
    samples_s: tuple[float, ...]
    single_calls_s: tuple[float, ...]
    events_s: tuple[float, ...] = ()
    """Of the same calls, between a device's own events."""
    failure: str = ""
    """What it raised, in a sentence that names it; nothing of it is kept then."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """All series of one measurement, equally long but for those that failed."""

    series: tuple[Series, ...]
    stopped: str
    """ "interval", "budget", "interrupted" or "failed"."""
    warm: bool
    """Whether the warm-up ended because nothing fell any more."""


class AnyBench(Protocol):
    """Where contenders run: this machine's :class:`~lwprof.timing.portable.blocks.Bench`, or that of a board."""

    @property
    def labels(self) -> Sequence[str]:
        """Names of the contenders, by position."""

    @property
    def tracks(self) -> Mapping[int, Track]:
        """How the blocks of those are made that run."""

    @property
    def failures(self) -> Mapping[int, str]:
        """What became of the others."""

    def start(self, position: int) -> None:
        """Call a contender for the first time, and find how its blocks are made."""

    def rounds(self, order: Callable[[], Sequence[int]]) -> Sequence[Round]:
        """Run at least one round; ``order`` draws the positions for each."""


def measure(
    contenders: Sequence[Contender], rules: Rules, clock: Clock, progress: Progress | None = None
) -> Measurement:
    """Time contenders of this machine in interleaved rounds, as :func:`sample` does."""
    return sample(Bench(contenders, clock), rules, clock, progress)


def sample(bench: AnyBench, rules: Rules, clock: Clock, progress: Progress | None = None) -> Measurement:
    """Time the contenders of a bench in interleaved rounds.

    A contender that raises is left out from then on, and the others go on. Ctrl-C ends the measurement; the rounds that
    were complete are returned.
    """
    rounds: list[Round] = []
    warm, stopped = False, "interrupted"
    start = clock.now()
    shuffle = random.Random(rules.seed).shuffle

    def report(what: str) -> None:
        if progress is not None:
            progress(what, min(1.0, (clock.now() - start) / rules.budget_s) if rules.budget_s > 0 else 1.0)

    def order() -> list[int]:
        drawn = list(bench.tracks)
        shuffle(drawn)
        return drawn

    try:
        with collector.paused():
            for position in range(len(bench.labels)):
                bench.start(position)
                report("warm-up")
            earlier: list[Round] = []
            while bench.tracks and not warm and clock.now() - start < WARMUP_SHARE * rules.budget_s:
                earlier.extend(bench.rounds(order))
                latest = earlier[-WARMUP_WINDOW:]
                warm = len(earlier) >= WARMUP_ROUNDS and not any(
                    _falling(_samples(bench, latest, position)) for position in bench.tracks
                )
                report("warm-up")
            check_at = max(LEAST_ROUNDS, rules.settled_rounds)
            while bench.tracks:
                rounds.extend(bench.rounds(order))
                report("timing")
                if len(rounds) >= check_at and _enough_single_calls(bench.tracks.values(), len(rounds), rules):
                    check_at = len(rounds) + max(1, len(rounds) // 10)
                    if _narrow([_samples(bench, rounds, position) for position in bench.tracks], rules):
                        stopped = "interval"
                        break
                if len(rounds) >= LEAST_ROUNDS and clock.now() - start >= rules.budget_s:
                    stopped = "budget"
                    break
            else:
                stopped = "failed"
    except KeyboardInterrupt:
        stopped = "interrupted"
    return Measurement(tuple(_series(bench, rounds, position) for position in range(len(bench.labels))), stopped, warm)


def _samples(bench: AnyBench, rounds: Sequence[Round], position: int) -> list[float]:
    return [sum(blocks[position].calls_s) / bench.tracks[position].calls for blocks in rounds]


def _series(bench: AnyBench, rounds: Sequence[Round], position: int) -> Series:
    label = bench.labels[position]
    if position in bench.failures:
        return Series(label, None, 1, (), (), failure=f"{label} cannot be timed: {bench.failures[position]}")
    track = bench.tracks[position]
    blocks = [found[position] for found in rounds]
    singles = tuple(call for block in blocks for call in block.calls_s) if track.singly else ()
    events = tuple(call for block in blocks for call in block.events_s)
    return Series(label, track.first_call_s, track.calls, tuple(_samples(bench, rounds, position)), singles, events)


def _falling(samples: Sequence[float]) -> bool:
    """Whether samples fall clearly (95 %, two-sided) and by enough to matter."""
    return trend(samples) < -1.96 and shift(samples) < -WARMUP_FALL


def _enough_single_calls(tracks: Iterable[Track], rounds: int, rules: Rules) -> bool:
    return all(track.calls * rounds >= rules.single_calls for track in tracks if track.singly)


def _narrow(columns: Sequence[Sequence[float]], rules: Rules) -> bool:
    """Whether the intervals of all medians, and of all ratios to the first, are narrow enough."""
    return all(median_interval(column, rules.seed).relative_width <= rules.precision for column in columns) and all(
        ratio_interval(column, columns[0], rules.seed).relative_width <= rules.precision for column in columns[1:]
    )
