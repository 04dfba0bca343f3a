"""fvcore: what it counts besides mult-adds, and which mult-adds it misses."""

from __future__ import annotations

import importlib
import warnings

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from lwprof.crosscheck.fvcore_counter import CONVENTIONS

PRODUCTS = {"_convolution", "linear", "einsum", "mm", "addmm", "bmm", "matmul"}


def test_the_handles_are_those_that_the_terms_know():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        installed = importlib.import_module("fvcore.nn.flop_count")._DEFAULT_SUPPORTED_OPS
    assert set(installed) == {f"aten::{name}" for name in PRODUCTS} | set(CONVENTIONS)


@pytest.mark.parametrize(
    ("module", "expected"),
    [
        (nn.BatchNorm2d(4), {"batch norm": 400}),
        (nn.BatchNorm2d(4, affine=False), {"batch norm": 200}),
        (nn.BatchNorm2d(4, track_running_stats=False), {"batch norm": 1_000}),
        (nn.GroupNorm(2, 4), {"group norm": 1_000}),
        (nn.GroupNorm(2, 4, affine=False), {"group norm": 800}),
        (nn.LayerNorm([4, 5, 5]), {"layer norm": 1_000}),
        (nn.InstanceNorm2d(4), {"instance norm": 800}),
        (nn.Upsample(scale_factor=2), {"nearest upsampling": 800}),
        (nn.Upsample(scale_factor=2, mode="bilinear"), {"bilinear upsampling": 3_200}),
        (nn.Upsample(scale_factor=2, mode="bicubic"), {}),
        (nn.AdaptiveAvgPool2d(2), {"adaptive pooling": 200}),
        (nn.AvgPool2d(2), {}),
        (nn.PReLU(), {}),
        (nn.Softmax(1), {}),
    ],
)
def test_conventions(terms, module, expected):
    assert terms("fvcore", module, torch.randn(2, 4, 5, 5)) == expected


@pytest.mark.slow
def test_sampling_and_pooling_as_functions(calling, terms):
    sampling = calling(lambda x: F.grid_sample(x, torch.zeros(2, 3, 3, 2), align_corners=False))
    assert terms("fvcore", sampling, torch.randn(2, 4, 5, 5)) == {"grid sampling": 288}
    assert terms("fvcore", calling(lambda x: F.adaptive_avg_pool2d(x, 1)), torch.randn(2, 4, 5, 5)) == {
        "adaptive pooling": 200
    }
    assert terms("fvcore", calling(lambda x: x.mean((2, 3))), torch.randn(2, 4, 5, 5)) == {}


@pytest.mark.parametrize(
    ("module", "shape"),
    [
        (nn.ConvTranspose2d(4, 6, 3, stride=2, groups=2), (1, 4, 5, 5)),
        (nn.Conv2d(4, 6, 3, groups=2, padding_mode="circular", padding=1), (1, 4, 5, 5)),
        (nn.Conv2d(3, 8, 3), (3, 8, 8)),
        (nn.Linear(4, 6), (2, 3, 3, 4)),
        (nn.GRUCell(6, 5), (2, 6)),
    ],
)
def test_layers_that_agree(terms, module, shape):
    assert terms("fvcore", module, torch.randn(shape)) == {}


def test_padding_by_a_word_is_missed(rows, terms):
    same = nn.Conv2d(3, 8, 3, padding="same")
    assert terms("fvcore", same, torch.randn(1, 3, 8, 8)) == {"convolutions not seen": -13_824}
    row = rows(same, torch.randn(1, 3, 8, 8))["fvcore"]
    assert row.verdict == "wrong: undercounts by 13,824 (convolutions not seen)"
    assert "padding is given as a word" in row.terms[0].why


def test_a_wrong_row_names_conventions_in_its_terms_only(rows):
    network = nn.Sequential(nn.Conv2d(3, 8, 3, padding="same"), nn.BatchNorm2d(8))
    row = rows(network, torch.randn(1, 3, 8, 8))["fvcore"]
    assert [term.name for term in row.terms] == ["batch norm", "convolutions not seen"]
    assert row.verdict == "wrong: undercounts by 13,824 (convolutions not seen)"


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU, nn.RNN])
def test_recurrent_layers_are_missed(terms, kind):
    missed = {nn.LSTM: 3_080, nn.GRU: 2_310, nn.RNN: 770}[kind]
    assert terms("fvcore", kind(6, 5), torch.randn(7, 2, 6)) == {"recurrent layers not seen": -missed}


@pytest.mark.slow
def test_fused_attention_is_missed(calling, terms):
    encoder = nn.TransformerEncoderLayer(16, 4, 32, batch_first=True)
    x = torch.randn(2, 5, 16)
    assert terms("fvcore", encoder, x) == {"layer norm": 1_600, "attention not seen": -1_600}
    weighed = calling(lambda part, x: part(x, x, x)[0], nn.MultiheadAttention(16, 4, batch_first=True))
    assert terms("fvcore", weighed, x) == {}
    masked = calling(lambda part, x: part(x, x, x, attn_mask=torch.zeros(5, 5))[0], weighed.parts[0])
    assert terms("fvcore", masked, x) == {"matrix products not seen": -800}  # baddbmm


@pytest.mark.parametrize(
    ("shapes", "expected"),
    [
        ([(3, 4), (4, 6)], {}),
        ([(5, 3, 4), (4, 6)], {}),
        ([(5, 3, 4), (5, 4, 6)], {}),
        ([(3, 4), (5, 4, 6)], {"broadcast matrix products": -288}),
        ([(2, 1, 3, 4), (5, 4, 6)], {"broadcast matrix products": -576}),
        ([(4,), (5, 4, 6)], {"broadcast matrix products": -96}),
    ],
)
def test_broadcast_products(calling, terms, shapes, expected):
    assert terms("fvcore", calling(torch.matmul), *map(torch.randn, shapes)) == expected


@pytest.mark.parametrize(
    ("equation", "shapes", "off"),
    [
        ("bij,bik->bjk", [(7, 33, 41), (7, 33, 3)], 0),
        ("bij,bkj->bki", [(7, 33, 41), (7, 3, 41)], 0),
        ("bij,bjk->bik", [(7, 33, 41), (7, 41, 3)], 2),
        ("i,j->ij", [(7,), (9,)], -31),
        ("ij,jk,kl->il", [(4, 4)] * 3, 0),
    ],
)
def test_einsums_are_estimated(calling, terms, equation, shapes, off):
    network = calling(lambda *tensors: torch.einsum(equation, *tensors))
    found = terms("fvcore", network, *map(torch.randn, shapes))
    assert found == ({"einsum estimated": off} if off else {})


@pytest.mark.parametrize("function", [lambda x: torch.mv(x, x[0]), lambda x: torch.addmv(x[0], x, x[0])])
def test_products_without_a_handle(calling, terms, function):
    assert terms("fvcore", calling(function), torch.randn(4, 4)) == {"matrix products not seen": -16}


def test_modules_called_twice_are_counted_twice(terms):
    shared = nn.Conv2d(3, 3, 1)
    network = nn.Sequential(nn.Sequential(shared), nn.Sequential(shared, shared))
    assert terms("fvcore", network, torch.randn(1, 3, 2, 2)) == {}
