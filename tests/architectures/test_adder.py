"""The adder layer against its definition, written out; its gradients against the paper's formulas."""

from __future__ import annotations

import re
import subprocess
import sys
from math import prod

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

import lwprof
from lwprof.architectures.adder import Adder2d, adder2d
from lwprof.capture import capture

ETA = 0.2


def fields(x: Tensor, kernel: tuple[int, int], stride: tuple[int, int], padding: tuple[int, int]) -> Tensor:
    """Receptive fields (N, H', W', C, kernel height, kernel width), cut out one by one."""
    n, channels, height, width = x.shape
    padded = x.new_zeros(n, channels, height + 2 * padding[0], width + 2 * padding[1])
    padded[:, :, padding[0] : padding[0] + height, padding[1] : padding[1] + width] = x
    rows = range(0, padded.shape[2] - kernel[0] + 1, stride[0])
    columns = range(0, padded.shape[3] - kernel[1] + 1, stride[1])
    cut = [[padded[:, :, i : i + kernel[0], j : j + kernel[1]] for j in columns] for i in rows]
    return torch.stack([torch.stack(row, 1) for row in cut], 1)


def differences(x: Tensor, weight: Tensor, stride: tuple[int, int], padding: tuple[int, int]) -> Tensor:
    """X - F for every output element and tap, (N, O, H', W', C, kernel height, kernel width)."""
    parts = fields(x, tuple(weight.shape[2:]), stride, padding)
    return parts.unsqueeze(1) - weight[None, :, None, None]


def naive(x: Tensor, weight: Tensor, stride: tuple[int, int], padding: tuple[int, int]) -> Tensor:
    return -differences(x.double(), weight.double(), stride, padding).abs().sum((4, 5, 6))


@st.composite
def layers(draw: st.DrawFn) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, int], tuple[int, int]]:
    """Shapes of maps and filters that fit each other, a stride and a padding, rows and columns apart."""
    channels = draw(st.integers(1, 9))
    kernel = draw(st.tuples(st.integers(1, 5), st.integers(1, 5)))
    stride = draw(st.tuples(st.integers(1, 3), st.integers(1, 3)))
    padding = draw(st.tuples(st.integers(0, 3), st.integers(0, 3)))
    sizes = [draw(st.integers(max(1, k - 2 * p), 12)) for k, p in zip(kernel, padding, strict=True)]
    maps = (draw(st.integers(1, 3)), channels, *sizes)
    return maps, (draw(st.integers(1, 9)), channels, *kernel), stride, padding


@given(layers(), st.integers(0, 2**32 - 1), st.sampled_from([0.1, 1.0, 30.0]))
@settings(max_examples=150)
def test_forward_is_the_definition(layer, seed, scale) -> None:
    maps, filters, stride, padding = layer
    generator = torch.Generator().manual_seed(seed)
    x, weight = (scale * torch.randn(shape, generator=generator) for shape in (maps, filters))
    out, expected = adder2d(x, weight, stride, padding), naive(x, weight, stride, padding)
    assert out.dtype == torch.float32
    assert out.shape == expected.shape == nn.functional.conv2d(x, weight, None, stride, padding).shape
    assert (out - expected).abs().max() <= 1e-4 * expected.abs().max()


def test_a_padded_zero_costs_the_filters_own_value() -> None:
    weight = torch.full((1, 1, 3, 3), 2.0)
    out = adder2d(torch.full((1, 1, 3, 3), 2.0), weight, 1, 1)
    assert out[0, 0].tolist() == [[-10, -6, -10], [-6, 0, -6], [-10, -6, -10]]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_narrow_numbers_are_summed_in_wide_ones(dtype) -> None:
    x, weight = torch.randn(1, 64, 9, 9).to(dtype), torch.randn(4, 64, 3, 3).to(dtype)
    out = adder2d(x, weight, 1, 1)
    assert out.dtype == dtype
    assert torch.equal(out, naive(x, weight, (1, 1), (1, 1)).to(dtype)) or torch.allclose(
        out.double(), naive(x, weight, (1, 1), (1, 1)), rtol=2 * torch.finfo(dtype).eps
    )


@pytest.fixture
def small_parts(monkeypatch) -> None:
    """Receptive fields of a few rows at a time, so that even a small image takes several parts."""
    from lwprof.architectures import adder

    monkeypatch.setattr(adder, "_FIELDS", 500)
    monkeypatch.setattr(adder, "_DIFFERENCES", 300)


SETTINGS = [((1, 1), (1, 1)), ((2, 2), (1, 1)), ((2, 3), (0, 2))]


def run(maps, filters, stride, padding, seed=0):
    """A layer of float64 after its backward: maps, filters, output, the gradient that it got."""
    generator = torch.Generator().manual_seed(seed)
    x = (2 * torch.randn(maps, generator=generator, dtype=torch.float64)).requires_grad_()
    weight = torch.randn(filters, generator=generator, dtype=torch.float64).requires_grad_()
    out = adder2d(x, weight, stride, padding)
    grad = torch.randn(out.shape, generator=generator, dtype=torch.float64)
    out.backward(grad)
    return x, weight, out, grad


@pytest.mark.slow
@given(layers(), st.integers(0, 2**32 - 1))
def test_the_filter_gradient_is_the_difference_in_full(layer, seed) -> None:
    _, _, stride, padding = layer
    x, weight, _, grad = run(*layer, seed)
    distances = differences(x.detach(), weight.detach(), stride, padding)
    full = (grad[..., None, None, None] * distances).sum((0, 2, 3))  # dY/dF = X - F
    expected = full / full.norm() * ETA * weight.numel() ** 0.5
    torch.testing.assert_close(weight.grad, expected, rtol=1e-9, atol=1e-9)


@pytest.mark.slow
@given(layers(), st.integers(0, 2**32 - 1))
@example(((1, 4, 1, 8), (5, 4, 1, 3), (1, 1), (0, 0)), 0)  # receptive fields overlap in one row of memory
def test_the_input_gradient_is_the_difference_clipped(layer, seed) -> None:
    _, _, stride, padding = layer
    x, weight, _, grad = run(*layer, seed)
    clipped = (-differences(x.detach(), weight.detach(), stride, padding)).clamp(-1, 1)  # HardTanh of F - X
    taps = (grad[..., None, None, None] * clipped).sum(1)  # of each field, (N, H', W', C, kernel)
    leaf = x.detach().clone().requires_grad_()
    fields(leaf, tuple(weight.shape[2:]), stride, padding).backward(taps)
    torch.testing.assert_close(x.grad, leaf.grad, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("maps", [(3, 4, 7, 8), (1, 4, 1, 60)], ids=str)
@pytest.mark.parametrize(("stride", "padding"), SETTINGS)
def test_the_parts_make_the_whole(maps, stride, padding, request) -> None:
    whole = run(maps, (5, 4, 3, 2), stride, (1, padding[1]))
    request.getfixturevalue("small_parts")
    parts = run(maps, (5, 4, 3, 2), stride, (1, padding[1]))
    torch.testing.assert_close(parts[2], whole[2])
    for part, all_of_it in zip(parts[:2], whole[:2], strict=True):
        torch.testing.assert_close(part.grad, all_of_it.grad)


def test_the_input_gradient_is_not_the_sign() -> None:
    x = torch.tensor([0.25, 3.0, -3.0]).view(3, 1, 1, 1).requires_grad_()
    adder2d(x, torch.zeros(1, 1, 1, 1)).sum().backward()
    assert x.grad.flatten().tolist() == [-0.25, -1.0, 1.0]


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_the_adaptive_rate_gives_every_layer_a_step_of_one_size(scale) -> None:
    layer = Adder2d(4, 6, 3, padding=1)
    (scale * layer(torch.randn(2, 4, 5, 5))).mean().backward()
    assert layer.weight.grad.norm().item() == pytest.approx(ETA * layer.weight.numel() ** 0.5, rel=1e-4)


def test_no_gradient_stays_none() -> None:
    layer = Adder2d(4, 6, 3)
    layer(torch.randn(2, 4, 5, 5)).mul(0).sum().backward()
    assert layer.weight.grad.abs().max() == 0


def test_only_wanted_gradients_are_computed() -> None:
    x, layer = torch.randn(1, 2, 4, 4), Adder2d(2, 3, 3)
    with torch.autograd.profiler.profile() as profile:
        layer(x).sum().backward()
    names = {event.name for event in profile.function_events}
    assert "lwprof::adder2d_filter_gradient" in names
    assert "lwprof::adder2d_input_gradient" not in names


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["adder2d", "adder2d_filter_gradient", "adder2d_input_gradient"])
def test_torch_finds_the_operators_well_registered(name) -> None:
    operator = getattr(torch.ops.lwprof, name).default
    for stride, padding in SETTINGS:
        x, weight = torch.randn(2, 3, 6, 7), torch.randn(4, 3, 3, 3)
        if name == "adder2d":
            given = (x.requires_grad_(), weight.requires_grad_())
        else:
            given = (torch.randn_like(adder2d(x, weight, stride, padding)), x, weight)
        assert set(torch.library.opcheck(operator, (*given, stride, padding)).values()) == {"SUCCESS"}


@pytest.mark.parametrize(("maps", "filters", "stride", "padding", "says"), [
    ((1, 3, 8, 8), (4, 2, 3, 3), 1, 0, "adder2d got maps of 3 channels for filters of 2 channels"),
    ((1, 3, 8, 2), (4, 3, 3, 3), 1, 0, "adder2d got filters of width 3 for maps of width 2"),
    ((1, 3, 0, 8), (4, 3, 3, 3), 1, 1, "adder2d got filters of height 3 for maps of height 0 padded to 2"),
    ((3, 8, 8), (4, 3, 3, 3), 1, 0, "adder2d takes maps (N, C, H, W) and filters (O, C, height, width), not shapes"),
    ((1, 3, 8, 8), (4, 3, 3), 1, 0, "not shapes (1, 3, 8, 8) and (4, 3, 3)"),
    ((1, 3, 8, 8), (4, 3, 3, 3), 0, 0, "adder2d takes strides of at least 1 and padding of at least 0"),
    ((1, 3, 8, 8), (4, 3, 3, 3), 1, -1, "adder2d takes strides of at least 1 and padding of at least 0"),
])  # fmt: skip
@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_what_does_not_fit_is_refused_in_a_sentence(maps, filters, stride, padding, says, device) -> None:
    with pytest.raises(ValueError, match=re.escape(says)):
        adder2d(torch.zeros(maps, device=device), torch.zeros(filters, device=device), stride, padding)


def test_other_dtypes_are_refused_in_a_sentence() -> None:
    x, weight = torch.zeros(1, 3, 4, 4), torch.zeros(2, 3, 3, 3)
    with pytest.raises(ValueError, match=r"one floating dtype, not torch\.float32 and torch\.float64"):
        adder2d(x, weight.double())
    with pytest.raises(ValueError, match=r"one floating dtype, not torch\.int64 and torch\.int64"):
        adder2d(x.long(), weight.long())


def test_the_layer_is_built_like_a_convolution() -> None:
    layer = Adder2d(3, 8, (1, 5), stride=2, padding=(0, 2))
    assert repr(layer) == "Adder2d(3, 8, kernel_size=(1, 5), stride=(2, 2), padding=(0, 2))"
    assert list(layer.state_dict()) == ["weight"]
    assert layer(torch.zeros(2, 3, 6, 7)).shape == nn.Conv2d(3, 8, (1, 5), 2, (0, 2))(torch.zeros(2, 3, 6, 7)).shape
    assert Adder2d(64, 64, 3).weight.std().item() == pytest.approx(1, abs=0.02)


MEMORY = """
import re, torch
from pathlib import Path
from lwprof.architectures.adder import Adder2d

def peak():  # of this process; getrusage would report that of the process it was started from, where that is more
    return 1024 * int(re.search(r"VmHWM:\\s*(\\d+) kB", Path("/proc/self/status").read_text())[1])

torch.set_num_threads(1)
layer, x = Adder2d(64, 64, 3, padding=1), torch.randn({shape})
with torch.inference_mode():
    layer(x[:1, :, :8, :8])
    Path("/proc/self/clear_refs").write_text("5")  # the peak is what is in use now
    before = peak()
    layer(x)
print(peak() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads Linux's account of the process")
@pytest.mark.parametrize("shape", [(1, 64, 56, 56), (16, 64, 56, 56), (1, 64, 224, 224)], ids=str)
@pytest.mark.slow
def test_a_forward_takes_less_than_200_megabytes(shape) -> None:
    command = [sys.executable, "-P", "-c", MEMORY.format(shape=shape)]
    added = int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    output = 4 * prod(shape)
    assert output / 2 < added < 200e6


def test_a_layer_is_counted_by_its_taps() -> None:
    result = lwprof.profile(
        nn.Sequential(Adder2d(8, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU()), input_size=(8, 6, 6)
    )
    totals, access = result.totals, result.totals.memory_access
    assert (totals.params, totals.mult_adds, totals.additions) == (288 + 8, 0, 2 * 36 * 4 * 72)
    assert result.coverage.unknown == ()
    assert not result.input_dependent
    layer = 8 * 36 + 4 * 36 + 288
    assert access.paper_elements == layer
    assert access.paper_bytes == 4 * layer
    assert access.eager_elements == layer + (2 * 144 + 16) + 2 * 144
    assert access.fused_elements == layer + (2 * 144 + 16)  # a distance cannot take in a batch norm
    assert [kind.kind for kind in result.kinds if kind.params == 288] == ["adder"]


@pytest.mark.parametrize("real", [False, True])
def test_a_capture_keeps_the_operator_whole(real) -> None:
    graph = capture(Adder2d(8, 4, 3, stride=2), (torch.rand(1, 8, 9, 9),), real=real)
    (operator,) = graph.operators
    assert operator.name == "lwprof::adder2d"
    assert operator.outputs[0].shape == (1, 4, 4, 4)
    assert [value.source for value in operator.inputs] == ["input", "parameter"]
