"""What every test shares."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import hypothesis
import pytest

ROOT = Path(__file__).resolve().parents[1]

# The machine may be busy: no example is failed for being slow. CI repeats the same examples.
hypothesis.settings.register_profile("patient", deadline=None, derandomize="CI" in os.environ)
hypothesis.settings.load_profile("patient")


def pytest_sessionstart() -> None:
    """Refuse to test this folder's half of the package in place of the whole one."""
    found = importlib.util.find_spec("lwprof")
    if found is None:
        pytest.exit("lwprof is not installed here: run `make test`, or .venv/bin/pytest after it", returncode=4)
    if found.origin == str(ROOT / "lwprof" / "__init__.py"):
        pytest.exit("lwprof comes from the sources: run the `pytest` command, not `python -m pytest`", returncode=4)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what needs a GPU where there is none."""
    marked = [item for item in items if item.get_closest_marker("gpu")]
    if marked:
        import torch

        if not torch.cuda.is_available():
            for item in marked:
                item.add_marker(pytest.mark.skip(reason="needs a CUDA device"))
