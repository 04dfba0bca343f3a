"""What ceilings allow, worked by hand, and the layers that run as one."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn

from lwprof import analyses, profiling
from lwprof.analyses import FusedLayer, Work, floor, fused_layers
from lwprof.results.roofline import CACHED, COMPUTE, MEMORY, WINOGRAD, Ceilings

ROOFS = Ceilings("torch", "cpu", 1, "float32", "torch", 40e9, 10e9, 50e9, 1_000_000)
BY_WINOGRAD = replace(ROOFS, winograd=True, winograd_mult_adds_per_s=100e9)


def layers(module: nn.Module, *size: int) -> tuple[FusedLayer, ...]:
    found = profiling.examine(module, input_size=size)
    made = fused_layers(found.graph, found.rows, found.groups)
    totals = found.result.totals
    assert sum(item.mult_adds for item in made) == totals.mult_adds
    assert sum(item.bytes for item in made) == totals.memory_access.fused_bytes
    assert sum(item.winograd_mult_adds for item in made) == analyses.winograd_mult_adds(found.rows)
    return made


def test_convolution_with_its_norm_and_activation_is_one_layer() -> None:
    module = nn.Sequential(nn.Conv2d(3, 8, 3, bias=False), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2))
    first, second = layers(module.eval(), 3, 10, 10)
    assert (first.names, first.kind) == (("0", "1", "2"), "dense conv")
    # 8x8 outputs of 8 channels, 27 products each; input, weights, folded bias, output, 4 bytes each
    assert first.mult_adds == first.winograd_mult_adds == 64 * 8 * 27
    assert first.bytes == 4 * (3 * 100 + 8 * 27 + 8 + 8 * 64)
    assert (second.names, second.kind, second.mult_adds) == (("3",), "pooling", 0)


def test_layer_that_is_called_twice_joins_what_it_is_fused_with() -> None:
    class Shared(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b, self.relu = nn.Conv2d(3, 3, 1), nn.Conv2d(3, 3, 1), nn.ReLU()

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.relu(self.b(self.relu(self.a(x)))) + x

    first, last = layers(Shared(), 3, 4, 4)
    assert first.names == ("a", "relu", "b")
    assert first.bytes == 2 * first.largest_bytes
    assert floor(Work.of_layer(first), replace(ROOFS, cache_bytes=first.largest_bytes)).marks == (CACHED,)
    assert (last.names, last.kind) == (("",), "arithmetic")


@pytest.mark.parametrize(
    ("conv", "candidate"),
    [
        (nn.Conv2d(4, 4, 3), True),
        (nn.Conv2d(4, 4, 3, padding=1), True),
        (nn.Conv2d(4, 4, 3, stride=2), False),
        (nn.Conv2d(4, 4, 3, dilation=2), False),
        (nn.Conv2d(4, 4, 3, groups=2), False),
        (nn.Conv2d(4, 4, 3, groups=4), False),
        (nn.Conv2d(4, 4, 1), False),
        (nn.Conv2d(4, 4, 5), False),
        (nn.ConvTranspose2d(4, 4, 3), False),
    ],
)
def test_dense_3x3_of_stride_1_may_be_computed_by_winograd(conv: nn.Module, candidate: bool) -> None:
    (layer,) = layers(conv, 4, 12, 12)
    assert layer.winograd_mult_adds == (layer.mult_adds if candidate else 0)


def test_floor_of_a_layer() -> None:
    def of(mult_adds: int, size: int) -> analyses.Floor:
        return floor(Work.of_layer(FusedLayer(("a",), "linear", mult_adds, size)), ROOFS)

    assert of(80_000_000, 2_000_000) == analyses.Floor(2e-3, COMPUTE, ())
    assert of(1_000_000, 2_000_000) == analyses.Floor(1e6 / 10e9 + 1e6 / 50e9, MEMORY, ())  # half may be in the cache
    assert of(0, 1_000_001).seconds == pytest.approx(of(0, 1_000_000).seconds, rel=1e-3)
    assert of(1_000_000, 1_000_000) == analyses.Floor(25e-6, COMPUTE, (CACHED,))
    assert of(0, 500_000) == analyses.Floor(1e-5, MEMORY, (CACHED,))
    assert of(0, 0).seconds == 0


def test_winograd_has_the_rate_that_was_measured_of_it() -> None:
    work = Work.of_layer(FusedLayer(("a",), "dense conv", 80_000_000, 2_000_000, 60_000_000))
    assert floor(work, ROOFS) == analyses.Floor(2e-3, COMPUTE, ())
    found = floor(work, BY_WINOGRAD)
    assert found.seconds == pytest.approx(20e6 / 40e9 + 60e6 / 100e9)
    assert found.marks == (WINOGRAD,)


def network(params: int, peak: int, moved: int) -> Work:
    """Work of a network with so many bytes of weights, of activations at once, and moved."""
    totals = profiling.profile(nn.Conv2d(1, 1, 1), input_size=(1, 1, 1)).totals
    access = replace(totals.memory_access, fused_bytes=moved)
    return Work.of_network(
        replace(totals, mult_adds=0, param_bytes=params, fused_peak_activation_bytes=peak, memory_access=access), 0
    )


@pytest.mark.parametrize(
    ("params", "peak", "seconds", "marks"),
    [
        (400_000, 600_000, 3.4e6 / 50e9, (CACHED,)),  # all of it stays in the cache
        (500_000, 600_000, 1e5 / 10e9 + 3.3e6 / 50e9, ()),  # what cannot stay comes from memory, at the least
        (3_400_000, 2_000_000, 3.4e6 / 10e9, ()),  # no more than is moved at all
    ],
)
def test_floor_of_a_network_is_by_what_stays_in_the_cache(
    params: int, peak: int, seconds: float, marks: tuple[str, ...]
) -> None:
    found = floor(network(params, peak, 3_400_000), ROOFS)
    assert found.seconds == pytest.approx(seconds)
    assert (found.bound, found.marks) == (MEMORY, marks)


def test_other_dtypes_move_other_bytes() -> None:
    whole, quarter = FusedLayer(("a",), "linear", 1, 8_000_000), analyses.scale("int8", "float32")
    assert Work.of_layer(whole, quarter).bytes == 2_000_000
    assert analyses.scale("bfloat16", "float32") == 0.5
    assert analyses.scale("float16-weights", "float32") == 1
