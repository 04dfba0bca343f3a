"""What ExecuTorch and LiteRT have in common; `make runtimes` installs them, `make test` does not."""

from __future__ import annotations

import subprocess
import sys
from typing import NamedTuple

import pytest
import torch
from converted_networks import TWO_INPUTS, Shuffled, TwoInputs, with_bessel
from prepared_networks import ready

from lwprof.errors import BackendError
from lwprof.models import prepare
from lwprof.results.networks import TensorSpec
from lwprof.timing.backends import Backend, named


class Large(NamedTuple):
    """A runtime, how messages call it, and the modules of its packages."""

    backend: str
    title: str
    modules: tuple[str, ...]


LARGE = (
    Large("executorch", "ExecuTorch", ("executorch",)),
    Large("litert", "LiteRT", ("litert_torch", "ai_edge_litert")),
)
each = pytest.mark.parametrize("large", LARGE, ids=lambda large: large.backend)


@pytest.fixture(params=LARGE, ids=lambda large: large.backend)
def large(request: pytest.FixtureRequest) -> Large:
    """One that is installed."""
    found: Large = request.param
    pytest.importorskip(found.modules[0], reason=f"{found.modules[0].replace('_', '-')} is not installed")
    assert named(found.backend).unavailable("cpu") is None
    return found


@pytest.fixture
def backend(large: Large) -> Backend:
    return named(large.backend)


@pytest.mark.slow
@each
def test_looking_at_backends_imports_no_runtime(large: Large) -> None:
    backend = type(named(large.backend))
    code = (
        f"import sys; from {backend.__module__} import {backend.__name__}; {backend.__name__}()\n"
        f"print(sorted({set(large.modules)!r} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-P", "-c", code], stdout=subprocess.PIPE, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize("batch", [1, 2])
def test_agrees_with_torch_and_prints_nothing(backend: Backend, batch: int, capfd: pytest.CaptureFixture[str]) -> None:
    with ready(backend, Shuffled(), (TensorSpec((batch, 3, 16, 16), "float32"),)) as found:
        found.loaded.run()
        shapes = [output.shape for output in found.loaded.outputs((torch.ones(batch, 3, 16, 16),))]
    assert shapes == [(batch, 5), (batch, 8, 8, 8)]
    assert found.difference is not None
    assert found.difference <= 1e-5
    assert capfd.readouterr() == ("", "")


def test_inputs_by_keyword_reach_their_places(backend: Backend) -> None:
    with ready(backend, TwoInputs(), (), TWO_INPUTS) as found:
        assert found.difference is not None
        assert found.difference <= 1e-5


def test_unknown_operator_is_named_with_its_module(large: Large, capfd: pytest.CaptureFixture[str]) -> None:
    with (
        pytest.raises(BackendError, match=rf"^{large.title} cannot run aten::special_bessel_j0, which 1\.0 runs$"),
        ready(named(large.backend), with_bessel()),
    ):
        pass
    assert capfd.readouterr() == ("", "")


def test_operator_of_an_extension_is_named_with_its_module(large: Large) -> None:
    adder = prepare("addernet_resnet20")
    with (
        pytest.raises(BackendError, match=rf"^{large.title} cannot run lwprof::adder2d, which blocks\.0\.\S+ runs$"),
        ready(named(large.backend), adder.module, adder.inputs),
    ):
        pass


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mbv2", "shufflenetv2"])
def test_catalogue_agrees_with_torch(backend: Backend, name: str) -> None:
    network = prepare(name)
    with ready(backend, network.module, network.inputs) as found:
        assert found.difference is not None
        assert found.difference <= 1e-4
