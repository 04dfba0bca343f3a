"""Sampling: contenders run in interleaved rounds against a clock, until the medians are known well enough.

A machine drifts while it measures. In every round each contender therefore runs once, in random
order, and contenders are compared round by round.
"""

from __future__ import annotations

import gc
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lwprof import collector
from lwprof.errors import InputError
from lwprof.timing.blocks import Contender, Track
from lwprof.timing.clock import Clock
from lwprof.timing.statistics import median_interval, ratio_interval, shift, trend

Progress = Callable[[str, float], None]
"""Called with what is going on and the share of it that is done, from 0 to 1."""

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


@dataclass(frozen=True, slots=True)
class Measurement:
    """All series of one measurement, equally long."""

    series: tuple[Series, ...]
    stopped: str
    """ "interval", "budget", "interrupted" or "failed"."""
    warm: bool
    """Whether the warm-up ended because nothing fell any more."""
    failure: str = ""
    """What a contender raised, in a sentence that names it."""


_Round = tuple[tuple[float, ...], ...]


def measure(
    contenders: Sequence[Contender], rules: Rules, clock: Clock, progress: Progress | None = None
) -> Measurement:
    """Time the contenders in interleaved rounds.

    Ctrl-C and a contender that raises end the measurement; the rounds that were complete are returned.
    """
    tracks = [Track(contender) for contender in contenders]
    rounds: list[_Round] = []
    warm, stopped, failure = False, "interrupted", ""
    start = clock.now()
    shuffle = random.Random(rules.seed).shuffle

    def report(what: str) -> None:
        if progress is not None:
            progress(what, min(1.0, (clock.now() - start) / rules.budget_s) if rules.budget_s > 0 else 1.0)

    def run_round() -> _Round:
        order = list(range(len(tracks)))
        shuffle(order)
        blocks = {position: tracks[position].block(clock) for position in order}
        gc.collect(1)  # what the calls left behind, outside of every block
        return tuple(blocks[position] for position in range(len(tracks)))

    try:
        with collector.paused():
            for track in tracks:
                (track.first_call_s,) = track.block(clock)
                track.autorange(clock)
                report("warm-up")
            earlier: list[_Round] = []
            while not warm and clock.now() - start < WARMUP_SHARE * rules.budget_s:
                earlier.append(run_round())
                warm = len(earlier) >= WARMUP_ROUNDS and not any(
                    _falling(_samples(tracks, earlier[-WARMUP_WINDOW:], position)) for position in range(len(tracks))
                )
                report("warm-up")
            check_at = max(LEAST_ROUNDS, rules.settled_rounds)
            while True:
                rounds.append(run_round())
                report("timing")
                if len(rounds) >= check_at and _enough_single_calls(tracks, len(rounds), rules):
                    check_at = len(rounds) + max(1, len(rounds) // 10)
                    if _narrow([_samples(tracks, rounds, position) for position in range(len(tracks))], rules):
                        stopped = "interval"
                        break
                if len(rounds) >= LEAST_ROUNDS and clock.now() - start >= rules.budget_s:
                    stopped = "budget"
                    break
    except KeyboardInterrupt:
        stopped = "interrupted"
    except InputError as error:
        stopped, failure = "failed", str(error)
    series = tuple(_series(tracks, rounds, position) for position in range(len(tracks)))
    return Measurement(series, stopped, warm, failure)


def _samples(tracks: Sequence[Track], rounds: Sequence[_Round], position: int) -> list[float]:
    calls = tracks[position].calls
    return [sum(blocks[position]) / calls for blocks in rounds]


def _series(tracks: Sequence[Track], rounds: Sequence[_Round], position: int) -> Series:
    track = tracks[position]
    singles = tuple(call for blocks in rounds for call in blocks[position]) if track.singly else ()
    samples = tuple(_samples(tracks, rounds, position))
    return Series(track.contender.label, track.first_call_s, track.calls, samples, singles)


def _falling(samples: Sequence[float]) -> bool:
    """Whether samples fall clearly (95 %, two-sided) and by enough to matter."""
    return trend(samples) < -1.96 and shift(samples) < -WARMUP_FALL


def _enough_single_calls(tracks: Sequence[Track], rounds: int, rules: Rules) -> bool:
    return all(track.calls * rounds >= rules.single_calls for track in tracks if track.singly)


def _narrow(columns: Sequence[Sequence[float]], rules: Rules) -> bool:
    """Whether the intervals of all medians, and of all ratios to the first, are narrow enough."""
    return all(median_interval(column, rules.seed).relative_width <= rules.precision for column in columns) and all(
        ratio_interval(column, columns[0], rules.seed).relative_width <= rules.precision for column in columns[1:]
    )
