"""Settings that networks were timed on, as tables call them: what is the same for all is said once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lwprof.reports import phrases
from lwprof.reports.contents import Column
from lwprof.reports.runs import Outcome, Run
from lwprof.results import Timing

SHARED, DTYPE = (2, 3), 4
"""Places of threads and batch, and of the dtype, among the parts of a setting."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What the timings of all runs have in common, and what tells them apart."""

    timings: tuple[Timing, ...]

    @classmethod
    def of(cls, runs: Sequence[Run]) -> Settings:
        """Those of all runs."""
        return cls(tuple(timing for run in runs for timing in run.timings))

    @property
    def several(self) -> bool:
        """Whether networks were timed on more than one."""
        return len({timing.timed_on for timing in self.timings}) > 1

    @property
    def several_dtypes(self) -> bool:
        """Whether these settings differ in what is computed in, which costs more than time."""
        return self.several and len({timing.dtype for timing in self.timings}) > 1

    @property
    def shown(self) -> bool:
        """Whether there is anything to tell apart."""
        return self.several or bool(_varied(self.timings))

    def columns(self, group: str = "") -> list[Column]:
        """The column of settings, in which no word is torn apart; none where there is nothing to tell apart."""
        words = [word for timing in self.timings for word in self.text(timing).split()]
        narrowest = max(map(len, words), default=0)
        column = Column("setting", "timed on", wrap=self.several, group=group, narrowest=narrowest)
        return [column] if self.shown else []

    def text(self, outcome: Outcome) -> str:
        """Name the setting of an outcome; where there is one only, what differs between its timings."""
        varied = _varied(self.timings)
        if self.several:  # whose name has the device, and the dtype that was asked for
            alike = _varied([timing for timing in self.timings if timing.timed_on == outcome.timed_on])
            varied = [place for place in varied if place in SHARED or (place == DTYPE and place in alike)]
        parts = [phrases.settings(outcome)[place] for place in varied] if isinstance(outcome, Timing) else []
        return ", ".join([outcome.timed_on, *parts] if self.several else parts) or "–"

    def shared(self) -> str:
        """What is the same for all timings; empty where nothing is."""
        varied = _varied(self.timings)
        return ", ".join(
            part for timing in self.timings[:1] for place, part in enumerate(phrases.settings(timing))
            if place not in varied
        )  # fmt: skip


def _varied(timings: Sequence[Timing]) -> list[int]:
    """Which parts of the settings differ between timings."""
    parts = zip(*map(phrases.settings, timings), strict=True)
    return [place for place, values in enumerate(parts) if len(set(values)) > 1]
