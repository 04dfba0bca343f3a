"""``lwprof profile --time``."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lwprof import layer_timing
from lwprof.cli import main

NET = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.norm = nn.BatchNorm2d(8)

    def forward(self, image):
        return self.norm(self.conv(image)).relu()

class Broken(Net):
    def forward(self, image):
        if torch.is_inference_mode_enabled():
            raise ValueError("not today")
        return super().forward(image)
"""


@pytest.fixture
def net(tmp_path: Path) -> str:
    (tmp_path / "net.py").write_text(NET)
    return str(tmp_path / "net.py")


TIMED = ["--input-size", "3x16x16", "--time", "--budget", "0.05"]


def test_it_shows_where_the_time_goes(net: str, capsys: Any) -> None:
    assert main(["profile", f"{net}:Net", *TIMED]) == 0
    out = capsys.readouterr().out
    assert "Where the time goes on torch: layers by time (all 3)" in out
    assert "Where the time goes on torch: kinds of operator" in out
    assert "unattributed" in out
    assert "latency on torch" in out
    assert "Kinds of operator\n" in out


@pytest.mark.slow
def test_csv_has_a_row_a_layer_and_one_for_what_is_left(net: str, capsys: Any) -> None:
    assert main(["profile", f"{net}:Net", *TIMED, "--format", "csv"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [row["name"] for row in rows] == ["", "conv", "norm", "(unattributed)"]
    assert [row["time.kind"] for row in rows] == ["activation", "dense conv", "normalization", ""]
    assert all(float(row["time.median_s"]) > 0 for row in rows)


@pytest.mark.slow
def test_json_is_read_back(net: str, tmp_path: Path, capsys: Any) -> None:
    file = tmp_path / "net.json"
    assert main(["profile", f"{net}:Net", *TIMED, "--dtype", "bfloat16", "--seed", "3", "-o", str(file)]) == 0
    time = json.loads(file.read_text())["time"]
    assert (time["timing"]["setting"], time["environment"]["seed"], time["interrupted"]) == ("torch bfloat16", 3, False)
    capsys.readouterr()
    assert main(["report", str(file), "--format", "csv"]) == 0
    assert "torch bfloat16" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "option"),
    [(["--backend", "torch"], "--backend"), (["--budget", "3"], "--budget"), (["--sort", "time"], "--sort time"),
     (["--threads", "2"], "--threads"), (["--seed", "0"], "--seed")],
)  # fmt: skip
def test_options_on_how_to_time_need_it(arguments: list[str], option: str, capsys: Any) -> None:
    assert main(["profile", "mbv2", *arguments]) == 2
    assert capsys.readouterr().err == f"error: {option} says how layers are timed: give --time, too\n"


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (
            ["--backend", "ncnn"],
            3,
            "ncnn does not tell the times of layers apart; on device cpu, torch and onnxruntime do",
        ),
        (["--device", "cuda"], 3, "torch cuda does not tell the times of layers apart"),
        (["--budget", "0"], 2, "--budget"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(arguments: list[str], code: int, message: str, capsys: Any) -> None:
    assert main(["profile", "mbv2", "--time", *arguments]) == code
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_a_network_that_raises_ends_with_2(net: str, capsys: Any) -> None:
    assert main(["profile", f"{net}:Broken", *TIMED]) == 2
    captured = capsys.readouterr()
    assert captured.err == "error: Broken cannot be timed: ValueError: not today\n"
    assert captured.out == ""


@pytest.mark.slow
def test_interrupted_it_shows_what_it_has(net: str, capsys: Any, monkeypatch: Any) -> None:
    found = layer_timing.time_layers(f"{net}:Net", input_size=(3, 16, 16), budget_s=0.05)
    assert found.time is not None
    times = replace(found.time, interrupted=True)
    monkeypatch.setattr(layer_timing, "time_layers", lambda *a, **o: replace(found, time=times))
    assert main(["profile", "mbv1", "--time"]) == 130
    captured = capsys.readouterr()
    assert "Where the time goes" in captured.out
    assert captured.err == "error: interrupted; what was measured until then is shown\n"
    monkeypatch.setattr(layer_timing, "time_layers", lambda *a, **o: replace(found, time=None))
    assert main(["profile", "mbv1", "--time", "--sort", "time"]) == 130
    assert capsys.readouterr().err == "error: interrupted; nothing had been measured yet\n"


@pytest.mark.parametrize("option", ["--backend=torch,onnxruntime", "--device=cpu,cuda", "--dtype=float32,int8"])
def test_layers_are_timed_on_one_setting(option: str, capsys: Any) -> None:
    assert main(["profile", "mbv2", "--time", option]) == 2
    name, given = option.removeprefix("--").split("=")
    assert f"name one {name}, not several: {given!r}" in capsys.readouterr().err
