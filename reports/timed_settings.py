"""Settings that networks were timed or counted on, as tables call them: what is the same for all is said once."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from lwprof.reports import phrases
from lwprof.reports.contents import Cell, Column
from lwprof.reports.runs import Measured, Outcome, Run
from lwprof.results.latency import Counted, Timing, Untimed

THREADS, BATCH, DTYPE = 2, 3, 4
"""Places among the parts of a setting."""
LONG = 18
"""A word with more characters is broken after its parts where a terminal is narrow."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What the timings and counts of all runs have in common, and what tells them apart."""

    timings: tuple[Timing, ...]
    counts: tuple[Counted, ...] = ()

    @classmethod
    def of(cls, runs: Sequence[Run]) -> Settings:
        """Those of all runs."""
        return cls(
            tuple(timing for run in runs for timing in run.timings),
            tuple(count for run in runs for count in run.counts),
        )

    @property
    def measured(self) -> tuple[Measured, ...]:
        """Both together."""
        return (*self.timings, *self.counts)

    @property
    def timed(self) -> Settings:
        """Those of the timings alone."""
        return replace(self, counts=())

    @property
    def counted(self) -> Settings:
        """Those of the counts alone."""
        return replace(self, timings=())

    @property
    def several(self) -> bool:
        """Whether networks were timed or counted on more than one."""
        return len({item.timed_on for item in self.measured}) > 1

    @property
    def several_dtypes(self) -> bool:
        """Whether these settings differ in what is computed in, which costs more than time."""
        return self.several and len({item.dtype for item in self.measured}) > 1

    @property
    def shown(self) -> bool:
        """Whether there is anything to tell apart."""
        return self.several or bool(_varied(self.measured))

    def columns(self, group: str = "") -> list[Column]:
        """The column of settings, in which no word is torn apart; none where there is nothing to tell apart."""
        words = [word for item in self.measured for word in self.text(item).split()]
        narrowest = max(map(len, words), default=0)
        both = bool(self.timings and self.counts)
        header = "timed or counted on" if both else "timed on" if self.timings else "counted on"
        lines = ("timed or", "counted on") if both else ()
        column = Column("setting", header, lines, wrap=self.several, group=group, narrowest=narrowest)
        return [column] if self.shown else []

    def text(self, outcome: Outcome) -> str:
        """Name the setting of an outcome; where there is one only, what differs between its timings."""
        varied = _varied(self.measured)
        if self.several:  # whose name has the device, and the dtype that was asked for
            alike = _varied([item for item in self.measured if item.timed_on == outcome.timed_on])
            varied = [place for place in varied if place in (THREADS, BATCH) or (place == DTYPE and place in alike)]
        if isinstance(outcome, Counted):  # always on one
            varied = [place for place in varied if place != THREADS]
        parts = [] if isinstance(outcome, Untimed) else [phrases.settings(outcome)[place] for place in varied]
        return ", ".join([outcome.timed_on, *parts] if self.several else parts) or "–"

    def cell(self, outcome: Outcome | None) -> Cell:
        """The same in a table, with short lines for a narrow terminal."""
        text = "–" if outcome is None else self.text(outcome)
        lines = _lines(text)
        return Cell(text, lines=lines if len(lines) > 1 else ())

    def shared(self) -> str:
        """What is the same for all of them: "on cpu, 1 thread"; empty where nothing is."""
        varied = _varied(self.measured)
        same = [place for place in range(DTYPE + 1) if place not in varied] if self.measured else []
        parts = [phrases.settings(self.measured[0])[place] for place in same]
        return f"{'on' if same[0] < THREADS else 'with'} {', '.join(parts)}" if same else ""


def _lines(text: str) -> tuple[str, ...]:
    """Lay the name of a setting that has a long word on lines of at most ``LONG`` characters.

    >>> _lines("torch cuda channels_last"), _lines("ncnn arm-emulated:cortex-a76 float16")
    (('torch cuda channels_last',), ('ncnn arm-emulated:', 'cortex-a76 float16'))
    >>> _lines("ncnn ssh://pi@raspberrypi:2222/home/pi/venv/bin/python, 2 threads")
    ('ncnn ssh://pi@', 'raspberrypi:2222/', 'home/pi/venv/bin/', 'python, 2 threads')
    """
    if max(map(len, text.split()), default=0) <= LONG:
        return (text,)
    lines = [""]
    for word in text.split():
        *firsts, last = re.findall(r".+?(?:/+|@|:(?![/\d])|$)", word) if len(word) > LONG else [word]
        for part in (*firsts, f"{last} "):
            if lines[-1] and len(f"{lines[-1]}{part}".rstrip()) > LONG:
                lines.append("")
            lines[-1] += part
    return tuple(line.rstrip() for line in lines)


def _varied(measured: Sequence[Measured]) -> list[int]:
    """Which parts of the settings differ between them: threads do where those of timings do."""
    timings = [item for item in measured if isinstance(item, Timing)] or measured
    found = [{phrases.settings(item)[place] for item in (timings if place == THREADS else measured)}
             for place in range(DTYPE + 1)]  # fmt: skip
    return [place for place, values in enumerate(found) if len(values) > 1]
