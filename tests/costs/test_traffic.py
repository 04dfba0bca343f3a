"""What every other operator costs: element-wise operations, elements and bytes moved, kind, or a reason why not."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from function_networks import Calling
from torch import nn

import lwprof
from lwprof import analyses
from lwprof.capture import capture

X = torch.zeros(1, 8, 6, 6)  # 288 elements
N = X.numel()


def rows_of(module, *inputs: torch.Tensor):
    """The operators that are neither views nor free."""
    graph = capture(module if isinstance(module, nn.Module) else Calling(module), inputs)
    return [row for row in analyses.costed(graph) if row.cost.state != "free"]


# fmt: off
OPERATORS = {
    # name: (function or module, kind, element-wise operations, elements read and written)
    "batch norm":     (nn.BatchNorm2d(8), "normalization", N, 2 * N + 4 * 8),
    "bare bn":        (nn.BatchNorm2d(8, affine=False), "normalization", N, 2 * N + 2 * 8),
    "bn of batch":    (nn.BatchNorm2d(8, track_running_stats=False), "normalization", N, 2 * N + 2 * 8),
    "layer norm":     (nn.LayerNorm([6, 6]), "normalization", N, 2 * N + 72),
    "group norm":     (nn.GroupNorm(2, 8), "normalization", N, 2 * N + 16),
    "instance norm":  (nn.InstanceNorm2d(8, affine=True), "normalization", N, 2 * N + 16),
    "rms norm":       (nn.RMSNorm([6]), "normalization", N, 2 * N + 6),
    "softmax":        (nn.Softmax(1), "normalization", N, 2 * N),
    "log softmax":    (nn.LogSoftmax(1), "normalization", N, 2 * N),
    **{f"{kind.__name__}{' in place' * where}": (kind(inplace=where), "activation", N, 2 * N)
       for kind in (nn.ReLU, nn.ReLU6, nn.Hardtanh, nn.Hardswish, nn.Hardsigmoid, nn.SiLU, nn.ELU, nn.SELU, nn.CELU,
                    nn.LeakyReLU, nn.Mish, nn.RReLU)
       for where in (False, True)},
    **{kind.__name__: (kind(), "activation", N, 2 * N)
       for kind in (nn.Sigmoid, nn.Tanh, nn.GELU, nn.Softplus, nn.LogSigmoid, nn.Hardshrink, nn.Softshrink)},
    "threshold":      (nn.Threshold(0.1, 1.0), "activation", N, 2 * N),
    "prelu":          (nn.PReLU(8), "activation", N, 2 * N + 8),
    "glu":            (nn.GLU(1), "activation", N // 2, N + N // 2),
    "add":            (lambda x: x + x, "arithmetic", N, 3 * N),
    "add a number":   (lambda x: x + 1, "arithmetic", N, 2 * N),
    "add in place":   (lambda x: x.add_(x), "arithmetic", N, 3 * N),
    "gate":           (lambda x: x * torch.empty(1, 8, 1, 1, device=x.device), "arithmetic", N, 2 * N + 8),
    "expanded":       (lambda x: x * torch.empty(1, 8, 1, 1, device=x.device).expand(1, 8, 6, 6),
                       "arithmetic", N, 2 * N + 8),
    "out=":           (lambda x: torch.add(x, x, out=torch.empty_like(x)), "arithmetic", N, 3 * N),
    "clamp":          (lambda x: x.clamp(0, 1), "arithmetic", N, 2 * N),
    "maximum":        (lambda x: torch.max(x, x), "arithmetic", N, 3 * N),
    "fill by mask":   (lambda x: x.masked_fill_(torch.empty(6, 6, dtype=torch.bool, device=x.device), 0.0),
                       "arithmetic", N, 2 * N + 36),
    "max pool":       (nn.MaxPool2d(2), "pooling", N, N + N // 4),
    "average pool":   (nn.AvgPool2d(3, 1, 1), "pooling", N, 2 * N),
    "adaptive":       (nn.AdaptiveAvgPool2d(1), "pooling", N, N + 8),
    "adaptive max":   (lambda x: F.adaptive_max_pool2d(x, 2), "pooling", N, N + 2 * 32),  # with its indices
    "mean over h, w": (lambda x: x.mean((2, 3)), "pooling", N, N + 8),
    "mean from back": (lambda x: x.mean((-1, -2), keepdim=True), "pooling", N, N + 8),
    "mean of all":    (lambda x: x.mean(), "reduction", N, N + 1),
    "channel mean":   (lambda x: x.mean(1), "reduction", N, N + 36),
    "sum":            (lambda x: x.sum(1), "reduction", N, N + 36),
    "amax":           (lambda x: x.amax(1), "reduction", N, N + 36),
    "einsum of one":  (lambda x: torch.einsum("nchw->nc", x), "reduction", N, N + 8),
    "top 3":          (lambda x: x.topk(3, 1), "reduction", N, N + 2 * 108),  # with their indices
    "sorted":         (lambda x: x.sort(1), "reduction", N, 3 * N),
    "p = 3 distance": (lambda x: torch.cdist(x, x, p=3), "distance", 3 * 8 * 36 * 6, 2 * N + 8 * 36),
    "concatenation":  (lambda x: torch.cat([x, x], 1), "copy", 0, 4 * N),
    "stack":          (lambda x: torch.stack([x, x]), "copy", 0, 4 * N),
    "slice assigned": (lambda x: x[:, :2].copy_(x[:, 2:4]), "copy", 0, 2 * 72),
    "clone":          (lambda x: x.clone(), "copy", 0, 2 * N),
    "cast":           (lambda x: x.half(), "copy", 0, 2 * N),
    "shuffle":        (nn.ChannelShuffle(2), "copy", 0, 2 * N),
    "shuffled views": (lambda x: x.view(1, 2, 4, 6, 6).transpose(1, 2).reshape(1, 8, 6, 6), "copy", 0, 2 * N),
    "pixel shuffle":  (nn.PixelShuffle(2), "copy", 0, 2 * N),
    "roll":           (lambda x: x.roll(1, 2), "copy", 0, 2 * N),
    "zero pad":       (lambda x: F.pad(x, (1, 1, 1, 1)), "copy", 0, N + 512),
    "reflection pad": (lambda x: F.pad(x, (1, 1, 1, 1), "reflect"), "copy", 0, N + 512),
    "replicate pad":  (lambda x: F.pad(x, (1, 1, 1, 1), "replicate"), "copy", 0, N + 512),
    "nearest":        (nn.Upsample(scale_factor=2), "interpolation", 4 * N, 5 * N),
    "nearest exact":  (nn.Upsample(scale_factor=2, mode="nearest-exact"), "interpolation", 4 * N, 5 * N),
    "bilinear":       (nn.Upsample(scale_factor=2, mode="bilinear"), "interpolation", 4 * N, 5 * N),
    "bicubic":        (nn.Upsample(scale_factor=2, mode="bicubic"), "interpolation", 4 * N, 5 * N),
    "area":           (lambda x: F.interpolate(x, size=(3, 3), mode="area"), "pooling", N, N + 72),
    "antialiased":    (lambda x: F.interpolate(x, 3, mode="bilinear", antialias=True), "interpolation", 72, N + 72),
}
# fmt: on


@pytest.mark.parametrize("name", OPERATORS)
def test_one_operator(name: str) -> None:
    module, kind, operations, elements = OPERATORS[name]
    (row,) = rows_of(module, X)
    assert row.cost.state == "counted"
    assert (row.cost.kind, row.cost.elementwise_ops, row.elements) == (kind, operations, elements)
    assert row.cost.mult_adds == row.cost.paper_elements == 0


@pytest.mark.parametrize("rank", [1, 3])
def test_pooling_and_interpolation_in_other_ranks(rank: int) -> None:
    x = torch.zeros(1, 2, *([4] * rank))
    sizes = {f"nn.{kind}Pool{rank}d": getattr(nn, f"{kind}Pool{rank}d")(2) for kind in ("Max", "Avg")}
    sizes |= {f"adaptive {kind}": getattr(nn, f"Adaptive{kind}Pool{rank}d")(2) for kind in ("Max", "Avg")}
    for name, module in sizes.items():
        row = rows_of(module, x)[0]
        assert (row.cost.kind, row.cost.elementwise_ops) == ("pooling", x.numel()), name
    row = rows_of(nn.Upsample(scale_factor=2), x)[0]
    assert row.cost.elementwise_ops == x.numel() * 2**rank


@pytest.mark.parametrize("make", [lambda: nn.LPPool2d(2, 2), lambda: nn.FractionalMaxPool2d(2, output_ratio=0.5),
                                  lambda: nn.LocalResponseNorm(2), lambda: nn.ZeroPad2d(1),
                                  lambda: nn.CircularPad2d(1)])  # fmt: skip
def test_composite_layers_leave_nothing_unknown(make) -> None:
    assert lwprof.profile(make(), inputs=(X,)).coverage.unknown == ()


def test_lookups_read_what_they_return_in_its_own_dtype() -> None:
    indices = torch.zeros(2, 4, dtype=torch.int64)
    (row,) = rows_of(nn.Embedding(1000, 3).half(), indices)
    assert (row.cost.kind, row.elements, row.bytes) == ("lookup", 8 + 24 + 24, 8 * 8 + 2 * 48)
    (row,) = rows_of(lambda x, i: x.index_select(1, i), X, indices[0])
    assert (row.elements, row.bytes) == (4 + 2 * 144, 4 * 8 + 4 * 288)
    row = rows_of(nn.EmbeddingBag(1000, 3), indices)[0]
    assert (row.cost.kind, row.cost.elementwise_ops) == ("lookup", 24)  # one an element read: 8 rows of 3
    assert row.cost.reads == 24 + 8 + 2


@pytest.mark.parametrize(("dtype", "width"), [(torch.float64, 8), (torch.float16, 2), (torch.bfloat16, 2)])
def test_bytes_follow_the_dtype(dtype: torch.dtype, width: int) -> None:
    totals = lwprof.profile(nn.Conv2d(8, 4, 3).to(dtype), inputs=(X.to(dtype),)).totals
    memory = totals.memory_access
    assert (memory.paper_elements, memory.eager_elements, memory.fused_elements) == (640, 644, 644)
    assert (memory.paper_bytes, memory.eager_bytes, memory.fused_bytes) == (640 * width, 644 * width, 644 * width)
    assert totals.param_bytes == 292 * width
    assert totals.peak_activation_bytes == (288 + 64) * width


def test_a_number_that_is_complex_makes_a_complex_tensor() -> None:
    (row,) = rows_of(lambda x: x + 1j, X)
    assert (row.operator.outputs[0].dtype, row.bytes) == ("complex64", N * 4 + N * 8)


@pytest.mark.parametrize(
    "view",
    [
        lambda x: x.view(1, -1), lambda x: x.flatten(1), lambda x: x.reshape(8, 36), lambda x: x.permute(0, 2, 3, 1),
        lambda x: x.transpose(1, 2), lambda x: x.chunk(2, 1), lambda x: x.split(3, 1), lambda x: x[:, 2:5],
        lambda x: x.unbind(1), lambda x: x.squeeze(0), lambda x: x.unsqueeze(0), lambda x: x.expand(4, 8, 6, 6),
        lambda x: x.narrow(1, 0, 2), lambda x: x.select(1, 0), lambda x: x.detach(), lambda x: x.unfold(2, 2, 2),
        lambda x: torch.unsafe_split(x, 4, 1), lambda x: x.diagonal(dim1=2, dim2=3), lambda x: x.swapaxes(1, 2),
    ],
)  # fmt: skip
def test_views_cost_nothing_and_are_no_launches(view) -> None:
    result = lwprof.profile(Calling(view), inputs=(X,))
    totals = result.totals
    assert (totals.launches, totals.memory_access.eager_elements, totals.elementwise_ops) == (0, 0, 0)
    assert result.coverage.counted == 0
    assert result.coverage.unknown == ()
    assert all(row.reason for row in result.coverage.free_ops)


@pytest.mark.parametrize(
    "layer",
    [nn.Dropout(), nn.Dropout2d(), nn.AlphaDropout(), nn.FeatureAlphaDropout(), nn.Identity()],
    ids=lambda layer: type(layer).__name__,
)
def test_what_does_nothing_in_inference_is_no_operator(layer: nn.Module) -> None:
    assert capture(layer.train(), (X,)).operators == ()


def test_constants_are_free_and_say_why() -> None:
    result = lwprof.profile(Calling(lambda x: x + torch.arange(6.0)), inputs=(X,))
    assert result.coverage.free >= 1
    reasons = {row.op: row.reason for row in result.coverage.free_ops}
    assert reasons["aten::arange"] == "makes a constant: no data of the network is read"
    assert result.totals.memory_access.eager_elements == 2 * N + 6


@pytest.mark.parametrize(("function", "name"), [
    (lambda x: torch.fft.fft2(x).real, "aten::_fft_c2c"), (torch.linalg.inv, "aten::linalg_inv_ex"),
    (lambda x: x.histc(4), "aten::histc"),
])  # fmt: skip
def test_what_has_no_rule_is_unknown_by_name(function, name: str) -> None:
    coverage = lwprof.profile(Calling(function), inputs=(X,)).coverage
    assert [(row.op, row.count) for row in coverage.unknown] == [(name, 1)]


def test_a_rule_can_be_registered_for_an_operator() -> None:
    from lwprof import costs

    lwprof.register_rule("aten::histc", lambda op: costs.Cost("reduction", elementwise_ops=op.inputs[0].elements))
    try:
        result = lwprof.profile(Calling(lambda x: x.histc(4)), inputs=(X,))
    finally:
        del costs._RULES["aten::histc"]
        costs._REGISTERED.discard("aten::histc")
    assert result.coverage.unknown == ()
    assert result.totals.elementwise_ops == N


def test_values_put_into_a_tensor_are_read_and_the_tensor_is_written() -> None:
    places = torch.tensor([0, 2])  # with 6 values for each, 12
    (row,) = rows_of(lambda x, v, i: x.view(48, 6).index_put_((i,), v), X, torch.zeros(2, 6), places)
    assert (row.cost.kind, row.cost.elementwise_ops, row.elements) == ("copy", 0, 2 + 12 + N)
    (row,) = rows_of(lambda x, v, i: x.view(48, 6).index_put_((i,), v, accumulate=True), X, torch.zeros(2, 6), places)
    assert (row.cost.kind, row.cost.elementwise_ops, row.elements) == ("arithmetic", 12, 2 + 12 + 2 * N)
    (row,) = rows_of(lambda x, v, i: x.view(48, 6).index_add(0, i, v), X, torch.zeros(2, 6), places)
    assert (row.cost.kind, row.cost.elementwise_ops, row.elements) == ("arithmetic", 12, 2 + 12 + 2 * N)
