"""Ctrl-C in the middle of timing: what was measured until then is shown and saved."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lwprof import cli, profiling
from lwprof.timing import latency
from lwprof.timing.portable.clock import Clock

PAIR = ("compare", "net.py:TinyNet", "net.py:TinyNet:width=8", "--input-size", "3,8,8")


class InterruptedClock:
    """A clock on which every reading takes a millisecond, and during one of them Ctrl-C is pressed."""

    def __init__(self, reading: int) -> None:
        self.left = reading
        self.time = 0.0

    def now(self) -> float:
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt
        self.time += 0.001
        return self.time


def press(monkeypatch: pytest.MonkeyPatch, reading: int) -> None:
    clock = InterruptedClock(reading)
    monkeypatch.setattr(latency, "performance_clock", lambda: Clock(clock.now, 1e-7))


def test_complete_rounds_are_shown(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    press(monkeypatch, 200)
    outcome = run(*PAIR, "--format", "json")
    assert outcome.code == 130
    assert outcome.err == "error: interrupted; what was measured until then is shown\n"
    document = json.loads(outcome.out)
    assert document["interrupted"] is True
    for model in document["models"]:
        (timing,) = model["timings"]
        assert timing["stopped"] == "interrupted"
        assert timing["samples_s"]
        assert {round(sample, 6) for sample in timing["samples_s"]} == {0.001}


def test_they_are_saved_where_a_file_is_named(run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    press(monkeypatch, 200)
    outcome = run(*PAIR, "-o", "result.json")
    assert (outcome.code, outcome.out) == (130, "")
    assert json.loads((tmp_path / "result.json").read_text())["interrupted"] is True


def test_before_the_first_round_the_structure_is_shown(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    press(monkeypatch, 3)
    outcome = run(*PAIR, "--format", "json")
    assert outcome.code == 130
    assert outcome.err == "error: interrupted; nothing had been measured yet\n"
    document = json.loads(outcome.out)
    assert [model["totals"]["params"] for model in document["models"]] == [112, 224]
    assert [model["timings"] for model in document["models"]] == [[], []]


INTERRUPTING = """
import os, signal
from torch import nn

class Net(nn.Conv2d):
    calls = 0

    def __init__(self):
        super().__init__(3, 4, 3)

    def forward(self, x):
        if x.device.type == "cpu":
            Net.calls += 1
            if Net.calls == 5_000:
                os.kill(os.getpid(), signal.SIGINT)
        return super().forward(x)
"""


@pytest.mark.slow
def test_a_real_signal(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(INTERRUPTING)
    arguments = ["compare", "net.py:Net", "net.py:Net", "--input-size", "3,8,8", "--format", "json"]
    endless = ["--budget", "3600", "--precision", "1e-9"]
    done = subprocess.run(
        [sys.executable, "-m", "lwprof", *arguments, *endless],
        cwd=tmp_path, capture_output=True, text=True, timeout=100,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a run in the background may ignore it
    )  # fmt: skip
    assert done.returncode == 130
    assert "Traceback" not in done.stderr
    assert json.loads(done.stdout)["interrupted"] is True


def test_while_the_command_line_is_imported(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Pressed:
        def find_spec(self, name: str, *_: object) -> None:
            if name == "lwprof.cli.entry":
                raise KeyboardInterrupt

    monkeypatch.delitem(sys.modules, "lwprof.cli.entry")
    monkeypatch.delattr(cli, "entry")
    monkeypatch.setattr(sys, "meta_path", [Pressed(), *sys.meta_path])
    assert cli.main(["list"]) == 130
    assert capsys.readouterr().err == "error: interrupted\n"


def test_an_interruption_that_a_library_lost_is_no_internal_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def losing(*_: object, **__: object) -> None:
        with contextlib.suppress(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        raise AttributeError("module 'numpy' has no attribute 'logical_or'")

    monkeypatch.setattr(profiling, "profile", losing)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        assert cli.main(["profile", "mbv2"]) == 130
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)
    assert capsys.readouterr().err == "error: interrupted\n"
