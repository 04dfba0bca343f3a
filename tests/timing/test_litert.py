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
from lwprof.timing.backends.litert import LiteRt

BACKEND = LiteRt()


@pytest.fixture
def installed() -> None:
    pytest.importorskip("litert_torch", reason="litert-torch is not installed")
    assert BACKEND.unavailable("cpu") is None


def test_looking_at_backends_imports_no_runtime() -> None:
    code = (
        "import sys; from lwprof.timing.backends.litert import LiteRt; LiteRt()\n"
        "print(sorted({'ai_edge_litert', 'litert_torch'} & set(sys.modules)))"
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
def test_integers_are_taken_as_the_converter_holds_them() -> None:
    """It makes int32 of int64."""
    network = nn.Sequential(nn.Embedding(7, 4), nn.Linear(4, 2))
    with ready(BACKEND, network, (), (torch.tensor([[0, 6, 3]]),)) as found:
        first, second = (found.loaded.outputs((torch.tensor([row]),))[0] for row in ([0, 6, 3], [6, 6, 6]))
    assert first.shape == (1, 3, 2)
    assert (first[0, 1] == second[0, 0]).all()
    assert (first[0, 0] != second[0, 0]).all()


@pytest.mark.usefixtures("installed")
def test_input_that_has_no_effect_is_left_out() -> None:
    class First(nn.Module):
        def forward(self, unused: torch.Tensor, image: torch.Tensor) -> torch.Tensor:
            return image * 2

    with ready(BACKEND, First(), (), (torch.ones(5), torch.rand(2, 3))) as found:
        assert found.difference == 0


@pytest.mark.usefixtures("installed")
def test_unknown_operator_is_named_with_its_module(capfd: pytest.CaptureFixture[str]) -> None:
    with (
        pytest.raises(BackendError, match=r"^LiteRT cannot run aten::special_bessel_j0, which 1\.0 runs$"),
        ready(BACKEND, with_bessel()),
    ):
        pass
    assert capfd.readouterr() == ("", "")


@pytest.mark.usefixtures("installed")
def test_operator_of_an_extension_is_named_with_its_module() -> None:
    adder = prepare("addernet_resnet20")
    with (
        pytest.raises(BackendError, match=r"^LiteRT cannot run lwprof::adder2d, which blocks\.0\.\S+ runs$"),
        ready(BACKEND, adder.module, adder.inputs),
    ):
        pass


@pytest.mark.usefixtures("installed")
def test_what_is_compared_does_not_become_what_is_timed() -> None:
    network, image = nn.Conv2d(3, 4, 3), torch.rand(2, 3, 8, 8)
    with ready(BACKEND, network, (), (image,)) as found:
        found.loaded.outputs((torch.zeros(2, 3, 8, 8),))
        (timed,) = found.loaded.run()
        (expected,) = found.loaded.outputs((image,))
    assert (timed == expected).all()


@pytest.mark.slow
@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("name", ["mbv2", "shufflenetv2"])
def test_catalogue_agrees_with_torch(name: str) -> None:
    network = prepare(name)
    with ready(BACKEND, network.module, network.inputs) as found:
        assert found.difference is not None
        assert found.difference <= 1e-4
