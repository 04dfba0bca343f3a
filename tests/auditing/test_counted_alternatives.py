"""Alternatives are held against layers by the instructions that an emulated core executes, which are made up here."""

from __future__ import annotations

import pytest
from alternative_findings import alternatives, audited, finding
from fake_emulator import Emulated, executed, installed

from lwprof.auditing import counts
from lwprof.auditing.measuring import Measuring, measured
from lwprof.errors import BackendError
from lwprof.results.audit import AuditResult, CountedGain
from lwprof.results.loading import from_dict
from lwprof.timing.portable.clock import Clock

ON_ARM = Measuring(device="arm-emulated")


@pytest.fixture
def emulator(monkeypatch: pytest.MonkeyPatch) -> Emulated:
    return installed(monkeypatch)


def layer(channels: int) -> str:
    return f"nn.Conv2d({channels}, 4, 1)"


def gains(result: AuditResult) -> list[CountedGain]:
    found = [one.counted for one in alternatives(result)]
    assert all(one.gain is None for one in alternatives(result))
    return [one for one in found if one]


@pytest.mark.parametrize(
    ("after", "verdict"),
    [(75_800_000, "fewer"), (99_989_999, "fewer"), (99_990_001, "the same"), (100_009_999, "the same"),
     (100_010_001, "more")],
)  # fmt: skip
def test_the_ratio_is_that_of_the_alternative_to_the_layer(emulator: Emulated, after: int, verdict: str) -> None:
    before = executed(100_000_000, 60_000_000)
    emulator.executes = {layer(10): before, layer(5): executed(after)}
    (gain,) = gains(result := measured(audited(finding(10, 5)), ON_ARM))
    assert (gain.before, gain.after, gain.ratio, gain.verdict) == (before, executed(after), after / 1e8, verdict)
    assert (gain.backend, gain.device, gain.core) == ("ncnn", "arm-emulated:cortex-a76", "cortex-a76")
    assert (gain.runtime, gain.dtype) == ("ncnn 1.0", "float32")
    assert result.warnings == ()
    assert from_dict(result.to_dict()) == result


@pytest.mark.parametrize(("after", "verdict"), [(99_000, "the same"), (98_999, "fewer"), (101_001, "more")])
def test_what_calling_a_small_layer_takes_is_no_difference(emulator: Emulated, after: int, verdict: str) -> None:
    emulator.executes = {layer(10): executed(100_000), layer(5): executed(after)}
    (gain,) = gains(measured(audited(finding(10, 5)), ON_ARM))
    assert (gain.ratio, gain.verdict) == (after / 100_000, verdict)


def test_a_gain_in_instructions_has_no_seconds(emulator: Emulated) -> None:
    (data,) = audited_document(measured(audited(finding(10, 5)), ON_ARM))
    assert data["gain"] is None
    assert data["counted"]["before"]["total"] == 1000
    assert not [key for key in data["counted"] if key.endswith("_s")]


def audited_document(result: AuditResult) -> list[dict[str, object]]:
    document = result.to_dict()
    assert not [key for key in document["environment"] if key.endswith("_s")]
    return [one["alternative"] for model in document["models"] for one in model["findings"]]


def test_core_and_dtype_are_those_that_were_asked_for(emulator: Emulated) -> None:
    how = Measuring(device="arm-emulated:cortex-a53", dtype="float16")
    (gain,) = gains(measured(audited(finding(10, 5)), how))
    assert (gain.core, gain.dtype) == ("cortex-a53", "float16")
    assert emulator.log == [f"{layer(channels)} cortex-a53 float16" for channels in (10, 5)]


@pytest.mark.slow
def test_a_layer_that_stands_in_several_pairs_is_counted_once(emulator: Emulated) -> None:
    pairs = [finding(10 + number // 2, 5, module=f"m{number}") for number in range(24)]
    result = measured(audited(*pairs), ON_ARM)
    assert len(gains(result)) == 24
    assert sorted(emulator.log) == sorted(layer(channels) for channels in (5, *range(10, 22)))
    assert [process.closed for process in emulator.processes] == [True] * (12 // counts.TOGETHER)


@pytest.mark.slow
def test_what_cannot_be_counted_says_why_and_hides_nothing(emulator: Emulated) -> None:
    emulator.unconvertible = {layer(7): "ncnn has no such layer"}
    result = measured(
        audited(finding(10, 7), finding(10, 5), finding(7, 4), finding(10, 6, type="Bogus"), finding(3, 2)), ON_ARM
    )
    reasons = [one.unmeasured for one in alternatives(result)]
    assert reasons == [
        "ncnn has no such layer", "", "ncnn has no such layer", "no layer 'Bogus' can be timed by itself", "",
    ]  # fmt: skip
    assert len(gains(result)) == 2
    assert not result.interrupted


def test_a_process_that_one_layer_ends_is_not_the_end_of_the_others(emulator: Emulated) -> None:
    emulator.crashes = {layer(7)}
    result = measured(audited(finding(10, 7), finding(9, 5), finding(9, 7)), ON_ARM)
    assert [one.unmeasured for one in alternatives(result)] == ["arm-emulated crashed", "", "arm-emulated crashed"]
    assert emulator.log == [layer(10), layer(9), layer(5)]
    assert [process.closed for process in emulator.processes] == [True, True]


@pytest.mark.slow
def test_the_costliest_come_first_and_seconds_end_it(emulator: Emulated) -> None:
    now = 0.0

    def passes(label: str) -> None:
        nonlocal now
        now += 1.0

    emulator.when_counting = passes
    clock = Clock(lambda: now, tick_s=1e-7)
    findings = [finding(20 + cost, 5, cost=cost) for cost in range(3 * counts.TOGETHER)]
    result = measured(audited(*findings), Measuring(device="arm-emulated", total_s=5.0), clock=clock)
    reasons = [one.unmeasured for one in alternatives(result)]
    left_out = "the 5 s for measuring were spent on costlier findings"
    assert reasons == [left_out] * (2 * counts.TOGETHER) + [""] * counts.TOGETHER
    now = 0.0
    assert len(gains(measured(audited(*findings), ON_ARM, clock=clock))) == 3 * counts.TOGETHER  # however long it takes


@pytest.mark.slow
def test_ctrl_c_keeps_what_was_counted(emulator: Emulated) -> None:
    def press(label: str) -> None:
        if label == layer(10 + counts.TOGETHER):
            raise KeyboardInterrupt

    emulator.when_counting = press
    findings = [finding(10 + number, 5, cost=-number) for number in range(3 * counts.TOGETHER)]
    result = measured(audited(*findings), ON_ARM)
    assert result.interrupted
    assert len(gains(result)) == counts.TOGETHER
    left = {one.unmeasured for one in alternatives(result) if one.counted is None}
    assert left == {"interrupted before it was counted"}
    assert result.environment["device"] == "arm-emulated:cortex-a76"


def test_missing_emulator_is_said_before_anything_is_counted(emulator: Emulated) -> None:
    emulator.not_installed = "arm-emulated is not installed"
    with pytest.raises(BackendError, match=r"^arm-emulated is not installed$"):
        measured(audited(finding(10, 5)), ON_ARM)


@pytest.mark.slow
def test_progress_goes_from_nothing_to_all(emulator: Emulated) -> None:
    said: list[tuple[str, float]] = []
    findings = [finding(10 + number, 5) for number in range(counts.TOGETHER + 1)]
    measured(audited(*findings), ON_ARM, lambda *what: said.append(what))
    shares = [share for _, share in said]
    assert shares == sorted(shares)
    assert 0 <= shares[0] < 0.5 < shares[-1] <= 1
    assert {what.partition(" ")[2] for what, _ in said} == {
        f"alternatives 1 to {counts.TOGETHER} of {counts.TOGETHER + 1}",
        f"alternative {counts.TOGETHER + 1} of {counts.TOGETHER + 1}",
    }
