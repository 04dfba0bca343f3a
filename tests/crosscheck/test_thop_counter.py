"""thop: what its hooks count besides mult-adds, and where hooks by module type go wrong."""

from __future__ import annotations

import importlib
import warnings

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pack_padded_sequence

from lwprof.crosscheck.thop_rules import RULES


def test_the_hooks_are_those_that_the_rules_know():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        installed = importlib.import_module("thop.profile").register_hooks
    counting = {kind for kind, hook in installed.items() if hook.__name__ not in ("zero_ops", "count_relu")}
    assert counting == set(RULES)


@pytest.mark.parametrize(
    ("module", "expected"),
    [
        (nn.BatchNorm2d(4), {"batch norm": 800}),
        (nn.BatchNorm2d(4, affine=False), {"batch norm": 400}),
        (nn.LayerNorm([4, 5, 5]), {"layer norm": 800}),
        (nn.InstanceNorm2d(4), {"instance norm": 400}),
        (nn.InstanceNorm2d(4, affine=True), {"instance norm": 800}),
        (nn.GroupNorm(2, 4), {}),
        (nn.PReLU(), {"PReLU": 200}),
        (nn.LeakyReLU(), {}),
        (nn.Hardswish(), {}),
        (nn.Softmax(1), {"softmax": 50 * 11}),
        (nn.MaxPool2d(2), {}),
        (nn.AvgPool2d(2), {"average pooling": 32}),
        (nn.AdaptiveAvgPool2d(1), {"adaptive pooling": 208}),
        (nn.AdaptiveAvgPool2d(2), {"adaptive pooling": 232}),
        (nn.AdaptiveAvgPool2d((3, 4)), {"adaptive pooling": 296}),
        (nn.Upsample(scale_factor=2), {"upsampling": 800}),
        (nn.Upsample(scale_factor=2, mode="bilinear"), {"upsampling": 8_800}),
        (nn.Upsample(scale_factor=2, mode="bicubic"), {"upsampling": 207_200}),
        (nn.Upsample(scale_factor=2, mode="nearest-exact"), {}),
        (nn.UpsamplingNearest2d(scale_factor=2), {"upsampling": 800}),
    ],
)
def test_conventions(terms, module, expected):
    assert terms("thop", module, torch.randn(2, 4, 5, 5)) == expected


@pytest.mark.parametrize(
    ("module", "shape"),
    [
        (nn.Conv1d(4, 6, 3, groups=2), (2, 4, 9)),
        (nn.Conv2d(3, 8, 3, padding="same"), (1, 3, 8, 8)),
        (nn.Conv3d(4, 6, 3, groups=2, padding=1, padding_mode="circular"), (2, 4, 5, 5, 5)),
        (nn.Linear(4, 6), (2, 3, 3, 4)),
        (nn.Linear(4, 6), (4,)),
    ],
)
def test_layers_that_agree(terms, module, shape):
    assert terms("thop", module, torch.randn(shape)) == {}


@pytest.mark.parametrize(
    ("module", "shape", "extra"),
    [
        (nn.LSTM(6, 5, 2, bidirectional=True), (7, 2, 6), 4_480),
        (nn.LSTM(6, 5, bias=False), (7, 2, 6), 560),
        (nn.GRU(6, 5), (7, 2, 6), 910),
        (nn.RNN(6, 5, 2, batch_first=True), (2, 7, 6), 420),
        (nn.LSTMCell(6, 5), (2, 6), 160),
        (nn.GRUCell(6, 5), (2, 6), 130),
        (nn.RNNCell(6, 5), (2, 6), 30),
    ],
)
def test_recurrent_layers_count_gates_and_biases(terms, module, shape, extra):
    assert terms("thop", module, torch.randn(shape)) == {"gates and biases": extra}


@pytest.mark.slow
def test_recurrent_layers_that_it_misjudges(calling, rows, terms):
    sequence = torch.randn(7, 2, 6)
    projected = nn.LSTM(6, 5, 2, proj_size=3)
    assert terms("thop", projected, sequence) == {"gates and biases": 2_240, "recurrent layers": 1_260}
    packed = calling(lambda gru, x: gru(pack_padded_sequence(x, torch.tensor([7, 3])))[0].data, nn.GRU(6, 5))
    assert terms("thop", packed, sequence) == {"gates and biases": 910, "recurrent layers": 660}
    alone = nn.LSTM(6, 5)
    assert terms("thop", alone, sequence[:, 0]) == {"gates and biases": 3_360, "recurrent layers": 7_700}
    assert rows(alone, sequence[:, 0])["thop"].verdict == "wrong: overcounts by 7,700 (recurrent layers)"


def test_transposed_convolutions_are_counted_by_output(rows, terms):
    network = nn.ConvTranspose2d(4, 6, 3, stride=2, groups=2)
    assert terms("thop", network, torch.randn(1, 4, 5, 5)) == {"transposed convolutions": 10_368}
    verdict = rows(network, torch.randn(1, 4, 5, 5))["thop"].verdict
    assert verdict == "wrong: overcounts by 10,368 (transposed convolutions)"
    assert terms("thop", nn.ConvTranspose1d(4, 6, 3, stride=2), torch.randn(4, 5)) == {"transposed convolutions": 630}


def test_convolutions_without_a_batch(terms):
    assert terms("thop", nn.Conv2d(3, 8, 3), torch.randn(3, 8, 8)) == {"convolutions without a batch": 12_960}


def test_functions_are_not_hooked(calling, rows, terms):
    network = calling(lambda conv, x: F.conv2d(x, conv.weight), nn.Conv2d(3, 8, 3, bias=False))
    assert terms("thop", network, torch.randn(1, 3, 8, 8)) == {"convolutions not seen": -7_776}
    row = rows(network, torch.randn(1, 3, 8, 8))["thop"]
    assert row.verdict == "wrong: undercounts by 7,776 (convolutions not seen)"
    assert row.terms[0].why.endswith("these (conv2d) ran in Calling")
    linear = calling(lambda part, x: part(F.linear(x, part.weight)), nn.Linear(4, 4, bias=False))
    assert terms("thop", linear, torch.randn(2, 4)) == {"linear layers not seen": -32}


def test_direct_calls_of_forward_are_not_hooked(calling, terms):
    network = calling(lambda part, x: part(part.forward(x)), nn.Linear(4, 4))
    assert terms("thop", network, torch.randn(2, 4)) == {"linear layers not seen": -32}


@pytest.mark.slow
def test_attention_modules_are_not_hooked(calling, rows, terms):
    attention = calling(lambda part, x: part(x, x, x)[0], nn.MultiheadAttention(16, 4, batch_first=True))
    x = torch.randn(2, 5, 16)
    assert terms("thop", attention, x) == {"linear layers not seen": -10_240, "matrix products not seen": -1_600}
    row = rows(attention, x)["thop"]
    assert row.theirs == 0
    assert row.verdict == (
        "wrong: undercounts by 10,240 (linear layers not seen); undercounts by 1,600 (matrix products not seen)"
    )
    assert row.terms[0].why.endswith("(linear) ran in MultiheadAttention")


@pytest.mark.slow
def test_other_types_are_not_hooked(terms):
    class Conv2d(nn.Conv2d):
        """A subclass of the same name."""

    assert terms("thop", Conv2d(4, 4, 3), torch.randn(2, 4, 5, 5)) == {"convolutions not seen": -2_592}
    normed = nn.utils.parametrizations.weight_norm(nn.Conv2d(4, 4, 3))
    assert terms("thop", normed, torch.randn(2, 4, 5, 5)) == {"convolutions not seen": -2_592}
    assert terms("thop", nn.Bilinear(4, 5, 6), torch.randn(2, 4), torch.randn(2, 5)) == {
        "matrix products not seen": -300
    }


def test_a_module_called_twice_is_counted_twice(calling, terms):
    assert terms("thop", calling(lambda part, x: part(part(x)), nn.Linear(4, 4)), torch.randn(2, 4)) == {}
    shared = nn.Linear(4, 4)
    assert terms("thop", nn.Sequential(shared, shared), torch.randn(2, 4)) == {}


def test_a_module_with_two_parents_is_counted_again(rows, terms):
    shared = nn.Sequential(nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3))
    network = nn.Sequential(nn.Sequential(shared), nn.Sequential(shared))
    x = torch.randn(1, 3, 2, 2)
    # two calls of 36 mult-adds and 48 operations; two hooks, added twice: four times all of it
    assert terms("thop", network, x) == {"batch norm": 96, "modules with several names": 3 * (72 + 96)}
    assert rows(network, x)["thop"].verdict == "wrong: overcounts by 504 (modules with several names)"
