"""Cores: the processors of a machine by kind, which of them are big, and which somebody chooses.

As Linux tells it; elsewhere there is one kind of core, without a name.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from lwprof.timing.portable import core_names

BIG, LITTLE, ALL = "big", "little", "all"

SYNTAX = re.compile(r"big|little|all|\d{1,4}(-\d{1,4})?(,\d{1,4}(-\d{1,4})?)*")
"""How cores are chosen."""

ALIKE = 0.9
"""Cores of one name whose capacity is at least this share of the best one's are of one group: clusters of one kind
differ by a few percent in the clock that their silicon allows."""

PROC, SYS = Path("/proc"), Path("/sys")


class Processor(NamedTuple):
    """One logical processor."""

    number: int
    name: str
    """Of its kind of core; empty where the system does not say."""
    capacity: float | None
    """How fast it is, in units that hold on this machine only; ``None`` where the system does not say."""
    mhz: int | None
    """Its highest frequency."""
    online: bool
    usable: bool
    """Whether it is online, and this process is allowed on it."""


class Group(NamedTuple):
    """Processors of one kind, all online."""

    name: str
    numbers: tuple[int, ...]
    mhz: int | None
    size: str
    """"big" for the fastest of several groups, "little" for the slowest, else empty."""

    @property
    def brief(self) -> str:
        """How many of what: "4x Cortex-A76"."""
        return f"{len(self.numbers)}x {self.name or 'core'}"

    @property
    def described(self) -> str:
        """All of it: "4x Cortex-A76 2.4 GHz (4-7, big)"."""
        clock = f" {self.mhz / 1000:.3g} GHz" if self.mhz else ""
        return f"{self.brief}{clock} ({', '.join(filter(None, (spelled(self.numbers), self.size)))})"


def processors(proc: Path = PROC, sys: Path = SYS, allowed: Collection[int] | None = None) -> list[Processor]:
    """Find the processors of this machine.

    Args:
        proc: where ``/proc`` is.
        sys: where ``/sys`` is.
        allowed: numbers of those that this process may use; by default as the system says.
    """
    folder = sys / "devices/system/cpu"
    names = _names(proc / "cpuinfo")
    online = numbers(_read(folder / "online")) or sorted(names) or list(range(os.cpu_count() or 1))
    there = sorted({*online, *numbers(_read(folder / "present"))})
    hybrid = {number: kind
              for kind, device in (("P-core", "cpu_core"), ("E-core", "cpu_atom"))
              for number in numbers(_read(sys / "devices" / device / "cpus"))}  # fmt: skip
    if allowed is None:
        allowed = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else online
    khz = {number: _number(folder / f"cpu{number}/cpufreq/cpuinfo_max_freq") for number in there}
    capacities = {number: _number(folder / f"cpu{number}/cpu_capacity") for number in there}
    if any(capacities[number] is None for number in online):
        arm = any(is_arm for _, is_arm in names.values())
        capacities = khz if arm or hybrid else {}  # elsewhere the clocks of cores that are alike differ, too
    return [
        Processor(
            number,
            " ".join(filter(None, (names.get(number, ("", False))[0], hybrid.get(number)))),
            capacities.get(number),
            round((khz[number] or 0) / 1000) or None,
            number in online,
            number in online and number in allowed,
        )
        for number in there
    ]


def groups(found: Iterable[Processor]) -> list[Group]:
    """Group processors that are online by their kind, the fastest first; without capacities, in their order."""
    online = [processor for processor in found if processor.online]
    known = all(processor.capacity for processor in online)
    if known:
        online.sort(key=lambda processor: -(processor.capacity or 0))
    kinds: list[list[Processor]] = []
    for processor in online:
        for kind in kinds:
            least = ALIKE * (kind[0].capacity or 0)
            if kind[0].name == processor.name and (not known or (processor.capacity or 0) >= least):
                kind.append(processor)
                break
        else:
            kinds.append([processor])
    apart = known and len({kind[0].capacity for kind in kinds}) > 1
    first, last = [kinds[place][0].capacity if apart else None for place in (0, -1)]
    return [
        Group(
            kind[0].name,
            tuple(sorted(processor.number for processor in kind)),
            max((processor.mhz or 0 for processor in kind), default=0) or None,
            "" if not apart else BIG if kind[0].capacity == first else LITTLE if kind[0].capacity == last else "",
        )
        for kind in kinds
    ]


def check(text: str) -> None:
    """Tell whether somebody chooses cores in the right words.

    Raises:
        ValueError: nobody can read that.
    """
    if SYNTAX.fullmatch(text) is None or (text[0].isdigit() and not numbers(text)):
        raise ValueError(f"cannot read the cores {text!r}; write big, little, all, or numbers such as 0,2-3")


def chosen(text: str, found: Sequence[Processor]) -> tuple[int, ...]:
    """Read which processors somebody chooses: ``big``, ``little``, ``all``, or numbers such as ``0,2-3``.

    Where all cores are alike, all are big.

    Raises:
        ValueError: one cannot be used; the message names it in a sentence.
    """
    check(text)
    usable = [processor.number for processor in found if processor.usable]
    if text in (BIG, LITTLE, ALL):
        wanted = _named(text, groups(found))
        picked = tuple(number for number in wanted if number in usable)
        if not picked:
            raise ValueError(f"this process may not use the {text} cores ({spelled(wanted)}), only {spelled(usable)}")
        return picked
    known = {processor.number: processor for processor in found}
    wanted = tuple(numbers(text))
    for number in wanted:
        if number not in known:
            raise ValueError(f"there is no core {number} here; there is {spelled(known)}")
        if not known[number].online:
            raise ValueError(f"core {number} is offline")
        if not known[number].usable:
            raise ValueError(f"this process may not use core {number}, only {spelled(usable)}")
    return wanted


def _named(size: str, kinds: Sequence[Group]) -> tuple[int, ...]:
    """Numbers of all cores that are big, or little.

    Raises:
        ValueError: the system does not say which are.
    """
    if size == ALL or (size == BIG and len(kinds) == 1):
        return tuple(sorted(number for kind in kinds for number in kind.numbers))
    found = sorted(number for kind in kinds if kind.size == size for number in kind.numbers)
    if found:
        return tuple(found)
    if len(kinds) == 1:
        raise ValueError(f"the cores of this machine are all alike: there are no {size} ones")
    raise ValueError(f"this machine does not say which of its cores are {size}; choose them by their numbers")


def numbers(text: str) -> list[int]:
    """Read a list of processors as the kernel writes it; each once, in order.

    >>> numbers("0,2-4")
    [0, 2, 3, 4]
    """
    found: set[int] = set()
    for part in filter(None, text.strip().split(",")):
        first, _, last = part.partition("-")
        if not first.isdigit() or len(first + last) > 9:
            continue
        found.update(range(int(first), int(last or first) + 1))
    return sorted(found)


def spelled(found: Iterable[int]) -> str:
    """Write such a list.

    >>> spelled([0, 2, 3, 4])
    '0,2-4'
    """
    spans: list[list[int]] = []
    for number in sorted(found):
        if spans and number == spans[-1][1] + 1:
            spans[-1][1] = number
        else:
            spans.append([number, number])
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in spans)


def _names(cpuinfo: Path) -> dict[int, tuple[str, bool]]:
    """Names of cores by the number of their processor, and whether they are of ARM's architecture."""
    found: dict[int, tuple[str, bool]] = {}
    number, implementer = None, 0
    for line in _read(cpuinfo).splitlines():
        key, _, value = (part.strip() for part in line.partition(":"))
        if key == "processor" and value.isdigit():
            number, implementer = int(value), 0
            found[number] = "", False
        elif number is None:
            continue
        elif key == "model name" and not found[number][1]:
            found[number] = value, False
        elif key == "CPU implementer":
            implementer = _hexadecimal(value)
        elif key == "CPU part":
            found[number] = core_names.name(implementer, _hexadecimal(value)), True
    return found


def _hexadecimal(text: str) -> int:
    try:
        return int(text, 16)
    except ValueError:
        return 0


def _number(path: Path) -> int | None:
    text = _read(path).strip()
    return int(text) if text.isdigit() else None


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
