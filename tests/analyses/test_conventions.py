"""The conventions' anchors and the networks' published structure, exactly."""

from __future__ import annotations

import pytest
import torch
from function_networks import Calling
from torch import nn

import lwprof
from lwprof.models import catalog

# fmt: off
ANCHORS = {
    # name: (module, input size, view, elements)
    "1x1, 128 to 128":     (nn.Conv2d(128, 128, 1, bias=False), (128, 56, 56), "paper", 819_200),
    "1x1, 64 to 256":      (nn.Conv2d(64, 256, 1, bias=False), (64, 56, 56), "paper", 1_019_904),
    "1x1, g = 4":          (nn.Conv2d(128, 512, 1, groups=4, bias=False), (128, 56, 56), "paper", 2_023_424),
    "3x3 depthwise":       (nn.Conv2d(64, 64, 3, padding=1, groups=64, bias=False), (64, 14, 14), "paper", 25_664),
    "biases are left out": (nn.Conv2d(128, 128, 1), (128, 56, 56), "paper", 819_200),
    "addition":            (Calling(lambda x: x + torch.empty_like(x)), (16, 14, 14), "eager", 9_408),
    "in-place addition":   (Calling(lambda x: x.add_(torch.empty_like(x))), (16, 14, 14), "eager", 9_408),
    "copy":                (Calling(lambda x: x.clone()), (32, 14, 14), "eager", 12_544),
}
NETWORKS = {
    # name:          paper,      eager,      fused,      launches, peak bytes
    "mbv1":         (14_396_840, 34_663_568, 14_459_984,  83, 6_422_528),
    "mbv2":         (16_916_072, 43_266_256, 17_647_280, 151, 9_633_792),
    "mbv3_large":   (14_369_056, 34_004_672, 17_507_032, 185, None),
    "shufflenetv2:unit=symmetric": (6_250_088, 16_861_416, 8_323_690, 184, 2_408_448),
    "squeezenet":   ( 8_548_648, 25_627_056, 16_934_560,  64, None),
}
# fmt: on


@pytest.mark.parametrize("name", ANCHORS)
def test_anchors(name: str) -> None:
    module, size, view, elements = ANCHORS[name]
    memory = lwprof.profile(module, input_size=size).totals.memory_access
    assert getattr(memory, f"{view}_elements") == elements


@pytest.mark.parametrize("spec", NETWORKS)
def test_memory_access_and_launches_of_networks(profiled, spec: str) -> None:
    paper, eager, fused, launches, peak = NETWORKS[spec]
    totals = profiled(spec).totals
    memory = totals.memory_access
    assert (memory.paper_elements, memory.eager_elements, memory.fused_elements) == (paper, eager, fused)
    assert (memory.paper_bytes, memory.eager_bytes, memory.fused_bytes) == (4 * paper, 4 * eager, 4 * fused)
    assert totals.launches == launches
    assert peak is None or totals.peak_activation_bytes == peak


def test_peak_activations_of_mobilenet_v2(profiled) -> None:
    totals = profiled("mbv2").totals
    assert (totals.peak_activation_bytes, totals.fused_peak_activation_bytes) == (9_633_792, 6_021_120)


@pytest.mark.slow
def test_a_batch_multiplies_what_is_no_weight() -> None:
    with torch.device("meta"):
        network = lwprof.build("mbv2")
    one, four = (lwprof.profile(network, inputs=(torch.empty(n, 3, 64, 64, device="meta"),)).totals for n in (1, 4))
    assert four.mult_adds == 4 * one.mult_adds
    assert four.elementwise_ops == 4 * one.elementwise_ops
    assert four.peak_activation_bytes == 4 * one.peak_activation_bytes
    weights = 3_504_872 - 1_000 - 34_112  # neither the classifier's bias nor batch norms
    paper = [totals.memory_access.paper_elements - weights for totals in (one, four)]
    assert paper[1] == 4 * paper[0]


def test_shares_of_mobilenet_v1(profiled) -> None:
    result = profiled("mbv1")
    pointwise = next(kind for kind in result.kinds if kind.kind == "pointwise")
    assert round(100 * pointwise.mult_adds / result.totals.mult_adds, 2) == 94.86
    assert round(100 * pointwise.params / result.params_with_mult_adds, 2) == 74.57


@pytest.mark.parametrize("spec", catalog.entries())
@pytest.mark.slow
def test_layers_and_kinds_sum_to_the_totals_and_nothing_is_unknown(profiled, spec: str) -> None:
    result = profiled(spec)
    totals, coverage = result.totals, result.coverage
    for rows in (result.layers, result.kinds):
        for field, total in (
            ("params", totals.params),
            ("mult_adds", totals.mult_adds),
            ("paper_elements", totals.memory_access.paper_elements),
        ):
            assert sum(getattr(row, field) for row in rows) == total, field
    assert sum(layer.eager_elements for layer in result.layers) == totals.memory_access.eager_elements
    assert coverage.unknown == ()
    assert all(row.reason for row in coverage.free_ops)
    assert coverage.free == sum(row.count for row in coverage.free_ops)
    assert not result.input_dependent
