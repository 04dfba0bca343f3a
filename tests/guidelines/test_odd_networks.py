"""Networks of every kind: no guideline may fall over one."""

from __future__ import annotations

import pytest
import torch
from function_networks import Forward
from torch import Tensor, nn
from torch.nn import functional as F

import lwprof


def functional(net: nn.Module, x: Tensor) -> Tensor:
    x = F.relu(F.batch_norm(F.conv2d(x, net.first), torch.zeros(6), torch.ones(6)))
    x = F.conv2d(F.relu6(x), net.second, groups=2)
    return torch.softmax(x.mean((2, 3)), 1)


def two_inputs(net: nn.Module, x: Tensor, y: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
    joined = torch.cat([net.conv(x), net.conv(y)], 1)
    return joined, {"x": x, "norm": net.norm(joined)}


def reads_values(net: nn.Module, x: Tensor) -> Tensor:
    return net.linear(x) if bool(x.sum() < 1e9) else x


class Shared(nn.Module):
    """A block called three times, whose activation is called by everyone."""

    def __init__(self) -> None:
        super().__init__()
        self.depthwise, self.pointwise = nn.Conv2d(6, 6, 3, padding=1, groups=6), nn.Conv2d(6, 6, 1)
        self.norm, self.activation = nn.BatchNorm2d(6), nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        for _ in range(3):
            x = x + self.activation(self.norm(self.pointwise(self.activation(self.depthwise(x)))))
        return x


NETWORKS: dict[str, tuple[nn.Module, tuple[int, ...] | list[list[int]]]] = {
    "LSTM": (nn.LSTM(10, 7, 2, bidirectional=True), (5, 10)),
    "GRU": (nn.GRU(10, 7), (5, 10)),
    "attention": (nn.TransformerEncoderLayer(20, 4, 30, batch_first=True), (9, 20)),
    "1-D": (nn.Sequential(nn.Conv1d(3, 5, 3), nn.BatchNorm1d(5), nn.ReLU6(), nn.Conv1d(5, 5, 1)), (3, 30)),
    "3-D": (nn.Sequential(nn.Conv3d(1, 9, 3), nn.BatchNorm3d(9), nn.ReLU(), nn.Conv3d(9, 4, 1)), (1, 6, 6, 6)),
    "transposed": (nn.Sequential(nn.ConvTranspose2d(3, 5, 2, 2), nn.Conv2d(5, 5, 1), nn.Sigmoid()), (3, 8, 8)),
    "no parameters": (nn.Sequential(nn.ReLU(), nn.AvgPool2d(2), nn.Flatten(), nn.Softmax(1)), (3, 8, 8)),
    "nothing": (nn.Identity(), (3, 8, 8)),
    "functions": (
        Forward(functional, first=nn.Parameter(torch.ones(6, 3, 1, 1)), second=nn.Parameter(torch.ones(4, 3, 3, 3))),
        (3, 8, 8),
    ),
    "two inputs": (Forward(two_inputs, conv=nn.Conv2d(3, 5, 1), norm=nn.BatchNorm2d(10)), [[3, 8, 8], [3, 8, 8]]),
    "reads values": (Forward(reads_values, linear=nn.Linear(7, 5)), (7,)),
    "shared": (nn.Sequential(Shared(), Shared(), nn.Flatten(), nn.Linear(384, 3)), (6, 8, 8)),
    "one pixel": (nn.Sequential(nn.Conv2d(3, 5, 1), nn.BatchNorm2d(5), nn.Conv2d(5, 1, 1)), (3, 1, 1)),
    "unbatched": (Forward(lambda net, x: net.conv(x[0]), conv=nn.Conv2d(3, 6, 3)), (3, 8, 8)),
    "integers": (nn.Sequential(nn.Linear(6, 6), nn.Unflatten(1, (2, 3)), nn.Flatten(), nn.LayerNorm(6)), (6,)),
    "bilinear": (nn.Bilinear(6, 5, 4), [[6], [5]]),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_every_guideline_looks_at_it(name: str) -> None:
    network, size = NETWORKS[name]
    (model,) = lwprof.audit(network, input_size=size).models
    assert not model.failure
    assert len(model.checked) == len({checked.code for checked in model.checked}) > 0
    assert all(finding.message and finding.suggestion for finding in model.findings)
    assert all(finding.cost >= 0 for finding in model.findings)


def test_an_audit_is_the_same_every_time() -> None:
    network, size = NETWORKS["shared"]
    assert lwprof.audit(network, input_size=size).to_dict() == lwprof.audit(network, input_size=size).to_dict()
