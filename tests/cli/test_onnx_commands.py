"""ONNX files on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx_nodes import node, weights

CONV = (node("Conv", "x w", "y"),)


def save(path: Path, nodes=CONV, shape=("N", 3, 8, 8)) -> None:
    graph = helper.make_graph(
        nodes,
        "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_empty_tensor_value_info("y")],
        [numpy_helper.from_array(weights(4, 3, 3, 3), "w"), numpy_helper.from_array(numpy.array([2]), "k")],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]), path)


@pytest.fixture
def net(run, tmp_path: Path) -> str:
    save(tmp_path / "small.onnx")
    return "small.onnx"


def test_profile_counts_a_file(run, net) -> None:
    done = run("profile", net, "--batch", 2, "--format", "json")
    result = json.loads(done.out)
    assert done.code == 0
    assert result["model"] == {"name": "small", "spec": net, "inputs": [{"shape": [2, 3, 8, 8], "dtype": "float32"}]}
    assert (result["totals"]["params"], result["totals"]["mult_adds"]) == (108, 2 * 4 * 36 * 27)
    assert [(layer["name"], layer["type"]) for layer in result["layers"]] == [("", "ONNX"), ("Conv", "Conv")]


def test_open_sizes_are_asked_for(run, tmp_path: Path) -> None:
    save(tmp_path / "open.onnx", shape=("N", 3, "H", "W"))
    done = run("profile", "open.onnx")
    assert done.code == 2
    assert done.err == ("error: open.onnx: input 'x' is 1×3×H×W: H and W must be given with --input-size, "
                        "such as 3,224,224\n")  # fmt: skip
    assert run("profile", "open.onnx", "--input-size", "3x8x8").code == 0


@pytest.mark.slow
def test_compare_shows_a_file_without_latency(run, net) -> None:
    done = run("compare", "net.py:TinyNet", net, "--input-size", "3,8,8", "--budget", 0.2, "--format", "json")
    live, file = json.loads(done.out)["models"]
    assert done.code == 0
    assert live["totals"]["mult_adds"] == file["totals"]["mult_adds"]
    assert (len(live["timings"]), file["timings"], file["relative"]) == (1, [], [])
    assert "note: small has no latency here: torch does not run ONNX files\n" in done.err
    table = run("compare", "net.py:TinyNet", net, "--input-size", "3,8,8", "--budget", 0.2)
    assert any(line.startswith("small") and "–" in line for line in table.out.splitlines())


def test_compare_of_files_alone_compares_the_structure(run, net) -> None:
    done = run("compare", net, net)
    assert done.code == 0
    assert "no latency: nothing was timed" in done.out
    assert done.err.count("note: small has no latency here") == 2
    assert run("compare", net, "--no-time").err == ""


def test_compare_times_a_file_where_files_run(run, net) -> None:
    model = onnx.load(net)
    model.ir_version = 10  # what the runtime knows may be older than what the package writes
    onnx.save(model, net)
    given = "--input-size", "3,8,8", "--budget", 0.2, "--backend", "torch,onnxruntime", "--format", "json"
    done = run("compare", net, "net.py:TinyNet", *given)
    assert done.code == 0
    assert done.err == "note: small has no latency on torch: torch does not run ONNX files\n"
    timed = [[timing["setting"] for timing in model["timings"]] for model in json.loads(done.out)["models"]]
    assert timed == [["onnxruntime"], ["torch", "onnxruntime"]]


@pytest.mark.slow
def test_latency_is_relative_to_the_first_that_was_timed(run, net) -> None:
    given = "--input-size", "3,8,8", "--budget", 0.2
    done = run("compare", net, "net.py:TinyNet", "net.py:TinyNet", *given, "--format", "json")
    file, live, other = json.loads(done.out)["models"]
    assert (file["timings"], file["relative"], live["relative"]) == ([], [], [])
    assert [ratio["to"] for ratio in other["relative"]] == ["TinyNet"]
    assert "paired round by round with TinyNet," in run("compare", net, "net.py:TinyNet", *given).out


def test_crosscheck_asks_onnx_tool(run, net) -> None:
    done = run("crosscheck", net)
    assert done.code == 0
    assert "onnx-tool" in done.out
    assert "agrees to the unit" in done.out


def test_strict_fails_where_an_operator_is_unknown(run, tmp_path: Path) -> None:
    save(tmp_path / "odd.onnx", (node("Hardmax", "x", "y"),))
    done = run("profile", "odd.onnx", "--strict")
    assert done.code == 1
    assert done.err == "error: odd: no rule counts onnx::Hardmax (1x) (--strict)\n"


def test_a_project_names_a_file(run, net, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.lwprof.networks]\ndeployed = "small.onnx"\n')
    inside = tmp_path / "inside"
    inside.mkdir()
    monkeypatch.chdir(inside)
    done = run("profile", "deployed", "--format", "json")
    assert done.code == 0
    assert json.loads(done.out)["model"]["name"] == "deployed"
