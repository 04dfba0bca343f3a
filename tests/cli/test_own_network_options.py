"""What people say of their own networks on the command line and in their project's file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from lwprof import models

PROJECT = '[tool.lwprof.networks]\ntiny = { spec = "net.py:TinyNet", input_size = "3x8x8", title = "Ours" }\n'
INPUTS = "\n\ndef make_inputs():\n    return {'x': torch.zeros(5, 3, 16, 16)}\n"


@pytest.fixture
def project(run: Any, tmp_path: Path) -> Path:
    """A project with a network, a function that makes inputs, and a file of weights."""
    (tmp_path / "pyproject.toml").write_text(PROJECT)
    with (tmp_path / "net.py").open("a") as file:
        file.write(INPUTS)
    torch.save(models.resolve("tiny").module.state_dict(), tmp_path / "tiny.pth")
    return tmp_path


def shapes(outcome: Any) -> list[list[int]]:
    assert (outcome.code, outcome.err) == (0, "")
    result = json.loads(outcome.out)
    found = [result] if "model" in result else result["models"]
    return [item["model"]["inputs"][0]["shape"] for item in found]


@pytest.mark.parametrize("command", [("profile",), ("crosscheck",), ("compare", "--no-time")])
@pytest.mark.parametrize(
    ("arguments", "shape"),
    [
        (("tiny",), [1, 3, 8, 8]),
        (("tiny", "--batch", "2"), [2, 3, 8, 8]),
        (("tiny:width=2", "--input-size", "3x9x9"), [1, 3, 9, 9]),
        (("tiny", "--inputs", "make_inputs", "--batch", "2"), [5, 3, 16, 16]),
        (("mbv1:width=0.25", "--inputs", "net.py:make_inputs"), [5, 3, 16, 16]),
        (("tiny", "--weights", "tiny.pth"), [1, 3, 8, 8]),
    ],
)
@pytest.mark.slow
def test_every_command_takes_them(
    run: Any, project: Path, command: tuple[str, ...], arguments: tuple[str, ...], shape: list[int]
) -> None:
    assert shapes(run(*command, *arguments, "--format", "json")) == [shape]


def test_each_network_of_a_comparison_has_its_own_weights(run: Any, project: Path) -> None:
    command = ("compare", "tiny:width=2", "tiny", "--no-time", "--format", "json")
    assert shapes(run(*command, "--weights", "-", "--weights", "tiny.pth")) == [[1, 3, 8, 8]] * 2
    refused = run(*command, "--weights", "tiny.pth", "--weights", "-")
    assert refused.code == 2
    assert refused.err.startswith("error: tiny.pth does not fit tiny: 'conv.weight' has shape (4, 3, 3, 3) in the file")


def test_the_projects_networks_are_listed_and_suggested(run: Any, project: Path) -> None:
    assert "Ours" in run("list").out
    assert run("profile", "tinny").err == "error: unknown network 'tinny'; did you mean 'tiny'?\n"


def test_settings_that_are_wrong_are_one_line(run: Any, project: Path) -> None:
    (project / "pyproject.toml").write_text(PROJECT.replace("tiny =", "mbv2 ="))
    outcome = run("profile", "mbv2")
    assert outcome.code == 2
    assert outcome.err == (
        "error: pyproject.toml: network 'mbv2': that name is a network of the catalogue already; choose another\n"
    )
    assert run("profile", "net.py:TinyNet", "--input-size", "3,8,8").code == 0
