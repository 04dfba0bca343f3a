"""``lwprof roofline``, and × floor in ``lwprof compare``."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from lwprof.results.loading import from_dict
from lwprof.results.roofline import Ceilings, Probe, RooflineResult
from lwprof.timing import ceilings, kept_ceilings
from lwprof.timing.conversions import cache
from lwprof.timing.targets import Target

pytestmark = pytest.mark.slow

NET = "mbv2:width=0.35,resolution=32"


@pytest.fixture(autouse=True)
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Measure nothing, and keep that where nobody else looks; settings that were measured."""
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path / "kept"))
    measured: list[str] = []

    def measure(target: Target, **_: Any) -> Ceilings:
        measured.append(f"{target.setting} {target.options.threads}")
        probe = Probe("matmul 4x4x4", 64, 64 / 1e15)
        found = Ceilings(
            target.backend.name, "cpu", target.options.threads, "float32", target.setting, 1e15, 1e15, 1e15, 1, False,
            (probe,),
        )  # fmt: skip
        kept_ceilings.write(target, found)
        return found

    monkeypatch.setattr(ceilings, "measure", measure)
    return measured


@pytest.fixture
def measuring(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let `lwprof compare` measure ceilings, as it does for users."""
    monkeypatch.delenv("LWPROF_NO_FLOOR")


def test_ceilings_alone(run, calls) -> None:
    outcome = run("roofline", "--threads", "1,2")
    assert outcome.code == 0
    assert calls == ["torch 1", "torch 2"]
    assert "torch 1 thread" in outcome.out
    assert "torch 2 threads" in outcome.out
    assert "Networks under the roof" not in outcome.out


def test_nothing_was_measured_before_ctrl_c(run, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(ceilings, "measure", interrupted)
    outcome = run("roofline")
    assert (outcome.code, outcome.err) == (130, "error: interrupted; nothing had been measured yet\n")


def test_budget_is_that_of_all_networks(run) -> None:
    document = json.loads(run("roofline", NET, NET, "--threads", "1,2", "--budget", 0.4, "--format", "json").out)
    assert document["environment"]["budget_s"] == 0.4


def test_networks_and_layers(run) -> None:
    outcome = run("roofline", NET, "--budget", 0.3, "--top", 3)
    assert outcome.code == 0
    assert "Networks under the roof" in outcome.out
    assert "by time (3 of " in outcome.out
    written = run("roofline", NET, "--budget", 0.3, "-o", "roof.json")
    assert written.code == 0
    result = from_dict(json.loads(Path("roof.json").read_text()))
    assert isinstance(result, RooflineResult)
    (model,) = result.models
    assert sum(layer.mult_adds for layer in model.layers) == model.mult_adds
    assert sum(layer.bytes for layer in model.layers) == model.bytes
    rows = list(csv.DictReader(io.StringIO(run("report", "roof.json", "--format", "csv").out)))
    assert [row["layers"] for row in rows] == ["", *(" ".join(layer.layers) for layer in model.layers)]
    assert [float(row["share"]) for row in rows] == [model.share, *(layer.share for layer in model.layers)]
    assert {float(row["ceilings.mult_adds_per_s"]) for row in rows} == {1e15}


def test_what_is_above_its_roof_is_said_plainly(run, monkeypatch) -> None:
    low = Ceilings("torch", "cpu", 1, "float32", "torch", 1e3, 1e15, 1e15, 1)
    monkeypatch.setattr(ceilings, "measure", lambda target, **_: low)
    outcome = run("roofline", NET, "--budget", 0.3)
    assert outcome.code == 0
    assert "of its roof on torch: its count or its clock is wrong" in " ".join(outcome.out.split())


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("--threads", "1,x"), 2, "--threads"),
        (("--threads", "0"), 2, "--threads"),
        (("--budget", "nan"), 2, "--budget"),
        (("mbv9",), 2, "mbv9"),
        (("--backend", "tortch"), 2, "tortch"),
        (("-o", "roof.unknown"), 2, "roof.unknown"),
    ],
)
def test_wrong_requests_are_one_line(run, arguments, code, message) -> None:
    outcome = run("roofline", *arguments)
    assert outcome.code == code
    assert message in outcome.err
    assert outcome.err.count("\n") == 1


@pytest.mark.usefixtures("measuring")
def test_compare_measures_ceilings_once(run, calls) -> None:
    first = run("compare", NET, "--budget", 0.3)
    assert first.code == 0
    assert calls == ["torch 1"]
    assert "× floor" in first.out
    again = run("compare", NET, "--budget", 0.3, "--format", "csv")
    assert calls == ["torch 1"]
    (row,) = csv.DictReader(io.StringIO(again.out))
    assert float(row["timings.median_s"]) / float(row["timings.floor_s"]) == float(row["timings.times_floor"]) > 1
    assert row["timings.bound"] == "memory"


@pytest.mark.usefixtures("measuring")
@pytest.mark.parametrize("option", ["--no-floor", "--no-time"])
def test_compare_without_floors(run, calls, option) -> None:
    outcome = run("compare", NET, "--budget", 0.3, option)
    assert outcome.code == 0
    assert calls == []
    assert "floor" not in outcome.out


def test_clearing_the_cache_removes_them(run, tmp_path) -> None:
    run("roofline")
    assert (tmp_path / "kept" / cache.CEILINGS).exists()
    assert run("doctor", "--clear-cache").code == 0
    assert not (tmp_path / "kept" / cache.CEILINGS).exists()


def test_boards_have_none(run, monkeypatch) -> None:
    monkeypatch.undo()
    outcome = run("roofline", "--backend", "ncnn", "--device", "ssh://pi@board")
    assert outcome.code == 3
    assert "ceilings are measured on this machine alone, not on ssh://pi@board" in outcome.err
