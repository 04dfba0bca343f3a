"""Alternatives are timed against layers, on a clock whose time is made up."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from alternative_findings import alternatives, audited, finding
from fake_backends import Fake
from torch import nn

from lwprof.auditing import forms
from lwprof.auditing.measuring import Measuring, measured
from lwprof.errors import BackendError, InputError
from lwprof.results.audit import AuditResult, Finding, Gain
from lwprof.results.loading import from_dict
from lwprof.timing import backends
from lwprof.timing.backends.torch_eager import TorchEager
from lwprof.timing.portable.clock import Clock


class Watch:
    """Time that passes only while a layer runs on real tensors: milliseconds, as many as it has input channels."""

    def __init__(self) -> None:
        self.now = 0.0
        self.log: list[int] = []
        self.interrupt_at: int | None = None
        self.milliseconds: Callable[[int, int], float] = lambda channels, call: channels
        self.clock = Clock(lambda: self.now, tick_s=1e-7)

    def run(self, channels: int) -> None:
        if len(self.log) == self.interrupt_at:
            raise KeyboardInterrupt
        self.log.append(channels)
        self.now += self.milliseconds(channels, len(self.log)) / 1000


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Watch:
    watch = Watch()

    class Timed(nn.Conv2d):
        def forward(self, image: torch.Tensor) -> torch.Tensor:
            if image.device.type != "meta":
                watch.run(self.in_channels)
                if self.in_channels == 13:
                    raise ValueError("thirteen")
            return super().forward(image)

    monkeypatch.setattr(forms, "LAYERS", {"Conv2d": Timed})
    return watch


def gain(result: AuditResult) -> Gain:
    (alternative,) = alternatives(result)
    assert alternative.gain is not None, alternative.unmeasured
    return alternative.gain


@pytest.mark.parametrize(
    ("after", "verdict"), [(50, "faster"), (99, "indistinguishable"), (101, "indistinguishable"), (103, "slower")]
)
def test_the_ratio_is_that_of_the_alternative_to_the_layer(watch: Watch, after: int, verdict: str) -> None:
    found = gain(measured(audited(finding(100, after)), Measuring(budget_s=100), clock=watch.clock))
    assert (found.before_s, found.after_s) == pytest.approx((0.1, after / 1000))
    assert (found.ratio, *found.ci95) == pytest.approx([after / 100] * 3)
    assert found.verdict == verdict
    assert (found.backend, found.device, found.threads, found.dtype) == ("torch", "cpu", 1, "float32")


def test_a_wider_margin_calls_less_a_difference(watch: Watch) -> None:
    how = Measuring(budget_s=100, margin=0.05)
    assert gain(measured(audited(finding(100, 97)), how, clock=watch.clock)).verdict == "indistinguishable"


@pytest.mark.slow
def test_rounds_are_paired_and_every_sample_is_kept(watch: Watch) -> None:
    watch.milliseconds = lambda channels, call: channels * (1 + call // 40)  # the machine slows down
    found = gain(measured(audited(finding(10, 5)), Measuring(budget_s=100), clock=watch.clock))
    assert len(found.before_samples_s) == len(found.after_samples_s) >= 20
    assert len(set(found.before_samples_s)) > 1
    assert (found.ratio, found.verdict) == (pytest.approx(0.5), "faster")


def test_pairs_that_are_alike_are_timed_once(watch: Watch) -> None:
    result = measured(
        audited(finding(10, 5, module="a"), finding(10, 5, module="b"), finding(10, 6)), Measuring(), clock=watch.clock
    )
    one, same, other = (alternative.gain for alternative in alternatives(result))
    assert one is same
    assert other is not None
    assert other.ratio == pytest.approx(0.6)


def test_the_costliest_finding_comes_first_and_the_order_of_findings_stays(watch: Watch) -> None:
    result = measured(
        audited(finding(10, 5, cost=1), finding(20, 6, cost=3), finding(30, 7, cost=2)), Measuring(), clock=watch.clock
    )
    assert list(dict.fromkeys(channels for channels in watch.log if channels >= 10)) == [20, 30, 10]
    assert [found.gain and found.gain.before_s for found in alternatives(result)] == pytest.approx([0.01, 0.02, 0.03])


def test_what_the_time_is_too_short_for_is_left_out_and_named_so(watch: Watch) -> None:
    result = measured(
        audited(*(finding(20 + n, 5, cost=n) for n in range(5))),
        Measuring(total_s=1.0, budget_s=0.6),
        clock=watch.clock,
    )
    reasons = [alternative.unmeasured for alternative in alternatives(result)]
    left_out = "the 1 s for measuring were spent on costlier findings"
    assert set(reasons) == {left_out, ""}
    assert reasons == sorted(reasons, reverse=True)  # the cheapest of them
    assert watch.now <= 1.0 + 0.6 + 0.2
    assert not result.interrupted


def test_ctrl_c_keeps_what_was_measured(watch: Watch) -> None:
    watch.interrupt_at = 100
    result = measured(audited(*(finding(10 + n, 5, cost=-n) for n in range(3))), Measuring(), clock=watch.clock)
    first, second, third = alternatives(result)
    assert result.interrupted
    assert first.gain is not None
    assert first.gain.verdict == "faster"
    assert second.gain is not None or "interrupted" in second.unmeasured
    assert (third.gain, third.unmeasured) == (None, "interrupted before it was timed")
    assert result.environment["backend"] == "torch"


@pytest.mark.parametrize(("calls", "said"), [(0, "interrupted before it was timed"), (25, "only")])
def test_ctrl_c_before_there_are_enough_rounds_gives_no_verdict(watch: Watch, calls: int, said: str) -> None:
    watch.interrupt_at = calls
    (alternative,) = alternatives(result := measured(audited(finding(10, 5)), Measuring(), clock=watch.clock))
    assert alternative.gain is None
    assert alternative.unmeasured.startswith(said)
    assert "interrupted" in alternative.unmeasured
    assert result.interrupted


def test_too_few_rounds_give_no_verdict(watch: Watch) -> None:
    (alternative,) = alternatives(measured(audited(finding(900, 500)), Measuring(budget_s=2.0), clock=watch.clock))
    assert alternative.gain is None
    assert alternative.unmeasured == "only 3 rounds, of which 6 are needed: give it more seconds"


def test_more_seconds_are_more_for_each_pair(watch: Watch) -> None:
    rounds = [
        len(gain(measured(audited(finding(90, 50)), Measuring(total_s=seconds), clock=watch.clock)).after_samples_s)
        for seconds in (40.0, 60.0)
    ]
    assert rounds[0] < rounds[1] < 20


def test_what_cannot_be_built_or_run_says_why_and_hides_nothing(watch: Watch) -> None:
    result = measured(
        audited(finding(10, 5, type="Bogus"), finding(10, 13), finding(10, 4)), Measuring(), clock=watch.clock
    )
    unknown, raising, good = alternatives(result)
    assert unknown.unmeasured == "no layer 'Bogus' can be timed by itself"
    assert raising.unmeasured == "nn.Conv2d(13, 4, 1) cannot be timed: ValueError: thirteen"
    assert good.gain is not None
    assert (good.unmeasured, result.interrupted) == ("", False)


def test_the_machine_is_recorded_where_something_was_measured(watch: Watch) -> None:
    result = measured(audited(finding(10, 5)), Measuring(seed=3, margin=0.02), clock=watch.clock)
    expected = {"backend": "torch", "device": "cpu", "threads": 1, "seed": 3, "margin": 0.02, "total_s": 40.0}
    assert {key: result.environment[key] for key in expected} == expected
    assert result.environment["torch"] == torch.__version__
    nothing = audited(Finding("D1", "s", "info", "", "m", None, None, 0, 0.0, "s"))
    assert measured(nothing, Measuring(), clock=watch.clock) is nothing


def test_more_threads_than_cores_are_warned_about_once(watch: Watch) -> None:
    result = measured(audited(finding(10, 5), finding(10, 4)), Measuring(threads=1000), clock=watch.clock)
    assert [text for text in result.warnings if "threads" in text] == [
        f"1000 threads share {result.environment['cores']} usable cores: use at most "
        f"{result.environment['cores']} threads"
    ]


def test_impossible_requests_are_refused_before_anything_runs(watch: Watch) -> None:
    with pytest.raises(InputError, match="unknown backend 'abacus'"):
        measured(audited(finding(10, 5)), Measuring(backend="abacus"), clock=watch.clock)
    with pytest.raises(InputError, match="unknown device 'tpu'; there is cpu"):
        measured(audited(finding(10, 5)), Measuring(device="tpu"), clock=watch.clock)
    assert watch.log == []


@pytest.fixture
def quick(watch: Watch, monkeypatch: pytest.MonkeyPatch) -> Fake:
    """A backend beside torch on which a call takes 10 ms, and one of 5 channels 4 ms."""

    def passes(seconds: float) -> None:
        watch.now += seconds

    fake = Fake("quick", passes)
    fake.seconds = {"nn.Conv2d(10, 4, 1)": 0.01, "nn.Conv2d(5, 4, 1)": 0.004}
    monkeypatch.setattr(backends, "BACKENDS", (TorchEager(), fake))
    monkeypatch.setattr(backends, "DTYPES", ("float32", "int8"))
    return fake


def test_layers_are_timed_on_another_backend(watch: Watch, quick: Fake) -> None:
    how = Measuring(backend="quick", dtype="int8", threads=2, budget_s=100)
    result = measured(audited(finding(10, 5)), how, clock=watch.clock)
    found = gain(result)
    assert (found.backend, found.threads, found.dtype, found.ratio) == ("quick", 2, "int8", pytest.approx(0.4))
    assert {options.dtype for _, options in quick.loads} == {"int8"}
    assert (result.environment["backend"], result.environment["quick"]) == ("quick", "1.0")


@pytest.mark.slow
def test_layer_that_a_backend_cannot_load_says_why_and_hides_nothing(watch: Watch, quick: Fake) -> None:
    quick.refuses = {"nn.Conv2d(7, 4, 1)": "quick has no operator for nn.Conv2d(7, 4, 1)"}
    result = measured(audited(finding(10, 7), finding(10, 5)), Measuring(backend="quick"), clock=watch.clock)
    refused, good = alternatives(result)
    assert (refused.gain, refused.unmeasured) == (None, "quick has no operator for nn.Conv2d(7, 4, 1)")
    assert good.gain is not None
    quick.wrong_by = 0.1
    result = measured(audited(finding(10, 5)), Measuring(backend="quick"), clock=watch.clock)
    assert "quick computes something else than torch for nn.Conv2d(10, 4, 1)" in alternatives(result)[0].unmeasured


def test_what_loading_takes_counts_too(watch: Watch, quick: Fake) -> None:
    def loading() -> None:
        watch.now += 0.4

    quick.when_loading = loading
    quick.seconds = {f"nn.Conv2d({channels}, 4, 1)": 0.01 for channels in (5, 6, 7, 10)}
    pairs = [finding(10, 5, cost=9), finding(10, 6, cost=8), finding(10, 7, cost=7)]
    result = measured(audited(*pairs), Measuring(backend="quick", total_s=2.0, budget_s=0.6), clock=watch.clock)
    reasons = [alternative.unmeasured for alternative in alternatives(result)]
    assert reasons == ["", "", "the 2 s for measuring were spent on costlier findings"]


def test_missing_backend_is_said_before_anything_runs(watch: Watch, quick: Fake) -> None:
    quick.missing = "quick is not installed"
    with pytest.raises(BackendError, match=r"^quick is not installed: pip install 'lwprof\[quick\]'$"):
        measured(audited(finding(10, 5)), Measuring(backend="quick"), clock=watch.clock)
    with pytest.raises(BackendError, match=r"^backend torch has no dtype 'int8'"):
        measured(audited(finding(10, 5)), Measuring(dtype="int8"), clock=watch.clock)
    assert watch.log == []


def test_progress_while_layers_are_loaded_does_not_go_back(watch: Watch, quick: Fake) -> None:
    said: list[float] = []
    how = Measuring(backend="quick", budget_s=0.5)
    measured(audited(finding(10, 5), finding(10, 4)), how, lambda what, share: said.append(share), watch.clock)
    assert said == sorted(said)


def test_progress_goes_from_nothing_to_all(watch: Watch) -> None:
    said: list[tuple[str, float]] = []
    how = Measuring(budget_s=0.5)
    measured(audited(finding(10, 5), finding(10, 4)), how, lambda *what: said.append(what), watch.clock)
    shares = [share for _, share in said]
    assert shares == sorted(shares)
    assert 0 <= shares[0] < 0.5 < shares[-1] <= 1
    assert {"timing alternative 1 of 2", "timing alternative 2 of 2"} <= {what for what, _ in said}


def test_a_measured_audit_is_saved_and_read_whole(watch: Watch) -> None:
    result = measured(audited(finding(10, 5), finding(10, 5, type="Bogus")), Measuring(), clock=watch.clock)
    assert from_dict(result.to_dict()) == result


@pytest.mark.parametrize("seconds", [0, -1.0, float("nan"), float("inf")])
@pytest.mark.parametrize("name", ["total_s", "budget_s"])
def test_seconds_that_never_begin_or_never_end_are_refused(name: str, seconds: float) -> None:
    with pytest.raises(InputError, match=f"^{name} must be a number of seconds above 0, not {seconds!r}$"):
        Measuring(**{name: seconds})
