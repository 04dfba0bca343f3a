from __future__ import annotations

import subprocess
import sys

import pytest
import torch
from converted_networks import TWO_INPUTS, Shuffled, TwoInputs, with_bessel
from prepared_networks import ready
from torch import nn

from lwprof.errors import BackendError
from lwprof.models import prepare
from lwprof.results import TensorSpec
from lwprof.timing.backends import Options
from lwprof.timing.backends.executorch import ExecuTorch

BACKEND = ExecuTorch()


@pytest.fixture
def installed() -> None:
    pytest.importorskip("executorch", reason="executorch is not installed")
    assert BACKEND.unavailable("cpu") is None


def test_looking_at_backends_imports_no_runtime() -> None:
    code = (
        "import sys; from lwprof.timing.backends.executorch import ExecuTorch; ExecuTorch()\n"
        "print(sorted({'executorch'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-P", "-c", code], stdout=subprocess.PIPE, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("batch", [1, 2])
def test_agrees_with_torch_and_prints_nothing(batch: int, capfd: pytest.CaptureFixture[str]) -> None:
    with ready(BACKEND, Shuffled(), (TensorSpec((batch, 3, 16, 16), "float32"),)) as found:
        found.loaded.run()
        shapes = [output.shape for output in found.loaded.outputs((torch.ones(batch, 3, 16, 16),))]
    assert shapes == [(batch, 5), (batch, 8, 8, 8)]
    assert found.difference is not None
    assert found.difference <= 1e-5
    assert capfd.readouterr() == ("", "")


@pytest.mark.usefixtures("installed")
def test_inputs_by_keyword_reach_their_places() -> None:
    with ready(BACKEND, TwoInputs(), (), TWO_INPUTS) as found:
        assert found.difference is not None
        assert found.difference <= 1e-5


@pytest.mark.usefixtures("installed")
def test_operator_that_xnnpack_lacks_runs_on_portable_kernels() -> None:
    class Sums(nn.Module):
        def forward(self, image: torch.Tensor) -> torch.Tensor:
            return image.cumsum(2)

    with ready(BACKEND, nn.Sequential(nn.Conv2d(3, 4, 3), Sums())) as found:
        assert found.difference is not None
        assert found.difference <= 1e-5


@pytest.mark.usefixtures("installed")
def test_unknown_operator_is_named_with_its_module(capfd: pytest.CaptureFixture[str]) -> None:
    with (
        pytest.raises(BackendError, match=r"^ExecuTorch cannot run aten::special_bessel_j0, which 1\.0 runs$"),
        ready(BACKEND, with_bessel()),
    ):
        pass
    assert capfd.readouterr() == ("", "")


@pytest.mark.usefixtures("installed")
def test_operator_of_an_extension_is_named_with_its_module() -> None:
    adder = prepare("addernet_resnet20")
    with (
        pytest.raises(BackendError, match=r"^ExecuTorch cannot run lwprof::adder2d, which blocks\.0\.\S+ runs$"),
        ready(BACKEND, adder.module, adder.inputs),
    ):
        pass


@pytest.mark.usefixtures("installed")
def test_size_of_the_pool_is_set_and_put_back(capfd: pytest.CaptureFixture[str]) -> None:
    from executorch.extension.pybindings import portable_lib

    def interrupted() -> None:
        with BACKEND.settings(Options(threads=before + 1)):
            inside.append(portable_lib._threadpool_get_thread_count())
            raise KeyboardInterrupt

    before, inside = portable_lib._threadpool_get_thread_count(), []
    with pytest.raises(KeyboardInterrupt):
        interrupted()
    with BACKEND.settings(Options()):
        inside.append(portable_lib._threadpool_get_thread_count())
    assert inside == [before + 1, 1]
    assert portable_lib._threadpool_get_thread_count() == before
    assert capfd.readouterr() == ("", "")


@pytest.mark.slow
@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("name", ["mbv2", "shufflenetv2"])
def test_catalogue_agrees_with_torch(name: str) -> None:
    network = prepare(name)
    with ready(BACKEND, network.module, network.inputs) as found:
        assert found.difference is not None
        assert found.difference <= 1e-4
