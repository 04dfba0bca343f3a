"""Networks without weights, and the maps inside them: shapes need no values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

import lwprof

FILLING = {Tensor.normal_, Tensor.uniform_, Tensor.fill_, Tensor.zero_}


class Unfilled(TorchFunctionMode):
    """Spares tensors without values the drawing of values, which takes half of the time of building a network."""

    def __torch_function__(self, function: Any, types: Any, arguments: Any = (), named: Any = None) -> Any:
        if function in FILLING and arguments[0].is_meta:
            return arguments[0]
        return function(*arguments, **(named or {}))


def build(builder: Callable[..., nn.Module], **options: Any) -> nn.Module:
    with torch.device("meta"), Unfilled():
        return builder(**options).eval()


def output_sizes(network: nn.Module, place: str = "blocks", resolution: int = 224) -> list[tuple[int, int]]:
    """Channels and side of what each module directly under ``place`` puts out."""
    layers = lwprof.profile(network, input_size=(3, resolution, resolution)).layers
    shapes = [layer.output_shapes[0] for layer in layers if layer.name.rpartition(".")[0] == place]
    assert all(height == width for _, _, height, width in shapes)
    return [(channels, side) for _, channels, side, _ in shapes]
