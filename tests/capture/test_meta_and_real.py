"""A meta run and a real run give the same graph."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from function_networks import Calling, Forward
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

import lwprof
from lwprof.capture import capture, tensors_in
from lwprof.graph import OpGraph
from lwprof.models import catalog


def assert_same(module: nn.Module, *inputs: torch.Tensor) -> None:
    meta, real = capture(module, inputs), capture(module, inputs, real=True)
    assert not meta.input_dependent
    for field in OpGraph.__dataclass_fields__:
        for one, other in zip(getattr(meta, field) or (), getattr(real, field) or (), strict=True):
            assert one == other, field


@pytest.mark.slow
@pytest.mark.parametrize("name", catalog.entries())
def test_every_network(name: str) -> None:
    side = max(catalog.entries()[name].min_resolution, 32)
    assert_same(lwprof.build(name), torch.rand(1, 3, side, side + 1))


RANDOM = torch.Generator().manual_seed(0)
X = torch.rand(2, 8, 6, 6, generator=RANDOM)
LAYERS = {
    "conv": (nn.Conv2d(8, 4, 3, padding="same"), X),
    "circular": (nn.Conv2d(8, 4, 3, padding=1, padding_mode="circular"), X),
    "transposed": (nn.ConvTranspose2d(8, 4, 3, 2, output_padding=1), X),
    "attention": (nn.MultiheadAttention(8, 2), torch.rand(5, 2, 8, generator=RANDOM)),
    "lstm": (nn.LSTM(8, 4, 2, bidirectional=True), torch.rand(5, 2, 8, generator=RANDOM)),
    "gru cell": (nn.GRUCell(8, 4), torch.rand(2, 8, generator=RANDOM)),
    "shuffle": (nn.Sequential(nn.ChannelShuffle(2), nn.PixelShuffle(2)), X),
    "upsample": (nn.Upsample(scale_factor=2, mode="bicubic"), X),
    "pools": (nn.Sequential(nn.LPPool2d(2, 2), nn.AdaptiveMaxPool2d(2)), X),
    "norms": (nn.Sequential(nn.GroupNorm(2, 8), nn.InstanceNorm2d(8), nn.LocalResponseNorm(2)), X),
    "in place": (Calling(lambda x: x.clone().add_(x).mul_(2).clamp_(0, 1)[:, 1:].relu_()), X),
    "slice assignment": (Calling(lambda x: F.pad(x, (1, 1, 1, 1), "circular")), X),
    "half": (nn.Conv2d(8, 4, 3).to(torch.bfloat16), X.to(torch.bfloat16)),
    "channels last": (nn.Sequential(nn.Conv2d(8, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten()),
                      X.contiguous(memory_format=torch.channels_last)),
    "channels-last weight": (nn.Sequential(nn.Conv2d(8, 8, 3), nn.Flatten()).to(memory_format=torch.channels_last), X),
    "convnext": (Calling(lambda x: F.conv2d(F.gelu(F.layer_norm(x.permute(0, 2, 3, 1), [8])).permute(0, 3, 1, 2),
                                             torch.ones(8, 1, 3, 3), groups=8).permute(0, 2, 3, 1).reshape(2, -1)), X),
    "no elements": (nn.Sequential(nn.Conv2d(8, 4, 3), nn.BatchNorm2d(4), nn.ReLU()), X[:0]),
    "0-d": (Calling(lambda x: x.sum() * 2 + x.mean().relu()), X),
}  # fmt: skip


@pytest.mark.parametrize("name", LAYERS)
def test_layers(name: str) -> None:
    module, x = LAYERS[name]
    assert_same(module, *(x, x, x) if name == "attention" else (x,))


RECURRENT = {
    "lstm": nn.LSTM(8, 4),
    "both ways": nn.LSTM(8, 4, 2, bidirectional=True),
    "projected": nn.LSTM(8, 4, proj_size=3, batch_first=True),
    "gru": nn.GRU(8, 4),
    "gru, batch first": nn.GRU(8, 4, 2, batch_first=True),
    "rnn": nn.RNN(8, 4, nonlinearity="relu", bidirectional=True, batch_first=True),
}


@pytest.mark.parametrize("shape", [(5, 2, 8), (2, 1, 8), (1, 3, 8), (5, 8)], ids=str)
@pytest.mark.parametrize("name", RECURRENT)
def test_recurrent_layers(name: str, shape: tuple[int, ...]) -> None:
    x = torch.rand(shape, generator=RANDOM)
    flat = Forward(lambda m, x: [part.reshape(-1) for part in tensors_in(m.l(x))], l=RECURRENT[name])
    assert_same(RECURRENT[name], x)
    assert_same(flat, x)  # copies or not, by the strides


class Steps(TorchDispatchMode):
    """Notes with how many time steps torch is asked for an LSTM."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[int] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is torch.ops.aten.lstm.input:
            self.seen.append(args[0].shape[1])
        return func(*args, **kwargs or {})


def test_a_recurrent_layer_is_asked_for_one_step() -> None:
    layer, x = nn.LSTM(8, 4, batch_first=True), torch.zeros(2, 3000, 8)
    with Steps() as steps:
        graph = capture(layer, (x,))
    assert graph.outputs[0].shape == (2, 3000, 4)
    assert steps.seen == [1]
