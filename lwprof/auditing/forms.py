"""Forms: layers of a closed list, built again from what a document says of them."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Any

import torch
from torch import nn

from lwprof.errors import InputError, near, sentence
from lwprof.preservation import random_state
from lwprof.results.audit import Form

LAYERS: Mapping[str, type[nn.Module]] = {
    kind.__name__: kind
    for kind in (
        nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.Linear,
        nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d,
        nn.AvgPool1d, nn.AvgPool2d, nn.AvgPool3d, nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d,
        nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d, nn.AdaptiveAvgPool3d,
        nn.Identity, nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.PReLU, nn.ELU, nn.GELU, nn.Mish, nn.Tanh,
        nn.Sigmoid, nn.Hardsigmoid, nn.SiLU, nn.Hardswish, nn.Softmax,
    )
}  # fmt: skip
"""What may be built. A document may come from anywhere, so no other name is ever looked up."""

PADDINGS = ("same", "valid")
LARGEST = 2**28
"""Elements of weights, input and output together: 1 GB as float32."""


def build(form: Form, seed: int = 0) -> nn.Module:
    """Build a layer with random weights, after trying on tensors without memory whether it fits its input.

    Raises:
        InputError: it is none of :data:`LAYERS`, it does not fit, or it is too large.

    >>> build(Form("Conv2d", {"in_channels": 4, "out_channels": 8, "kernel_size": 1, "bias": 0}, (1, 4, 7, 7)))
    Conv2d(4, 8, kernel_size=(1, 1), stride=(1, 1), bias=False)
    """
    if form.type not in LAYERS:
        raise InputError(f"no layer {form.type!r} can be timed by itself{near(form.type, list(LAYERS))}")
    kind = LAYERS[form.type]
    settings = {name: _value(form.type, name, value) for name, value in form.settings.items()}
    try:
        with torch.device("meta"), torch.no_grad():
            sketch = kind(**settings).eval()
            made = sketch(torch.empty(form.input_shape))
    except Exception as error:
        raise InputError(f"{form.type} cannot be built for that input: {sentence(error)}") from error
    elements = sum(tensor.numel() for tensor in sketch.state_dict().values()) + prod(form.input_shape) + made.numel()
    if elements > LARGEST:
        raise InputError(f"{form.type} is too large to be timed by itself: {elements:,} elements, of {LARGEST:,}")
    with random_state():
        torch.default_generator.manual_seed(seed)
        return kind(**settings)


def _value(layer: str, name: str, value: object) -> Any:
    """What a setting may be: a number, several whole ones, or a word for the padding."""
    if isinstance(value, list | tuple) and all(isinstance(item, int) for item in value):
        return tuple(value)
    if name in ("device", "dtype") or not (isinstance(value, int | float) or value in PADDINGS):
        raise InputError(f"{layer} takes no setting {name} = {value!r} here")
    return value
