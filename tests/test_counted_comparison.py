"""Comparisons with counts of instructions: what the Pareto front is of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from fake_backends import Fake
from torch import nn

from lwprof import comparison
from lwprof.comparison import compare
from lwprof.models import Network
from lwprof.results.instructions import Instructions
from lwprof.results.latency import Counted, Timing
from lwprof.results.loading import from_dict
from lwprof.results.networks import Published, TensorSpec
from lwprof.timing.contract import Options
from lwprof.timing.latency import Latencies, Outcome
from lwprof.timing.targets import Target

SIZE = (3, 8, 8)
CORES = ("arm-emulated:cortex-a76", "arm-emulated:cortex-a53")


def counted(target: Target, total: int) -> Counted:
    return Counted(
        "quick", target.options.device, target.device.core, "quick 1.0", 1, "float32",
        Instructions(total, total, 0, 0, 0, 0, 0, 0, 0), setting=target.setting,
    )  # fmt: skip


def timed(target: Target, seconds: float) -> Timing:
    interval, samples = (seconds, seconds), (seconds,) * 20
    return Timing(
        "quick", "cpu", 1, 1, "float32", seconds, interval, None, samples, stopped="interval", setting=target.setting
    )


@pytest.fixture
def networks() -> list[Network]:
    """Of growing accuracy, each with more mult-adds than the one before."""
    return [
        Network(f"net{top1}", "net", nn.Conv2d(3, channels, 1), (TensorSpec((1, *SIZE), "float32"),),
                Published(top1, None, None))
        for channels, top1 in ((1, 70.0), (2, 71.0), (3, 72.0))
    ]  # fmt: skip


def compared(
    monkeypatch: pytest.MonkeyPatch, networks: Sequence[Network], devices: Sequence[str], outcomes: Sequence[Any]
) -> Any:
    """Compare with made-up outcomes: rows of numbers, seconds on a CPU and instructions elsewhere."""
    targets = tuple(Target(Fake("quick"), Options(device)) for device in devices)

    def time_subjects(*_: Any, **__: Any) -> Latencies:
        def outcome(target: Target, number: float | None) -> Outcome:
            if number is None:
                return target.untimed("no such operator")
            return counted(target, int(number)) if target.is_counted else timed(target, number)

        rows = (tuple(map(outcome, targets, row)) for row in outcomes)
        return Latencies(tuple(rows), {}, interrupted=False)

    monkeypatch.setattr(comparison, "find_targets", lambda *_: targets)  # without an emulator, too
    monkeypatch.setattr(comparison, "time_subjects", time_subjects)
    return compare(networks, device=devices)


@pytest.mark.parametrize(
    ("outcomes", "front"),
    [
        ([(2000, 1), (1000, 2), (3000, 3)], [False, True, True]),  # by the first core alone
        ([(1001, 1), (1001, 1), (1000, 1)], [False, False, True]),  # exact: no margin
        ([(2000, 1), (None, 1), (1000, 1)], [False, None, True]),  # not counted, not placed
        ([(None, 2), (None, 1), (None, 3)], [False, True, True]),  # by the first core that counted any
        ([(None, None)] * 3, [True, True, True]),  # by mult-adds
    ],
)
def test_the_front_is_of_instructions_where_nothing_is_timed(
    outcomes: Sequence[Any], front: list[bool | None], networks: list[Network], monkeypatch: pytest.MonkeyPatch
) -> None:
    result = compared(monkeypatch, networks, CORES, outcomes)
    assert [model.pareto for model in result.models] == front
    numbers = [[count.instructions.total for count in model.counts] for model in result.models]
    assert numbers == [[number for number in row if number] for row in outcomes]
    assert from_dict(result.to_dict()) == result


def test_what_is_not_counted_is_told_from_what_is_not_timed() -> None:
    for device in ("cpu", "cuda", "ssh://pi@board", *CORES):
        target = Target(Fake("quick"), Options(device))
        assert target.untimed("no such operator").is_count == target.is_counted == (device in CORES)


def test_the_front_is_of_latency_where_anything_is_timed(
    networks: list[Network], monkeypatch: pytest.MonkeyPatch
) -> None:
    outcomes = [(1000, 2.0), (2000, 1.0), (3000, 3.0)]
    result = compared(monkeypatch, networks, (CORES[0], "cpu"), outcomes)
    assert [model.pareto for model in result.models] == [False, True, True]
    assert (result.pareto_on, result.timed_on) == ("quick", ("quick",))
    assert result.counted_on == ("quick arm-emulated:cortex-a76",)
    assert [len(model.relative) for model in result.models] == [0, 1, 1]
    assert all(model.across == () for model in result.models)


def test_rules_of_timing_are_kept_only_where_something_is_timed(monkeypatch, networks):
    rules = {"budget_s", "precision", "margin"}
    for devices, expected in ((CORES[:1], set()), (("cpu", *CORES[:1]), rules)):
        result = compared(monkeypatch, networks, devices, [[1e6] * len(devices)] * 3)
        assert rules & set(result.environment) == expected
