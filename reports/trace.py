"""Trace: the layers of one call on a time line, in Chrome's Trace Event Format, which Perfetto opens, too.

Every network is a process, and every call of a layer a complete event in its one thread; several networks begin at the
same moment. Times are whole nanoseconds, rounded at both ends alike, so that what lies inside another stays there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from lwprof.errors import InputError
from lwprof.reports.formats import Content, Named, Writer
from lwprof.reports.options import Options
from lwprof.results.document import json_text
from lwprof.results.layer_times import LayerTimes
from lwprof.results.profile import ProfileResult

THREAD = 1

Event = dict[str, Any]


def write(content: Content, options: Options) -> str:
    """Write the observed call of a profile.

    Raises:
        InputError: it is something else, or was not timed.
    """
    return write_all([("", content)], options)


def write_all(named: Sequence[Named], options: Options) -> str:
    """Write the observed calls of several profiles side by side.

    Raises:
        InputError: one of them is something else, or was not timed.
    """
    events: list[Event] = []
    record: dict[str, Any] = {}
    for process, (name, content) in enumerate(named, 1):
        result, time = _timed(name, content)
        events += _events(result, time, process)
        record[str(process)] = dict(time.environment)
    document = {"displayTimeUnit": "ms", "otherData": {"environment": record}, "traceEvents": events}
    return json_text(document, indent=1) + "\n"


def _timed(name: str, content: Content) -> tuple[ProfileResult, LayerTimes]:
    place = f"{name}: " if name else ""
    if not isinstance(content, ProfileResult):
        raise InputError(f"{place}a trace shows where the time of a profile goes, and nothing else")
    if content.time is None:
        raise InputError(f"{place}the profile of {content.model.name} has no times to trace; make it with --time")
    return content, content.time


def _events(result: ProfileResult, time: LayerTimes, process: int) -> Iterator[Event]:
    title = f"{result.model.name} on {time.timing.timed_on}"
    place = {"pid": process, "tid": THREAD}
    yield {"ph": "M", "name": "process_name", **place, "args": {"name": title}}
    yield {"ph": "M", "name": "process_sort_index", **place, "args": {"sort_index": process}}
    yield {"ph": "M", "name": "thread_name", **place, "args": {"name": "one call"}}
    arguments = {
        item.layers: _arguments(item.layers, result)
        | {"kind": item.kind, "median_ms": 1e3 * item.median_s, "share_of_time": shares.time}
        for item, shares in zip(time.layers, result.shares(), strict=True)
    }
    for span in time.spans:
        start, end = round(span.start_s * 1e9), round((span.start_s + span.duration_s) * 1e9)
        yield {
            "ph": "X",
            "name": _name(span.layers, result),
            "cat": "layer" if span.layers else "unattributed",
            **place,
            "ts": start / 1e3,
            "dur": (end - start) / 1e3,
            "args": arguments.get(span.layers) or _arguments(span.layers, result),
        }


def _name(layers: Sequence[str], result: ProfileResult) -> str:
    return (layers[0] or result.model.name) if layers else "unattributed"


def _arguments(layers: Sequence[str], result: ProfileResult) -> dict[str, Any]:
    """What the modules are that run as one, and what they cost by themselves in all their calls."""
    costs = {layer.name: layer for layer in result.layers}
    known = [costs[name] for name in layers if name in costs]
    found: dict[str, Any] = {"layers": ", ".join(name or result.model.name for name in layers)} if layers else {}
    if known:
        found |= {
            "types": ", ".join(layer.type for layer in known),
            "mult_adds": sum(layer.mult_adds for layer in known),
            "memory_access_paper_elements": sum(layer.paper_elements for layer in known),
            "memory_access_eager_elements": sum(layer.eager_elements for layer in known),
        }
    return found


WRITER = Writer(write, write_all)
