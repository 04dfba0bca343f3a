"""Every network of the catalogue on every backend installed: it computes what torch computes, or says why not."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import Any

import numpy
import pytest
from prepared_networks import preparation

import lwprof
from lwprof.models import catalog
from lwprof.results.latency import Untimed
from lwprof.results.networks import TensorSpec
from lwprof.timing import references
from lwprof.timing.backends import BACKENDS, Backend, Options, usable
from lwprof.timing.differences import difference

ROOT = Path(__file__).resolve().parents[2]
IMAGE = (TensorSpec((1, 3, 64, 64), "float32"),)
"""Smaller than what most networks are for: the operators are the same, and conversions are quicker."""

TESTED = [backend for backend in BACKENDS if "cpu" in backend.devices and not backend.is_reference(Options())]
COMPILERS = [backend for backend in TESTED if backend.name == "torch-compile"]
"""They take half a minute a network: `make compiled` runs them."""
CONVERTERS = [backend for backend in TESTED if backend not in COMPILERS]


@cache
def refused() -> dict[str, dict[str, Any]]:
    """The table of the documentation."""
    sys.path.insert(0, str(ROOT / "docs"))
    try:
        from pages.conversions import REFUSED
    finally:
        sys.path.remove(str(ROOT / "docs"))
    table: dict[str, dict[str, Any]] = REFUSED
    return table


@pytest.mark.slow
@pytest.mark.parametrize("name", catalog.entries())
@pytest.mark.parametrize(
    "group",
    [pytest.param(CONVERTERS, id="converters"), pytest.param(COMPILERS, id="compilers", marks=pytest.mark.compiled)],
)
def test_network_computes_what_torch_computes(name: str, group: list[Backend], monkeypatch: pytest.MonkeyPatch) -> None:
    installed = [backend for backend in group if usable(backend, Options()) is None]
    if not installed:
        pytest.skip(f"there is no {', '.join(backend.name for backend in group)}")
    module, known = lwprof.build(name), []
    find = references.reference
    monkeypatch.setattr(references, "reference", lambda *args: known.append(find(*args)) or known[-1])
    prepared = preparation(installed, module, IMAGE)
    with ExitStack() as stack:
        ready = {installed[item.place[1]].name: item for item in prepared.ready(stack)}
        (reference,) = known
        assert reference.dependence >= references.DEPENDENT
        for position, backend in enumerate(installed):
            outcome = prepared.outcomes.get((0, position))
            if lack := refused().get(backend.name, {}).get(name):
                assert isinstance(outcome, Untimed), f"{backend.name} runs it: correct docs/pages/conversions.py"
                assert lack.named in outcome.reason
                named = any(path in outcome.reason for path, _ in module.named_modules() if path)
                assert named or lack.named != "adder2d", outcome.reason
                continue
            assert outcome is None, outcome
            found = ready[backend.name]
            assert found.difference is not None
            assert found.difference <= 1e-4
            ours = [found.loaded.outputs(values) for values in reference.inputs]
            assert all(numpy.isfinite(output).all() for outputs in ours for output in outputs)
            assert difference(*ours) >= references.DEPENDENT


def test_table_names_backends_and_networks_that_there_are() -> None:
    assert all(set(names) <= set(catalog.entries()) for names in refused().values())
    assert set(refused()) <= {backend.name for backend in BACKENDS}
