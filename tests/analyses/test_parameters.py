"""Every weight is counted once, wherever it stands; what is no parameter is found or told apart."""

from __future__ import annotations

import warnings

import pytest
import torch
import torch.nn.functional as F
from function_networks import Forward
from torch import nn
from torch.nn.utils import parametrizations

import lwprof


def tied() -> nn.Module:
    encoder, decoder = nn.Embedding(10, 4), nn.Linear(4, 10, bias=False)
    decoder.weight = encoder.weight
    return Forward(lambda m, i: m.d(m.e(i)), e=encoder, d=decoder)


def old_weight_norm() -> nn.Module:
    with warnings.catch_warnings(action="ignore"):  # deprecated, and still in many checkpoints
        return nn.utils.weight_norm(nn.Linear(4, 3))


def frozen() -> nn.Module:
    return nn.Linear(4, 3).requires_grad_(False)


def half_frozen() -> nn.Module:
    return nn.Sequential(nn.Linear(4, 4).requires_grad_(False), nn.Linear(4, 3))


def buffers() -> nn.Module:
    module = Forward(lambda m, x: x * m.kept * m.dropped)
    module.register_buffer("kept", torch.ones(4))
    module.register_buffer("dropped", torch.ones(1, dtype=torch.float64), persistent=False)
    return module


def listed() -> nn.Module:
    rows = nn.ParameterList([nn.Parameter(torch.ones(4)), nn.Parameter(torch.ones(1))])
    return Forward(lambda m, x: x * m.a[0] + m.a[1] + m.b["c"], a=rows, b=nn.ParameterDict({"c": torch.ones(2, 4)}))


def half_precision() -> nn.Module:
    return Forward(lambda m, x: m.l(x.half()), l=nn.Linear(4, 3).half())


X, I = torch.zeros(2, 4), torch.zeros(2, dtype=torch.int64)  # noqa: E741
# fmt: off
PARAMETERS = {
    # name: (module, input, params, trainable, buffers, bytes)
    "linear":           (nn.Linear(4, 3), X, 15, 15, 0, 60),
    "shared module":    (nn.Sequential(*[nn.Linear(4, 4)] * 3), X, 20, 20, 0, 80),
    "tied":             (tied(), I, 40, 40, 0, 160),
    "frozen":           (frozen(), X, 15, 0, 0, 60),
    "half frozen":      (half_frozen(), X, 35, 15, 0, 140),
    "half precision":   (half_precision(), X, 15, 15, 0, 30),
    "buffers":          (buffers(), X, 0, 0, 5, 0),
    "batch norm":       (nn.BatchNorm1d(4), X, 8, 8, 9, 32),
    "lists and dicts":  (listed(), X, 13, 13, 0, 52),
    "never read":       (Forward(lambda m, x: x.relu(), l=nn.Linear(4, 3)), X, 15, 15, 0, 60),
    "called twice":     (Forward(lambda m, x: m.l(m.l(x)), l=nn.Linear(4, 4)), X, 20, 20, 0, 80),
    "weight norm":      (parametrizations.weight_norm(nn.Linear(4, 3)), X, 3 + 12 + 3, 18, 0, 72),
    "old weight norm":  (old_weight_norm(), X, 18, 18, 0, 72),
    "spectral norm":    (parametrizations.spectral_norm(nn.Linear(4, 3)), X, 15, 15, 3 + 4, 60),
    "of .data":         (Forward(lambda m, x: F.linear(x, m.l.weight.data), l=nn.Linear(4, 3)), X, 15, 15, 0, 60),
}
# fmt: on


@pytest.mark.parametrize("name", PARAMETERS)
def test_parameters(name: str) -> None:
    module, x, *expected = PARAMETERS[name]
    result = lwprof.profile(module, inputs=(x,))
    totals = result.totals
    assert [totals.params, totals.trainable_params, totals.buffers, totals.param_bytes] == expected
    assert totals.params == sum(parameter.numel() for parameter in module.parameters())
    assert totals.buffers == sum(buffer.numel() for buffer in module.buffers())
    assert sum(layer.params for layer in result.layers) == totals.params
    assert sum(kind.params for kind in result.kinds) == totals.params


def test_what_no_operator_reads_is_a_kind_of_its_own() -> None:
    (row,) = [kind for kind in lwprof.profile(PARAMETERS["never read"][0], inputs=(X,)).kinds if kind.params]
    assert (row.kind, row.params) == ("never read", 15)


def test_a_weight_that_is_a_plain_tensor_is_found() -> None:
    module = Forward(lambda m, x: F.linear(x, m.w))
    module.w = torch.ones(3, 4)
    assert lwprof.profile(module, inputs=(X,)).totals.params == 12
    module = Forward(lambda m, x: x @ m.w)
    module.w = torch.ones(4, 3)
    result = lwprof.profile(module, inputs=(X,))
    assert result.totals.params == 12
    assert sum(kind.params for kind in result.kinds) == sum(layer.params for layer in result.layers) == 12


WEIGHTS_THAT_ARE_BUFFERS = {
    # name: (forward, params found)
    "linear": (lambda m, x: F.linear(x, m.w), 12),
    "product": (lambda m, x: x @ m.w.t(), 12),
    "cast and scaled": (lambda m, x: F.linear(x, m.small.to(x.dtype) * m.scale), 12),
    "joined": (lambda m, x: F.linear(x, torch.cat([m.w, m.small.float()])), 24),
    "table": (lambda m, x: F.embedding(x.long(), m.w), 12),
    "attention mask": (lambda m, x: F.scaled_dot_product_attention(x, x, x, attn_mask=m.mask), 0),
    "addend": (lambda m, x: torch.addmm(m.mask, x, x.t()), 0),
    "scale": (lambda m, x: x * m.scale.sum(), 0),
}


@pytest.mark.parametrize("name", WEIGHTS_THAT_ARE_BUFFERS)
def test_buffers_are_weights_where_data_is_multiplied_with_them(name: str) -> None:
    forward, params = WEIGHTS_THAT_ARE_BUFFERS[name]
    module = Forward(forward)
    module.register_buffer("w", torch.ones(3, 4))
    module.register_buffer("small", torch.ones(3, 4, dtype=torch.int8))
    module.register_buffer("scale", torch.ones(3, 1))
    module.register_buffer("mask", torch.zeros(2, 2))
    result = lwprof.profile(module, inputs=(X,))
    assert (result.totals.params, result.totals.trainable_params) == (params, 0)
    assert result.totals.params + result.totals.buffers == 12 + 12 + 3 + 4
    assert sum(kind.params for kind in result.kinds) == sum(layer.params for layer in result.layers) == params


def test_a_cached_activation_is_no_weight() -> None:
    def forward(m, x):
        m.last = x.relu()
        return m.last * m.scale

    module = Forward(forward)
    module.scale = torch.ones(4)
    totals = lwprof.profile(module, inputs=(X,)).totals
    assert (totals.params, totals.buffers) == (0, 4)  # a plain tensor that scales is stored state like a buffer
