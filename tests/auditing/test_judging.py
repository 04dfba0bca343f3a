"""Judging: places of one module as one finding."""

from __future__ import annotations

import torch
from rule_audits import asked
from torch import Tensor, nn
from torch.nn import functional as F


class Functional(nn.Module):
    """Two layers of unequal widths, run by one module."""

    def __init__(self) -> None:
        super().__init__()
        self.wide, self.narrow = (nn.Parameter(torch.ones(shape)) for shape in ((256, 64, 1, 1), (16, 256, 1, 1)))

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(F.conv2d(x, self.wide), self.narrow)


def test_layers_of_one_module_save_what_each_of_them_saves() -> None:
    ((finding,), _) = asked("G1", Functional(), 64, 56, 56)
    assert finding.calls == 2
    assert finding.message.startswith("256 to 16 channels")  # the worse of the two
    assert finding.cost == 3136 * (64 + 256) + 64 * 256 + 3136 * (256 + 16) + 256 * 16
    assert finding.alternative is not None
    assert finding.alternative.saves == 3136 * (320 - 2 * 128) + 3136 * (272 - 2 * 64)


def test_a_layer_that_runs_twice_saves_twice() -> None:
    layer = nn.Conv2d(64, 256, 1, bias=False)
    ((finding,), _) = asked("G1", nn.Sequential(layer, nn.Conv2d(256, 64, 3, padding=1), layer), 64, 56, 56)
    assert (finding.module, finding.calls) == ("0", 2)
    assert finding.alternative is not None
    assert finding.alternative.saves == 2 * 200_704
