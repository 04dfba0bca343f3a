"""What ``compare`` says beside the report of instructions that were counted on emulated cores."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from lwprof import comparison
from lwprof.results import loading
from lwprof.results.latency import CompareResult

SAVED = Path(__file__).parents[1] / "goldens" / "counted_result.json"


@pytest.fixture
def counted() -> CompareResult:
    """Instructions of three networks, in two dtypes but for the last one."""
    found = loading.load(SAVED)
    assert isinstance(found, CompareResult)
    return found


def compared(monkeypatch: pytest.MonkeyPatch, result: CompareResult, run: Any, *options: str) -> Any:
    monkeypatch.setattr(comparison, "compare", lambda *_, **__: result)
    return run("compare", "mbv1", "mbv2", "--device", "arm-emulated", *options)


def test_a_count_that_failed_ends_with_3_and_the_others_are_shown(
    run: Any, monkeypatch: pytest.MonkeyPatch, counted: CompareResult
) -> None:
    outcome = compared(monkeypatch, counted, run)
    assert outcome.code == 3
    assert "101.3 M" in outcome.out
    assert outcome.err.startswith("error: ncnn arm-emulated:cortex-a76 float16 computes something else than torch")


def test_a_network_that_is_not_for_the_core_lacks_a_count_not_a_latency(
    run: Any, monkeypatch: pytest.MonkeyPatch, counted: CompareResult
) -> None:
    *others, last = counted.models
    untimed = tuple(dataclasses.replace(item, failed=False) for item in last.untimed)
    models = (*others, dataclasses.replace(last, untimed=untimed))
    outcome = compared(monkeypatch, dataclasses.replace(counted, models=models), run)
    assert outcome.code == 0
    assert outcome.err == (
        "note: net.py:TinyNet has no count of instructions on ncnn arm-emulated:cortex-a76 float16: "
        f"{untimed[0].reason}\n"
    )


def test_counts_are_shown_after_an_interruption(
    run: Any, monkeypatch: pytest.MonkeyPatch, counted: CompareResult
) -> None:
    outcome = compared(monkeypatch, dataclasses.replace(counted, interrupted=True), run)
    assert outcome.code == 130
    assert outcome.err == "error: interrupted; what was measured until then is shown\n"
