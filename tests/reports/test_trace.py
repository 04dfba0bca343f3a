"""The time line that Chrome's tracing and Perfetto open."""

from __future__ import annotations

import dataclasses
import json

import pytest
import trace_viewers

from lwprof.errors import InputError
from lwprof.reports import render, render_all
from lwprof.results.latency import CompareResult
from lwprof.results.layer_times import Span
from lwprof.results.profile import ProfileResult

HOSTILE = 'a"b\\c</script><img src=x onerror=alert(1)>\u2028é'


def nested(profile: ProfileResult, name: str = HOSTILE) -> ProfileResult:
    """The whole call as one span with the others inside it, one of them with that name, to thirds of nanoseconds."""
    assert profile.time is not None
    third = 1e-9 / 3
    spans = (
        Span(("",), 0.0, 0.008 + third),
        Span(("features",), 0.001 + third, 0.006 + third),
        Span((name,), 0.001 + third, 0.002 + third),
        Span((), 0.005, 0.002 + 2 * third),
    )
    return dataclasses.replace(profile, time=dataclasses.replace(profile.time, spans=spans))


def complete(text: str) -> list[dict]:
    return [event for event in json.loads(text)["traceEvents"] if event["ph"] == "X"]


def test_every_span_is_an_event(timed_profile: ProfileResult) -> None:
    assert timed_profile.time is not None
    events = complete(render(timed_profile, "trace"))
    assert [(event["name"], event["ts"], event["dur"]) for event in events] == [
        ("features.0.0", 100.0, 900.0),
        ("features.1.depthwise", 1100.0, 2100.0),
        ("features.1.pointwise", 3300.0, 4400.0),
        ("classifier", 7800.0, 200.0),
    ]
    first = events[0]["args"]
    costs = {layer.name: layer for layer in timed_profile.layers}
    assert first["kind"] == "dense conv"
    assert first["layers"] == "features.0.0, features.0.1"
    assert first["mult_adds"] == sum(
        costs[name].mult_adds for name in ("features.0.0", "features.0.1") if name in costs
    )
    assert first["share_of_time"] == pytest.approx(0.9 / 8)


def test_several_profiles_are_processes_of_one_trace(timed_profile: ProfileResult) -> None:
    other = dataclasses.replace(timed_profile, model=dataclasses.replace(timed_profile.model, name="mbv2"))
    text = render_all([("a.json", timed_profile), ("b.json", other)], "trace")
    names = {event["pid"]: event["args"]["name"] for event in json.loads(text)["traceEvents"]
             if event["name"] == "process_name"}  # fmt: skip
    assert [name.split(" on ")[0] for name in names.values()] == ["mbv1", "mbv2"]
    assert [event["pid"] for event in complete(text)] == [1] * 4 + [2] * 4


def test_rounding_keeps_what_is_inside_inside(timed_profile: ProfileResult) -> None:
    whole, *inner = [
        (event["ts"], event["ts"] + event["dur"]) for event in complete(render(nested(timed_profile), "trace"))
    ]
    assert all(whole[0] <= start <= end <= whole[1] for start, end in inner)


def test_what_belongs_to_no_layer_says_so(timed_profile: ProfileResult) -> None:
    events = complete(render(nested(timed_profile), "trace"))
    assert [event["name"] for event in events] == ["mbv1", "features", HOSTILE, "unattributed"]
    assert events[-1]["args"] == {}


def test_profile_without_times_is_refused(profile_result: ProfileResult) -> None:
    with pytest.raises(InputError, match=r"^the profile of mbv1 has no times to trace; make it with --time$"):
        render(profile_result, "trace")


def test_other_results_are_refused_by_name(compare_result: CompareResult, timed_profile: ProfileResult) -> None:
    with pytest.raises(InputError, match=r"^b.json: a trace shows where the time of a profile goes, and nothing else$"):
        render_all([("a.json", timed_profile), ("b.json", compare_result)], "trace")


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.skipif(trace_viewers.missing() != "", reason=f"not installed: {trace_viewers.missing()}")
class TestViewers:
    def trace(self, timed_profile: ProfileResult) -> str:
        other = dataclasses.replace(timed_profile, model=dataclasses.replace(timed_profile.model, name="<b>mbv2"))
        return render_all([("a.json", nested(timed_profile)), ("b.json", other)], "trace")

    def test_chrome_shows_it(self, timed_profile: ProfileResult) -> None:
        warnings, slices = trace_viewers.by_chrome(self.trace(timed_profile))
        assert warnings == []
        assert [(item["name"], item["parent"]) for item in slices[:4]] == [
            ("mbv1", None), ("features", "mbv1"), (HOSTILE, "features"), ("unattributed", "features"),
        ]  # fmt: skip
        times = [time for item in slices[4:] for time in (item["start"], item["duration"])]
        assert times == pytest.approx([0.1, 0.9, 1.1, 2.1, 3.3, 4.4, 7.8, 0.2])
        assert {item["process"].split(" on ")[0] for item in slices} == {"mbv1", "<b>mbv2"}
        assert {item["thread"] for item in slices} == {"one call"}
        assert slices[4]["args"]["kind"] == "dense conv"

    def test_perfetto_shows_it(self, timed_profile: ProfileResult) -> None:
        troubles, slices = trace_viewers.by_perfetto(self.trace(timed_profile))
        assert troubles == []
        assert [(item["name"], item["parent"]) for item in slices[:4]] == [
            ("mbv1", None), ("features", "mbv1"), (HOSTILE, "features"), ("unattributed", "features"),
        ]  # fmt: skip
        assert [(item["ts"], item["dur"]) for item in slices[4:]] == [
            (1e5, 9e5), (1.1e6, 2.1e6), (3.3e6, 4.4e6), (7.8e6, 2e5),
        ]  # fmt: skip
        assert {item["process"].split(" on ")[0] for item in slices} == {"mbv1", "<b>mbv2"}
        assert slices[4]["kind"] == "dense conv"

    def test_they_say_what_they_cannot_show(self) -> None:
        both = [{"ph": "X", "name": str(start), "pid": 1, "tid": 1, "ts": start, "dur": 10} for start in (0, 5)]
        text = json.dumps({"traceEvents": both})
        troubles, slices = trace_viewers.by_perfetto(text)
        assert troubles
        assert len(slices) < 2
