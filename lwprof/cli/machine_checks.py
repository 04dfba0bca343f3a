"""What ``lwprof doctor`` says of the machine: its cores, how they are clocked, how warm and how busy they are."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from lwprof.cli.doctor_checks import Check
from lwprof.timing.portable import cores


def machine_checks(proc: Path = cores.PROC, sys: Path = cores.SYS) -> Iterator[Check]:
    """Look at the machine, and at whether what is timed on it can be trusted."""
    from lwprof.timing import advice
    from lwprof.timing.portable import machine

    record, found = machine.description(proc, sys), cores.processors(proc, sys)
    yield Check("processor", str(record["cpu"] or "unknown"), "ok")
    kinds = cores.groups(found)
    governors = [{machine.governor(sys, of=str(number)) for number in kind.numbers} for kind in kinds]
    alike = [(kind.name, kind.mhz) for kind in kinds] == [(record["cpu"], None)]  # the processor's row says it all
    for kind, names in zip(kinds, governors, strict=True) if not alike else ():
        own = ", ".join(sorted(filter(None, names))) if governors.count(names) < len(kinds) else ""
        told = f"{kind.described}{f'; governor {own}' if own else ''}"
        yield Check("cores", told, "ok", "--cores big takes these" if kind.size == cores.BIG else "")
    yield _usable(found)
    yield Check("governor", str(record["governor"] or "unknown"), "ok")
    if (degrees := machine.temperature(sys / "class/thermal")) is not None:
        yield Check("temperature", f"{degrees:.0f} °C", "ok")
    yield Check("load", "unknown" if record["load_1min"] is None else str(record["load_1min"]), "ok")
    warnings = advice.on_machine(record, threads=1)
    if machine.throttled(sys / machine.THROTTLED.relative_to("/sys")):
        warnings.append("the board is slowed down by heat or a weak supply: cool it, or give it a stronger supply")
    for warning in warnings:
        what, _, remedy = warning.partition(": ")
        yield Check("timing", what, "note", remedy)
    if not warnings:
        yield Check("timing", "nothing here speaks against it", "ok")


def _usable(found: list[cores.Processor]) -> Check:
    usable = [processor.number for processor in found if processor.usable]
    offline = [processor.number for processor in found if not processor.online]
    kept = [processor.number for processor in found if processor.online and not processor.usable]
    parts = [f"{len(usable)} ({cores.spelled(usable)})"]
    parts += [f"{cores.spelled(offline)} offline"] if offline else []
    parts += [f"{cores.spelled(kept)} not allowed to this process"] if kept else []
    return Check("usable cores", ", ".join(parts), "ok")
