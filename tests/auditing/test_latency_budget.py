"""Latency budgets are measured against another network, on a clock whose time is made up."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any

import pytest
import torch
from torch import nn

from lwprof.auditing import latencies
from lwprof.auditing.latencies import Pair, held
from lwprof.auditing.latency_limits import LatencyLimit
from lwprof.errors import InputError
from lwprof.models import Network, specs
from lwprof.results.audit import AuditedModel, AuditResult, Budget
from lwprof.results.loading import from_dict
from lwprof.results.networks import TensorSpec
from lwprof.timing.backends import Options, named
from lwprof.timing.portable.clock import Clock
from lwprof.timing.targets import Target

OTHER = Budget("max_params", 4.0, 3.0, ok=True)


class Watch:
    """Time that passes only while a :class:`Slow` network runs."""

    def __init__(self) -> None:
        self.now = 0.0
        self.log: list[str] = []
        self.interrupt_at: int | None = None
        self.clock = Clock(lambda: self.now, tick_s=1e-7)

    def passes(self, name: str, seconds: float) -> None:
        if len(self.log) == self.interrupt_at:
            raise KeyboardInterrupt
        self.log.append(name)
        self.now += seconds


class Slow(nn.Module):
    """Calls a function, which unlike an object's attributes is not put back after the timing."""

    def __init__(self, run: Callable[[], None]) -> None:
        super().__init__()
        self.run = run

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        self.run()
        return image


@pytest.fixture
def watch() -> Watch:
    return Watch()


def limit(ratio: float, enforced: bool = True) -> LatencyLimit:
    return LatencyLimit(specs.parse("mbv2"), ratio, enforced=enforced)


def network(watch: Watch, name: str, seconds: float | Callable[[int], float], size: int = 4) -> Callable[[], Network]:
    """Builds a network whose calls take ``seconds``, or what a function of their number says."""

    def build() -> Network:
        calls = count()
        own = seconds if callable(seconds) else lambda call: seconds
        module = Slow(lambda: watch.passes(name, own(next(calls))))
        return Network(name, name, module, (TensorSpec((1, 3, size, size), "float32"),))

    return build


def audited(watch: Watch, *pairs: Pair | None, **settings: Any) -> AuditResult:
    models = tuple(AuditedModel(f"net{number}", budgets=(OTHER,)) for number, _ in enumerate(pairs))
    return held(AuditResult(models, ok=True), pairs, clock=watch.clock, **{"budget_s": 100.0, **settings})


def one(watch: Watch, seconds: float | Callable[[int], float], limit: LatencyLimit, **settings: Any) -> Budget:
    result = audited(watch, Pair(network(watch, "tiny", seconds), network(watch, "mbv2", 0.1), limit), **settings)
    (model,) = result.models
    assert model.budgets[0] == OTHER
    assert result.ok == model.ok
    return model.budgets[1]


def test_network_within_its_limit_is_ok(watch: Watch) -> None:
    budget = one(watch, 0.115, limit(1.2))
    assert (budget.name, budget.limit, budget.ok, budget.advisory) == ("max_latency_ratio", 1.2, True, False)
    assert budget.actual == pytest.approx(1.15)
    assert budget.ci95 == pytest.approx((1.15, 1.15))
    assert budget.remark == "1.15 [1.15, 1.15] against mbv2 on torch, cpu, 1 thread"
    assert len(budget.samples_s) == len(budget.other_samples_s) >= 20


def test_calls_are_interleaved(watch: Watch) -> None:
    one(watch, 0.1, limit(1.2))
    rounds = [set(watch.log[place : place + 2]) for place in range(4, len(watch.log), 2)]
    assert len(rounds) >= 100
    assert all(both == {"tiny", "mbv2"} for both in rounds)


def test_whole_interval_has_to_be_beyond_the_limit(watch: Watch) -> None:
    noisy = [0.110, 0.140]  # two of three rounds are slow: the median is beyond the limit, its interval is not wholly
    over = one(watch, lambda call: noisy[call % 7 in (1, 3, 4, 6)], limit(1.2), budget_s=6.0)
    assert over.actual is not None
    assert over.ci95 is not None
    assert over.actual > 1.2 > over.ci95[0]
    assert over.ok
    assert not one(watch, 0.121, limit(1.2)).ok


def test_budget_is_advisory_unless_it_is_enforced(watch: Watch) -> None:
    pair = Pair(network(watch, "tiny", 0.2), network(watch, "mbv2", 0.1), limit(1.2, enforced=False))
    (model,) = audited(watch, pair).models
    assert (model.budgets[1].ok, model.budgets[1].advisory, model.ok) == (False, True, True)
    (model,) = audited(watch, pair._replace(limit=limit(1.2))).models
    assert (model.budgets[1].ok, model.budgets[1].advisory, model.ok) == (False, False, False)


def test_too_few_rounds_fail_nothing(watch: Watch) -> None:
    budget = one(watch, 5.0, limit(1.2), budget_s=1.0)
    assert budget.ok
    assert budget.actual == pytest.approx(50)
    assert budget.remark.endswith("; 3 rounds are too few to tell")


def test_threads_and_other_inputs_are_said(watch: Watch) -> None:
    pair = Pair(network(watch, "tiny", 0.1), network(watch, "mbv2", 0.1, size=8), limit(1.2))
    (model,) = audited(watch, pair, options=Options(threads=2)).models
    said = "on torch, cpu, 2 threads; its input is 1x3x4x4 float32, the other's 1x3x8x8 float32"
    assert model.budgets[1].remark.endswith(said)


def test_networks_without_latency_budget_are_left_alone(watch: Watch) -> None:
    result = audited(watch, None, None)
    assert [model.budgets for model in result.models] == [(OTHER,), (OTHER,)]
    assert result.environment == {}
    assert not watch.log


def test_pairs_are_built_one_after_the_other(watch: Watch) -> None:
    built: list[str] = []

    def noting(name: str) -> Callable[[], Network]:
        def build() -> Network:
            built.append(f"{name} after {len(watch.log) > 0}")
            return network(watch, name, 0.1)()

        return build

    result = audited(
        watch, Pair(noting("a"), noting("b"), limit(1.2)), None, Pair(noting("c"), noting("d"), limit(1.2))
    )
    assert built == ["a after False", "b after False", "c after True", "d after True"]
    assert [len(model.budgets) for model in result.models] == [2, 1, 2]
    assert result.environment["backend"] == "torch"


def fails_at(call: int) -> Callable[[int], float]:
    def seconds(number: int) -> float:
        if number == call:
            raise ValueError("no such luck")
        return 0.1

    return seconds


def not_built() -> Network:
    raise InputError("no file net.py")


def not_at_all() -> Network:
    raise SystemExit(3)


@pytest.mark.parametrize(
    ("break_it", "reason", "code"),
    [
        (lambda watch: (network(watch, "tiny", fails_at(0)), network(watch, "mbv2", 0.1)), "no such luck", 2),
        (lambda watch: (network(watch, "tiny", 0.1), network(watch, "mbv2", fails_at(30))), "no such luck", 2),
        (lambda watch: (not_built, network(watch, "mbv2", 0.1)), "no file net.py", 2),
        (lambda watch: (network(watch, "tiny", 0.1), not_at_all), "ended the program", 2),
        (lambda watch: (lambda: Network("net.onnx", "net.onnx", None, ()), network(watch, "mbv2", 0.1)),
         "torch does not run ONNX files", 3),
    ],
)  # fmt: skip
def test_network_that_fails_keeps_everything_else(
    watch: Watch,
    break_it: Callable[[Watch], tuple[Callable[[], Network], Callable[[], Network]]],
    reason: str,
    code: int,
) -> None:
    good = Pair(network(watch, "good", 0.1), network(watch, "mbv2", 0.1), limit(1.2))
    result = audited(watch, Pair(*break_it(watch), limit(1.2)), good)
    bad, other = result.models
    assert (bad.budgets[0], bad.budgets[1].actual, bad.budgets[1].ok) == (OTHER, None, False)
    assert bad.budgets[1].remark.startswith("not measured against mbv2: ")
    assert reason in bad.budgets[1].remark
    assert bad.budgets[1].failure_code == code
    assert other.budgets[1].ok
    assert (result.ok, result.interrupted) == (False, False)


def test_interruption_keeps_what_is_known(watch: Watch) -> None:
    pairs = [Pair(network(watch, name, 0.1), network(watch, "mbv2", 0.1), limit(1.2, False)) for name in "abc"]
    watch.interrupt_at = 300  # while the second pair is timed
    result = audited(watch, *pairs)
    budgets = [model.budgets for model in result.models]
    assert all(both[0] == OTHER for both in budgets)
    assert budgets[0][1].actual == pytest.approx(1)
    assert budgets[2][1].remark == "not measured against mbv2: interrupted"
    assert (result.interrupted, result.ok) == (True, True)
    assert "c" not in watch.log


def test_interruption_before_the_first_round(watch: Watch) -> None:
    watch.interrupt_at = 0
    result = audited(watch, Pair(network(watch, "tiny", 0.1), network(watch, "mbv2", 0.1), limit(1.2)))
    assert result.models[0].budgets[1].remark == "not measured against mbv2: interrupted"
    assert (result.interrupted, result.ok) == (True, False)


def test_interruption_while_a_network_is_built(watch: Watch) -> None:
    def build() -> Network:
        raise KeyboardInterrupt

    result = audited(watch, Pair(build, network(watch, "mbv2", 0.1), limit(1.2)))
    assert result.models[0].budgets == (OTHER, result.models[0].budgets[1])
    assert result.interrupted


def test_interruption_while_the_interval_is_reckoned(watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(latencies, "ratio_interval", interrupted)
    result = audited(watch, Pair(network(watch, "tiny", 0.1), network(watch, "mbv2", 0.1), limit(1.2)))
    assert result.models[0].budgets[1].remark == "not measured against mbv2: interrupted"
    assert (result.models[0].budgets[0], result.interrupted) == (OTHER, True)


def test_result_is_a_document_still(watch: Watch) -> None:
    result = audited(watch, Pair(network(watch, "tiny", 0.1), network(watch, "mbv2", 0.1), limit(1.2)))
    assert from_dict(result.to_dict()) == result


def test_warnings_are_of_the_machine_that_was_timed_on() -> None:
    busy, scaling = {"cores": 2, "load_1min": 9.0}, {"cores": 4, "load_1min": 0.1, "governor": "ondemand"}
    boards = {"ssh://pi@board": scaling}
    told = [latencies.on_machines(busy, boards, Target(named("ncnn"), Options(device)))
            for device in ("cpu", "ssh://pi@board")]  # fmt: skip
    assert [[text.partition(" (")[0] for text in texts] for texts in told] == [
        ["the machine is busy"], ["the CPU frequency scales"],
    ]  # fmt: skip
