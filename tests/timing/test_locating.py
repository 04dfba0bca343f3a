"""Which module runs an operator."""

from __future__ import annotations

import pytest
import torch
from converted_networks import with_bessel
from torch import Tensor, nn

from lwprof.timing.conversions import locating

IMAGE = (torch.rand(1, 3, 8, 8),)


class Spectrum(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 3, 1)
        self.shared = self.again = nn.Sequential(nn.ReLU())

    def forward(self, image: Tensor) -> Tensor:
        return torch.fft.fft(self.shared(self.first(image))).abs() + self.again(image)


@pytest.mark.parametrize(
    ("operator", "path"),
    [
        ("aten::convolution", "first"),
        ("aten::relu", "shared.0"),
        ("aten::fft_fft", ""),  # made of others, which it is not seen among
        ("aten::_fft_r2c", ""),
        ("aten::grid_sampler", None),
    ],
)
def test_operator_has_the_path_of_its_module(operator: str, path: str | None) -> None:
    assert locating.where(Spectrum().eval(), IMAGE, operator) == path


def test_sentence_names_the_network_itself_where_no_part_runs_it() -> None:
    named = locating.named(Spectrum().eval(), IMAGE, "aten::abs")
    assert named == "aten::abs, which the network itself runs"
    assert locating.named(with_bessel(), IMAGE, "aten::special_bessel_j0") == "aten::special_bessel_j0, which 1.0 runs"
    assert locating.named(with_bessel(), IMAGE, "aten::tan") == "aten::tan"


def test_network_that_raises_is_seen_as_far_as_it_runs() -> None:
    network = nn.Sequential(nn.ReLU(), nn.Linear(7, 7), nn.Tanh())
    assert locating.where(network, IMAGE, "aten::relu") == "0"
    assert locating.where(network, IMAGE, "aten::tanh") is None
    assert not nn.modules.module._global_forward_hooks
    assert not nn.modules.module._global_forward_pre_hooks
