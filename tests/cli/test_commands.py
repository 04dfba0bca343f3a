"""Each command does what its help says."""

from __future__ import annotations

import importlib.metadata
import io
import json
from pathlib import Path
from typing import Any

import pytest
from fake_backends import Fake

from lwprof.cli import progress
from lwprof.cli.entry import COMMANDS
from lwprof.timing import backends
from lwprof.timing.portable import machine


def test_help_lists_every_command_in_order(run: Any) -> None:
    text = run("--help").out
    places = [text.index(f"\n  {command.name} ") for command in COMMANDS]
    assert places == sorted(places)
    assert run().out == text
    for command in COMMANDS:
        assert f"Usage: lwprof {command.name}" in run(command.name, "-h").out


def test_version(run: Any) -> None:
    import lwprof

    assert run("--version").out == f"lwprof {lwprof.__version__}\n"


@pytest.mark.slow
def test_profile_of_a_catalogue_network(run: Any) -> None:
    document = json.loads(run("profile", "mbv2:width=0.75,resolution=160", "--batch", "2", "--format", "json").out)
    assert document["model"]["name"] == "mbv2:width=0.75,resolution=160"
    assert document["model"]["inputs"] == [{"shape": [2, 3, 160, 160], "dtype": "float32"}]
    assert document["totals"]["params"] == 2636424
    assert document["published"]["top1"] == 66.4


def test_profile_depth_sort_and_top(run: Any) -> None:
    shallow, deep = (run("profile", "mbv2", "--depth", depth).out for depth in (1, 3))
    assert "head" in shallow
    assert "project" not in shallow
    assert "project" in deep
    listed = run("profile", "mbv2", "--sort", "params", "--top", "2").out
    assert "classifier" in listed
    assert "head.conv" in listed
    assert "project" not in listed


@pytest.mark.slow
def test_the_building_block_may_be_named(run: Any) -> None:
    outcome = run("profile", "mbv2", "--block", "InvertedResidual", "--format", "json")
    blocks = json.loads(outcome.out)["fragmentation"]["blocks"]
    assert [block["type"] for block in blocks] == ["InvertedResidual"] * 17
    outcome = run("profile", "mbv2", "--block", "ConvNrm")
    assert (outcome.code, outcome.err) == (
        2,
        "error: no module of class 'ConvNrm' in mbv2; did you mean 'ConvNorm'?\n",
    )


def test_the_same_network_may_be_compared_with_itself(run: Any) -> None:
    outcome = run(
        "compare", "net.py:TinyNet", "net.py:TinyNet", "--input-size", "3,8,8", "--no-time", "--format", "json"
    )
    models = json.loads(outcome.out)["models"]
    assert [model["totals"]["mult_adds"] for model in models] == [3888, 3888]
    assert [model["timings"] for model in models] == [[], []]


@pytest.mark.slow
def test_compare_passes_its_options_on(run: Any) -> None:
    rules = ("--budget", "0.05", "--precision", "0.5", "--margin", "0.2", "--seed", "3")
    pair = ("net.py:TinyNet", "net.py:TinyNet:width=8", "--input-size", "3,8,8", "--batch", "2")
    outcome = run("compare", *pair, *rules, "--format", "json")
    assert outcome.code == 0
    document = json.loads(outcome.out)
    given = {key: document["environment"][key] for key in ("budget_s", "precision", "margin", "seed", "threads")}
    assert given == {"budget_s": 0.05, "precision": 0.5, "margin": 0.2, "seed": 3, "threads": 1}
    assert document["models"][1]["model"]["inputs"][0]["shape"] == [2, 3, 8, 8]
    assert document["models"][1]["relative"][0]["to"] == "TinyNet"
    assert document["models"][1]["timings"][0]["batch"] == 2


def test_compare_shows_the_view_asked_for(run: Any) -> None:
    pair = ("compare", "net.py:TinyNet", "--input-size", "3,8,8", "--no-time")
    assert "MAC (memory access), fused" in run(*pair, "--view", "fused").out
    assert "MAC (memory access), paper" in run(*pair).out


def test_several_inputs_with_dtypes(run: Any, tmp_path: Any) -> None:
    (tmp_path / "two.py").write_text(
        "from torch import nn\n"
        "class Two(nn.Module):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        self.words, self.mix = nn.Embedding(10, 4), nn.Linear(4, 2)\n"
        "    def forward(self, words, bias):\n"
        "        return self.mix(self.words(words)) + bias\n"
    )
    outcome = run("profile", "two.py:Two", "--input-size", "5:int64", "--input-size", "5,2", "--format", "json")
    document = json.loads(outcome.out)
    assert document["model"]["inputs"] == [
        {"shape": [1, 5], "dtype": "int64"},
        {"shape": [1, 5, 2], "dtype": "float32"},
    ]
    assert document["totals"]["mult_adds"] == 5 * 4 * 2


def rows_of(outcome: Any) -> dict[str, dict[str, str]]:
    return {row["check"]: row for row in json.loads(outcome.out)["checks"]}


def test_doctor_checks_backend_and_machine(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "governor", lambda *_, of="": "powersave")
    monkeypatch.setattr(machine, "load", lambda: 0.0)
    outcome = run("doctor", "--format", "json")
    rows = rows_of(outcome)
    assert outcome.code == 0
    assert rows["backend torch"]["state"] == "ok"
    assert rows["governor"]["found"] == "powersave"
    assert rows["timing"]["state"] == "note"
    assert "performance" in rows["timing"]["advice"]


def test_doctor_says_what_to_install(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from lwprof.timing.backends import torch_eager

    monkeypatch.setattr(torch_eager.TorchEager, "unavailable", lambda *_: "torch is not installed: pip install torch")
    monkeypatch.setattr(importlib.metadata, "requires", lambda name: ["no-such-thing>=2.0", "click>=99", "rich"])
    versions = {"lwprof": "0.1", "click": "8.5", "rich": "15", "torch": "2"}
    monkeypatch.setattr(importlib.metadata, "version", versions.__getitem__)
    monkeypatch.setattr(importlib.metadata, "PackageNotFoundError", KeyError)
    outcome = run("doctor", "--format", "json")
    rows = rows_of(outcome)
    assert outcome.code == 3
    assert rows["no-such-thing"]["advice"] == "pip install 'no-such-thing>=2.0'"
    assert rows["click"]["advice"] == "pip install 'click>=99'"
    assert rows["rich"]["state"] == "ok"
    assert rows["backend torch"] == {
        "check": "backend torch",
        "found": "torch is not installed",
        "state": "problem",
        "advice": "pip install torch",
    }


def test_doctor_names_every_backend_its_versions_and_how_to_get_it(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    there, missing, broken = Fake("there"), Fake("missing"), Fake("broken")
    there.devices = ("cpu", "cuda")
    monkeypatch.setattr(there, "unavailable", lambda device: "no such device" if device == "cuda" else None)
    missing.missing = "missing is not installed"
    monkeypatch.setattr(broken, "versions", lambda: 1 / 0)
    monkeypatch.setattr(backends, "BACKENDS", (there, missing, broken))
    outcome = run("doctor", "--format", "json")
    rows = rows_of(outcome)
    assert outcome.code == 0
    assert [tuple(rows[f"backend {name}"].values())[1:] for name in ("there", "missing", "broken")] == [
        ("usable on cpu: there 1.0", "ok", ""),
        ("missing is not installed", "note", "pip install 'lwprof[missing]'"),
        ("broken (ZeroDivisionError: division by zero)", "note", "pip install --force-reinstall 'lwprof[broken]'"),
    ]


def test_doctor_shows_and_empties_the_cache(run: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LWPROF_CACHE", str(tmp_path / "kept"))
    assert rows_of(run("doctor", "--format", "json"))["cache"]["found"] == f"0 conversions (0 B) in {tmp_path / 'kept'}"
    entry = tmp_path / "kept" / "conversions" / "a"
    entry.mkdir(parents=True)
    (entry / "net.onnx").write_bytes(bytes(2_000))
    row = rows_of(run("doctor", "--format", "json"))["cache"]
    assert row["found"] == f"1 conversion (2.0 kB) in {tmp_path / 'kept'}"
    assert row["advice"] == "lwprof doctor --clear-cache removes them"
    outcome = run("doctor", "--clear-cache")
    assert (outcome.code, outcome.out) == (0, f"removed 1 conversion (2.0 kB) from {tmp_path / 'kept'}\n")
    assert not entry.exists()
    assert run("doctor", "--clear-cache").out.startswith("removed 0 conversions (0 B)")


def test_progress_is_for_terminals_only(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(progress.sys, "stderr", io.StringIO())
    with progress.bar() as show, progress.status("profiling"):
        assert show is None
    assert progress.sys.stderr.getvalue() == ""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(progress.sys, "stderr", Terminal())
    monkeypatch.setattr(progress, "REFRESH_S", 0.0)
    with progress.bar() as show:
        assert show is not None
        show("warm-up", 0.25)
    assert "warm-up" in progress.sys.stderr.getvalue()
    assert "25%" in progress.sys.stderr.getvalue()
