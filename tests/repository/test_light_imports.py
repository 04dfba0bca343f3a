"""What must answer at once, without importing torch."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec

import pytest

HEAVY = {"torch", "pandas", "numpy", "fvcore", "thop", "onnx", "onnxruntime", "openvino", "ncnn"}
FOR_RESULTS = {
    "lwprof.reports.result_layouts",
    "lwprof.reports.compare_page",
    "lwprof.reports.charts",
    "lwprof.reports.html.sections",
    "lwprof.reports.placed_audits",
}
"""What is imported only where there is a result to show."""


def imported(tmp_path, *command: str, **environment: str) -> tuple[set[str], str]:
    """Names of all modules that ``python *command`` imports, and what it prints."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", *command],
        cwd=tmp_path,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
    )
    lines = [line for line in done.stderr.splitlines() if line.startswith("import time:")]
    rest = "\n".join(line for line in done.stderr.splitlines() if not line.startswith("import time:"))
    assert done.returncode == 0, rest
    return {line.rpartition("|")[2].strip() for line in lines}, done.stdout


def test_what_a_result_needs_is_there():
    assert all(map(find_spec, FOR_RESULTS)), "the tests below look for modules that are gone"


def test_importing_the_package_is_light(tmp_path):
    names, _ = imported(tmp_path, "-c", "import lwprof")
    assert "lwprof" in names
    assert not names & HEAVY


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        ("--help", "compare"),
        pytest.param("profile --help", "--input-size", marks=pytest.mark.slow),
        pytest.param("audit --help", "--select", marks=pytest.mark.slow),
        ("compare --help", "--backend"),
        pytest.param("doctor --help", "--install", marks=pytest.mark.slow),
        pytest.param("--version", "lwprof", marks=pytest.mark.slow),
        ("list", "shufflenetv2"),
        pytest.param("list --all --variants --max-mult-adds 1G", "shufflenetv2:width=0.5", marks=pytest.mark.slow),
        pytest.param("show mbv2", "MobileNetV2", marks=pytest.mark.slow),
        pytest.param("show lcnet", "timm:lcnet_100", marks=pytest.mark.slow),
        pytest.param("explain", "unequal-channel-widths", marks=pytest.mark.slow),
        pytest.param("explain --help", "--on SPEC", marks=pytest.mark.slow),
        ("explain G1", "## What it measures"),
    ],
)
def test_command_is_light(tmp_path, arguments, shown):
    names, output = imported(tmp_path, "-m", "lwprof", *arguments.split())
    assert shown in output
    assert not names & (HEAVY | FOR_RESULTS)


@pytest.mark.parametrize("arguments", ["list", "show mbv2"])
def test_a_list_imports_no_classes_of_results(tmp_path, arguments):
    names, _ = imported(tmp_path, "-m", "lwprof", *arguments.split())
    assert {name for name in names if name.startswith("lwprof.results.")} == {"lwprof.results.networks"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("lwprof com", "compare"),
        ("lwprof compare --backend onnxr", "onnxruntime"),
        ("lwprof compare --device cpu,arm", "arm-emulated"),
        ("lwprof doctor --install a", "arm-emulated"),
    ],
)
def test_shell_completion_is_light(tmp_path, line, offered):
    names, output = imported(tmp_path, "-m", "lwprof", _LWPROF_COMPLETE="bash_complete", COMP_LINE=line)
    assert offered in output
    assert not names & (HEAVY | FOR_RESULTS)
