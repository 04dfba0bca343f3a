from __future__ import annotations

import pytest
import torch
from prepared_networks import ready
from torch import nn

from lwprof.timing.backends.litert import LiteRt

BACKEND = LiteRt()


@pytest.fixture
def installed() -> None:
    pytest.importorskip("litert_torch", reason="litert-torch is not installed")
    assert BACKEND.unavailable("cpu") is None


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
def test_what_is_compared_does_not_become_what_is_timed() -> None:
    network, image = nn.Conv2d(3, 4, 3), torch.rand(2, 3, 8, 8)
    with ready(BACKEND, network, (), (image,)) as found:
        found.loaded.outputs((torch.zeros(2, 3, 8, 8),))
        (timed,) = found.loaded.run()
        (expected,) = found.loaded.outputs((image,))
    assert (timed == expected).all()
