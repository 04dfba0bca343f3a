"""Mult-adds of every operator that multiplies and accumulates, worked by hand, to the unit."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from function_networks import Forward
from torch import nn

import lwprof


class Halving(nn.Conv2d):
    """A subclass with a forward of its own."""

    def forward(self, x):
        return super().forward(x) * 0.5


attend = F.scaled_dot_product_attention


def zeros(*shape: int) -> torch.Tensor:
    return torch.zeros(shape)


IMAGE = zeros(1, 8, 6, 6)
CONV = nn.Conv2d(8, 4, 3)  # 292 parameters; on IMAGE 4*4 * 4 * 8*9 = 4,608 mult-adds
Q, K = zeros(1, 8, 10, 16), zeros(1, 2, 6, 16)
A, B = zeros(4, 3, 5), zeros(4, 5, 2)

# fmt: off
CONVOLUTIONS = {
    # name: (module, inputs, params, mult-adds)
    "module":         (CONV, (IMAGE,), 292, 4608),
    "functional":     (Forward(lambda m, x: F.conv2d(x, m.c.weight, m.c.bias), c=CONV), (IMAGE,), 292, 4608),
    "subclass":       (Halving(8, 4, 3), (IMAGE,), 292, 4608),
    ".forward()":     (Forward(lambda m, x: m.c.forward(x), c=CONV), (IMAGE,), 292, 4608),
    "called twice":   (Forward(lambda m, x: m.c(x) + m.c(x), c=CONV), (IMAGE,), 292, 9216),
    "shared":         (Forward(lambda m, x: m.c(x) + m.d(x), c=CONV, d=CONV), (IMAGE,), 292, 9216),
    "batch of 3":     (CONV, (zeros(3, 8, 6, 6),), 292, 3 * 4608),
    "no batch":       (CONV, (zeros(8, 6, 6),), 292, 4608),
    "same":           (nn.Conv2d(8, 4, 3, padding="same"), (IMAGE,), 292, 36 * 4 * 72),
    "valid":          (nn.Conv2d(8, 4, 3, padding="valid"), (IMAGE,), 292, 4608),
    "circular":       (nn.Conv2d(8, 4, 3, padding=1, padding_mode="circular"), (IMAGE,), 292, 36 * 4 * 72),
    "reflect":        (nn.Conv2d(8, 4, 3, padding=1, padding_mode="reflect"), (IMAGE,), 292, 36 * 4 * 72),
    "stride":         (nn.Conv2d(8, 4, 3, 2), (IMAGE,), 292, 4 * 4 * 72),
    "dilation":       (nn.Conv2d(8, 4, 3, dilation=2), (IMAGE,), 292, 4 * 4 * 72),
    "groups":         (nn.Conv2d(8, 4, 3, groups=2), (IMAGE,), 148, 16 * 4 * 36),
    "depthwise":      (nn.Conv2d(8, 8, 3, groups=8), (IMAGE,), 80, 16 * 8 * 9),
    "multiplier 2":   (nn.Conv2d(8, 16, 3, groups=8), (IMAGE,), 160, 16 * 16 * 9),
    "5x1 kernel":     (nn.Conv2d(8, 4, (5, 1)), (IMAGE,), 164, 2 * 6 * 4 * 40),
    "channels last":  (nn.Conv2d(8, 4, 3).to(memory_format=torch.channels_last),
                       (IMAGE.to(memory_format=torch.channels_last),), 292, 4608),
    "1d":             (nn.Conv1d(8, 4, 3), (zeros(1, 8, 6),), 100, 4 * 4 * 24),
    "3d":             (nn.Conv3d(2, 4, 3), (zeros(1, 2, 4, 5, 6),), 220, 2 * 3 * 4 * 4 * 54),
    "1d transposed":  (nn.ConvTranspose1d(8, 4, 3), (zeros(1, 8, 6),), 100, 6 * 8 * 12),
    "2d transposed":  (nn.ConvTranspose2d(8, 4, 2, 2), (IMAGE,), 132, 36 * 8 * 16),
    "3d transposed":  (nn.ConvTranspose3d(2, 4, 2), (zeros(1, 2, 3, 3, 3),), 68, 27 * 2 * 32),
    "grouped transp": (nn.ConvTranspose2d(8, 4, 2, 2, groups=2), (IMAGE,), 68, 36 * 8 * 8),
    "time first":     (Forward(lambda m, x: torch.conv_tbc(x, m.w, m.b, 1), w=nn.Parameter(zeros(3, 4, 5)),
                               b=nn.Parameter(zeros(5))), (zeros(8, 2, 4),), 65, 8 * 2 * 5 * 12),
    "unfold + mm":    (Forward(lambda m, x: m.w @ F.unfold(x, 3), w=nn.Parameter(zeros(4, 72))), (IMAGE,), 288, 4608),
}
PRODUCTS = {
    "linear":         (nn.Linear(8, 5), (zeros(3, 8),), 45, 3 * 40),
    "linear 1-D":     (nn.Linear(8, 5), (zeros(8),), 45, 40),
    "linear on maps": (nn.Linear(8, 5), (zeros(1, 6, 6, 8),), 45, 36 * 40),
    "x @ W.T":        (Forward(lambda m, x: x @ m.w.t(), w=nn.Parameter(zeros(5, 8))), (zeros(3, 8),), 40, 120),
    "bilinear":       (nn.Bilinear(3, 4, 5), (zeros(2, 3), zeros(2, 4)), 65, 2 * (5 * 12 + 5 * 4)),
    "matmul":         (Forward(lambda m, a, b: a @ b), (A, B), 0, 120),
    "vector @ batch": (Forward(lambda m, a, b: a[0, 0] @ b), (A, B), 0, 4 * 10),
    "broadcast @":    (Forward(lambda m, a, b: a[:, None] @ b), (A, B), 0, 16 * 30),
    "mm":             (Forward(lambda m, a, b: a[0].mm(b[0])), (A, B), 0, 30),
    "bmm":            (Forward(lambda m, a, b: a.bmm(b)), (A, B), 0, 120),
    "addmm":          (Forward(lambda m, a, b: torch.addmm(torch.ones(2), a[0], b[0])), (A, B), 0, 30),
    "baddbmm":        (Forward(lambda m, a, b: torch.baddbmm(torch.ones(1), a, b)), (A, B), 0, 120),
    "addbmm":         (Forward(lambda m, a, b: torch.addbmm(torch.ones(3, 2), a, b)), (A, B), 0, 120),
    "mv":             (Forward(lambda m, a, b: a[0].mv(b[0, :, 0])), (A, B), 0, 15),
    "addmv":          (Forward(lambda m, a, b: torch.addmv(torch.ones(3), a[0], b[0, :, 0])), (A, B), 0, 15),
    "dot":            (Forward(lambda m, a, b: a[0, 0].dot(b[0, :, 0])), (A, B), 0, 5),
    "inner":          (Forward(lambda m, a, b: torch.inner(a[0], a[0])), (A, B), 0, 45),
    "distances":      (Forward(lambda m, a, b: torch.cdist(a, b.mT)), (A, B), 0, 4 * 3 * 2 * 5),
    "many distances": (Forward(lambda m, a: torch.cdist(a, a)), (zeros(30, 4),), 0, 30 * 30 * 4),  # torch takes mm
    "differences":    (Forward(lambda m, a, b: torch.cdist(a, b.mT, p=1)), (A, B), 0, 0),  # additions only
    "tensordot":      (Forward(lambda m, a, b: torch.tensordot(a, b, ([0, 2], [0, 1]))), (A, B), 0, 3 * 20 * 2),
}
EINSUMS = {
    # equation: (operands, mult-adds)
    "bij,bjk->bik":    ((A, B), 120),
    "bij,bjk":         ((A, B), 120),  # result ik: the same products, summed over b as well
    "...ij,...jk":     ((A, B), 120),
    "...ij,jk->...ik": ((A, zeros(5, 2)), 120),
    "bij,bij->bij":    ((A, A), 60),  # Hadamard
    "i,j->ij":         ((zeros(3), zeros(4)), 12),
    "bij,bjk,bkl->bil": ((A, B, zeros(4, 2, 7)), 120 + 4 * 3 * 2 * 7),
    "bij->b":          ((A,), 0),  # a sum
    "bii->bi":         ((zeros(4, 3, 3),), 0),  # a diagonal
    "bi,bj->b":        ((zeros(4, 3), zeros(4, 5)), 4),  # i and j are summed before the product
}
RECURRENT = {
    # 5 steps of 2 sequences, 6 features, 4 units; gates: 4 in an LSTM, 3 in a GRU
    "LSTM":           (nn.LSTM(6, 4), (zeros(5, 2, 6),), 16 * (6 + 4 + 2), 10 * 16 * 10),
    "GRU":            (nn.GRU(6, 4), (zeros(5, 2, 6),), 12 * (6 + 4 + 2), 10 * 12 * 10),
    "RNN":            (nn.RNN(6, 4), (zeros(5, 2, 6),), 4 * (6 + 4 + 2), 10 * 4 * 10),
    "RNN relu":       (nn.RNN(6, 4, nonlinearity="relu"), (zeros(5, 2, 6),), 48, 400),
    "no bias":        (nn.LSTM(6, 4, bias=False), (zeros(5, 2, 6),), 160, 1600),
    "batch first":    (nn.LSTM(6, 4, batch_first=True), (zeros(2, 5, 6),), 192, 1600),
    "no batch":       (nn.LSTM(6, 4), (zeros(5, 6),), 192, 800),
    "bidirectional":  (nn.GRU(6, 4, bidirectional=True), (zeros(5, 2, 6),), 288, 2 * 1200),
    "2 layers":       (nn.LSTM(6, 4, 2), (zeros(5, 2, 6),), 192 + 160, 10 * 16 * (10 + 8)),
    "2 layers, both": (nn.LSTM(6, 4, 2, bidirectional=True), (zeros(5, 2, 6),), 2 * (192 + 224), 10 * 32 * (10 + 12)),
    "projection":     (nn.LSTM(6, 4, proj_size=2), (zeros(5, 2, 6),), 16 * (6 + 2 + 2) + 8, 10 * (16 * 8 + 8)),
    "LSTMCell":       (nn.LSTMCell(6, 4), (zeros(2, 6),), 192, 2 * 160),
    "GRUCell":        (nn.GRUCell(6, 4), (zeros(2, 6),), 144, 2 * 120),
    "RNNCell":        (nn.RNNCell(6, 4), (zeros(2, 6),), 48, 2 * 40),
}
ATTENTION = {
    # B*H*L*S*(E + Ev)
    "sdpa":        (Forward(lambda m, q: attend(q, q, q)), (Q,), 0, 8 * 100 * 32),
    "other value": (Forward(lambda m, q, v: attend(q, q, v)), (Q, zeros(1, 8, 10, 4)), 0, 800 * 20),
    "masked":      (Forward(lambda m, q, mask: attend(q, q, q, mask)),
                    (Q, zeros(10, 10)), 0, 8 * 100 * 32),
    "causal":      (Forward(lambda m, q: attend(q, q, q, is_causal=True)), (Q,), 0, 8 * 100 * 32),
    "shared keys": (Forward(lambda m, q, k: attend(q, k, k, enable_gqa=True)),
                    (Q, K), 0, 8 * 60 * 32),
    # 4 * 16*16 a token for the projections, then 16 a pair of tokens for each of the two products
    **{f"MHA {first=} {weights=}": (
        Forward(lambda m, x, weights=weights: m.a(x, x, x, need_weights=weights),
                a=nn.MultiheadAttention(16, 4, batch_first=first)),
        (zeros(2, 5, 16) if first else zeros(5, 2, 16),), 1088, 10 * 1024 + 2 * 25 * 32)
       for first in (False, True) for weights in (False, True)},
    # attention as above, then 16*32 twice a token
    "encoder layer":  (nn.TransformerEncoderLayer(16, 4, 32, batch_first=True), (zeros(2, 5, 16),),
                       2224, 11840 + 10 * 1024),
    "decoder layer":  (nn.TransformerDecoderLayer(16, 4, 32, batch_first=True), (zeros(2, 5, 16), zeros(2, 5, 16)),
                       3344, 2 * 11840 + 10 * 1024),
    "padded encoder": (Forward(lambda m, x, pad: m.t(x, src_key_padding_mask=pad),
                               t=nn.TransformerEncoder(nn.TransformerEncoderLayer(16, 4, 32, batch_first=True), 2)),
                       (zeros(2, 5, 16), torch.zeros(2, 5, dtype=torch.bool)), 4448, 2 * 22080),
}
# fmt: on
ALL = {**CONVOLUTIONS, **PRODUCTS, **RECURRENT, **ATTENTION}


@pytest.mark.filterwarnings("ignore:enable_nested_tensor", "ignore:Using padding='same'", "ignore:.*nested tensors")
@pytest.mark.parametrize("name", ALL)
def test_params_and_mult_adds(name: str) -> None:
    module, inputs, params, mult_adds = ALL[name]
    result = lwprof.profile(module, inputs=inputs)
    assert result.coverage.unknown == ()
    assert not result.input_dependent
    assert (result.totals.params, result.totals.mult_adds) == (params, mult_adds)
    assert params == sum(parameter.numel() for parameter in module.parameters())


@pytest.mark.parametrize("equation", EINSUMS)
def test_einsum(equation: str) -> None:
    operands, mult_adds = EINSUMS[equation]
    result = lwprof.profile(Forward(lambda m, *given: torch.einsum(equation, *given)), inputs=operands)
    assert result.coverage.unknown == ()
    assert result.totals.mult_adds == mult_adds
    assert (result.totals.memory_access.paper_elements == 0) == (mult_adds == 0)


def test_einsum_of_operands_and_lists() -> None:
    module = Forward(lambda m, a, b: torch.einsum(a, [0, 1, 2], b, [0, 2, 3], [0, 1, 3]))
    assert lwprof.profile(module, inputs=(A, B)).totals.mult_adds == 120


def test_packed_sequences_count_only_real_tokens() -> None:
    packed = nn.utils.rnn.pack_padded_sequence(zeros(5, 2, 6), torch.tensor([5, 3]))
    result = lwprof.profile(Forward(lambda m, x: m.l(x)[0].data, l=nn.LSTM(6, 4)), inputs=(packed,))
    assert (result.totals.params, result.totals.mult_adds) == (192, 8 * 160)
    assert result.coverage.unknown == ()

    def pack(m, x, lengths):
        rows, _ = m.l(nn.utils.rnn.pack_padded_sequence(x, lengths))
        return nn.utils.rnn.pad_packed_sequence(rows)[0]

    result = lwprof.profile(Forward(pack, l=nn.GRU(6, 4)), inputs=(zeros(5, 2, 6), torch.tensor([5, 3])))
    assert result.totals.mult_adds == 8 * 120


@pytest.mark.parametrize(
    ("module", "kind"),
    [
        (nn.Conv2d(8, 8, 1), "pointwise"),
        (nn.Conv2d(8, 8, 3), "dense conv"),
        (nn.Conv2d(8, 8, 1, groups=2), "grouped"),
        (nn.Conv2d(8, 8, 3, groups=2), "grouped"),
        (nn.Conv2d(8, 8, 3, groups=8), "depthwise"),
        (nn.Conv2d(8, 16, 3, groups=8), "depthwise"),
        (nn.ConvTranspose2d(8, 8, 2, groups=8), "depthwise"),
        (nn.ConvTranspose2d(8, 4, 2, groups=4), "grouped"),
    ],
    ids=str,
)
def test_kinds_of_convolution(module: nn.Module, kind: str) -> None:
    assert [row.kind for row in lwprof.profile(module, inputs=(IMAGE,)).kinds] == [kind]


def test_a_convolution_of_one_channel_is_dense() -> None:
    assert lwprof.profile(nn.Conv2d(1, 4, 3), inputs=(zeros(1, 1, 6, 6),)).kinds[0].kind == "dense conv"


def test_attention_counts_the_batch_that_its_operands_are_broadcast_to() -> None:
    class Attend(nn.Module):
        def forward(self, q, k):
            return F.scaled_dot_product_attention(q, k, k)

    result = lwprof.profile(Attend(), inputs=(torch.zeros(1, 1, 2, 4), torch.zeros(5, 3, 6, 4)))
    assert result.totals.mult_adds == 5 * 3 * 2 * 6 * (4 + 4)
