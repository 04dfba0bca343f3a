"""Who may import whom, checked on the installed package."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import lwprof

ROOT = Path(__file__).resolve().parents[2]
PYPROJECT = ROOT / "pyproject.toml"

# One import that each contract must refuse: (module that imports, what it must not import).
WRONG = {
    "One way through the code": ("graph", "lwprof.costs"),
    "Naming and building networks": ("models/specs", "lwprof.models.network"),
    "Timing on what people deploy with": ("timing/contract", "lwprof.timing.latency"),
    "Networks stand on torch alone": ("architectures/__init__", "lwprof.units"),
    "Reports see results and units only": ("reports/__init__", "lwprof.models.catalog"),
    "Timing knows nothing of graphs": ("timing/__init__", "lwprof.graph"),
    "What is counted is torch-free": ("costs/__init__", "torch"),
    "Other counters are asked in crosscheck only": ("profiling", "thop"),
    "Only the command line and the reports print": ("comparison", "rich"),
}


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    """Check the contracts on the package that is found first from ``folder``."""
    command = [Path(sys.executable).parent / "lint-imports", "--config", PYPROJECT, "--no-cache"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


def test_layers_hold(tmp_path):
    done = lint(tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
def test_each_layer_contract_can_fail(tmp_path):
    contracts = tomllib.loads(PYPROJECT.read_text())["tool"]["importlinter"]["contracts"]
    assert [contract["name"] for contract in contracts] == list(WRONG)
    copy = shutil.copytree(Path(lwprof.__file__).parent, tmp_path / "lwprof", ignore=shutil.ignore_patterns("*.pyc"))
    for module, wrong in WRONG.values():
        with (copy / f"{module}.py").open("a") as file:
            file.write(f"\nimport {wrong}\n")
    done = lint(tmp_path)
    assert done.returncode == 1, done.stderr
    assert [name for name in WRONG if f"{name} BROKEN" not in done.stdout] == []
