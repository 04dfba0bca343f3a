"""What went wrong in a comparison: what was not timed or counted, and what makes a number less trustworthy."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from lwprof.reports.contents import Note
from lwprof.reports.runs import Run
from lwprof.reports.timed_settings import Settings

FIGURE = re.compile(r"(?<![\w.])\d+(?:\.\d+)?(?![\w.]*\w)")
"""A number that stands by itself in a warning."""
NAME = "\0"
"""Stands for a network's name in the reason why it was not timed."""


def untimed(run: Run) -> Iterator[Note]:
    """One sentence for each reason: the networks and settings that it holds for."""
    kinds: dict[tuple[str, bool, str], list[tuple[str, str, bool]]] = {}
    for name, model in zip(run.names, run.result.models, strict=True):
        for item in model.untimed:
            reason = re.sub(rf"(?<![\w/.-]){re.escape(model.model.name)}(?![\w/-]|[.:]\w)", NAME, item.reason)
            kinds.setdefault((item.timed_on, item.is_count, FIGURE.sub("#", reason)), []).append(
                (name, reason, item.failed)
            )
    for (setting, counted, _), found in kinds.items():
        names = [name for name, _, _ in found]
        reason = merged([reason for _, reason, _ in found])
        done = "counted" if counted else "timed"
        if NAME in reason and reason.startswith(f"{setting} "):
            text = f"not {done}: {reason.replace(NAME, ', '.join(names))}"
        else:
            who = "nothing" if len(names) == len(run.names) > 1 else f"{', '.join(names)} not"
            text = f"{who} {done} on {setting}: {reason.replace(NAME, names[0] if len(names) == 1 else 'them')}"
        yield Note(run.said(text), "bad" if any(failed for _, _, failed in found) else "")


def warnings(run: Run, settings: Settings) -> Iterator[Note]:
    """One sentence for each kind of warning: the networks that have it, and its figures from least to most."""
    kinds: dict[str, dict[str, list[str]]] = {}
    texts: dict[str, list[str]] = {}
    for name, model in zip(run.names, run.result.models, strict=True):
        for timing in model.measured:
            for warning in timing.warnings:
                kind = FIGURE.sub("#", warning)
                texts.setdefault(kind, []).append(warning)
                names = kinds.setdefault(kind, {}).setdefault(settings.text(timing), [])
                if name not in names:
                    names.append(name)
    for kind, warned in kinds.items():
        yield Note(run.said(f"{_who(run, settings, warned)}: {merged(texts[kind])}"), "warning")


def _who(run: Run, settings: Settings, warned: Mapping[str, Sequence[str]]) -> str:
    """Name the networks that are warned of, and the settings unless it is all that these were timed on."""
    timed: dict[str, list[str]] = {}
    for name, model in zip(run.names, run.result.models, strict=True):
        for timing in model.measured:
            timed.setdefault(settings.text(timing), []).append(name)
    everyone = [name for name, model in zip(run.names, run.result.models, strict=True) if model.measured]

    def listed(names: Sequence[str], among: Sequence[str]) -> str:
        return "all networks" if len(names) == len(among) > 1 else ", ".join(names)

    touched = [name for name in run.names if any(name in names for names in warned.values())]
    if all([name for name in names if name in touched] == list(warned.get(setting, ()))
           for setting, names in timed.items()):  # fmt: skip
        return listed(touched, run.names)
    groups: dict[str, list[str]] = {}
    for setting, names in warned.items():
        groups.setdefault(listed(names, everyone), []).append(setting)
    return "; ".join(f"{names} on {', '.join(group)}" for names, group in groups.items())


def merged(texts: Sequence[str]) -> str:
    """Write texts that differ in their figures as one."""
    columns = zip(*map(FIGURE.findall, texts), strict=True)
    ranges = iter([_range(min(column, key=float), max(column, key=float)) for column in columns])
    return FIGURE.sub(lambda _: next(ranges), texts[0])


def _range(least: str, most: str) -> str:
    return least if least == most else f"{least}–{most}"
