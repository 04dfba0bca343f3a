"""D6: poolings with a kernel as large as the map, where one pixel is what the rest needs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional as F

import lwprof
from lwprof.auditing import Policy
from lwprof.results.audit import Checked, Finding

ALONE = Policy(select=("D6",))


def audited(network: nn.Module, size: tuple[int, ...]) -> tuple[tuple[Finding, ...], Checked]:
    """The findings, and how many poolings were looked at."""
    (model,) = lwprof.audit(network, policy=ALONE, input_size=size).models
    assert not model.failure
    return model.findings, model.checked[0]


class Classifier(nn.Module):
    """A 1x1 convolution, a pooling, and a linear layer."""

    def __init__(self, pool: Callable[[torch.Tensor], torch.Tensor]) -> None:
        super().__init__()
        self.conv = nn.Conv2d(8, 16, 1)
        self.pool = pool
        self.classifier = nn.Linear(16, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.classifier(self.pool(self.conv(x)).flatten(1))


@pytest.mark.parametrize(
    ("pool", "instead"),
    [
        (nn.AvgPool2d(7), "nn.AdaptiveAvgPool2d(1) does the same on any map"),
        (nn.AvgPool2d((7, 7), stride=1), "nn.AdaptiveAvgPool2d(1) does the same on any map"),
        (nn.MaxPool2d(7), "nn.AdaptiveMaxPool2d(1) does the same on any map"),
        (nn.MaxPool2d(9, padding=1), "nn.AdaptiveMaxPool2d(1) does the same on any map"),
    ],
)
def test_a_kernel_as_large_as_the_map_is_found_and_the_adaptive_pooling_named(pool: nn.Module, instead: str) -> None:
    ((finding,), checked) = audited(Classifier(pool), (8, 7, 7))
    assert (finding.module, finding.severity, finding.suggestion) == ("pool", "warning", instead)
    assert finding.cost == 16 * 49 + 16
    assert (checked.candidates, checked.broken) == (1, 1)


def test_the_message_names_the_kernel() -> None:
    ((finding,), _) = audited(Classifier(nn.AvgPool2d((7, 5))), (8, 7, 5))
    assert finding.message.startswith("the 7x5 pooling covers the whole map at this resolution only")


def test_functions_are_exempt_as_they_may_take_the_kernel_from_the_map() -> None:
    pooled = Classifier(lambda x: F.avg_pool2d(x, x.shape[2:]))
    assert audited(pooled, (8, 7, 7)) == ((), Checked("D6", 1, 0, None))


@pytest.mark.parametrize(
    "pool",
    [
        nn.AdaptiveAvgPool2d(1),
        nn.AdaptiveMaxPool2d(1),
        lambda x: x.mean((2, 3)),
        lambda x: x.mean((2, 3), keepdim=True),
    ],
)
def test_poolings_that_fit_any_map_are_exempt(pool: Callable[[torch.Tensor], torch.Tensor]) -> None:
    assert audited(Classifier(pool), (8, 7, 7)) == ((), Checked("D6", 1, 0, None))


def test_one_and_three_spatial_dimensions() -> None:
    line = nn.Sequential(nn.Conv1d(4, 8, 1), nn.AvgPool1d(10), nn.Flatten(), nn.Linear(8, 2))
    ((finding,), _) = audited(line, (4, 10))
    assert finding.suggestion.startswith("nn.AdaptiveAvgPool1d(1)")
    body = nn.Sequential(nn.Conv3d(4, 8, 1), nn.MaxPool3d((2, 3, 4)), nn.Flatten(), nn.Linear(8, 2))
    ((finding,), _) = audited(body, (4, 2, 3, 4))
    assert finding.message.startswith("the 2x3x4 pooling")


class Gated(nn.Module):
    """A map multiplied with a gate that one pixel of it makes."""

    def __init__(self, pool: nn.Module) -> None:
        super().__init__()
        self.pool = pool
        self.gate = nn.Conv2d(8, 8, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * F.hardsigmoid(self.gate(self.pool(x)))


def test_a_gate_that_is_spread_over_the_map_needs_one_pixel() -> None:
    ((finding,), _) = audited(Gated(nn.AvgPool2d(7)), (8, 7, 7))
    assert finding.module == "pool"
    assert audited(Gated(nn.AdaptiveAvgPool2d(1)), (8, 7, 7))[0] == ()


@pytest.mark.parametrize(
    "after",
    [
        nn.Conv2d(8, 8, 3, padding=1),
        nn.Upsample(scale_factor=2),
        nn.Sequential(nn.Conv2d(8, 16, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()),
        nn.Sequential(nn.ReLU(), nn.Conv2d(8, 16, 1)),
    ],
    ids=["convolution", "upsampling", "pooled again", "a map is returned"],
)
def test_downsampling_that_comes_to_one_pixel_here_is_exempt(after: nn.Module) -> None:
    assert audited(nn.Sequential(nn.MaxPool2d(2), after), (8, 2, 2)) == ((), Checked("D6", 1, 0, None))


def test_a_pooling_that_leaves_more_than_one_pixel_is_none_to_look_at() -> None:
    assert audited(nn.Sequential(nn.AvgPool2d(7), nn.Flatten(), nn.Linear(32, 4)), (8, 14, 14))[1].candidates == 0


def test_a_map_that_is_flattened_without_a_pooling_is_left_to_the_heavy_classifier() -> None:
    assert audited(nn.Sequential(nn.Conv2d(8, 8, 1), nn.Flatten(), nn.Linear(8 * 49, 4)), (8, 7, 7))[0] == ()


def test_a_pooling_that_is_called_twice_is_one_finding() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.pool = nn.AvgPool2d(7)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.pool(x).flatten(1) + self.pool(x * 2).flatten(1)

    ((finding,), checked) = audited(Twice(), (8, 7, 7))
    assert (finding.calls, checked.candidates) == (2, 2)


@pytest.mark.parametrize(
    ("node", "found"),
    [("AveragePool", ["GlobalAveragePool does the same on any map"]), ("GlobalAveragePool", [])],
)
def test_a_pooling_of_an_onnx_file(tmp_path: Path, node: str, found: list[str]) -> None:
    onnx = pytest.importorskip("onnx")
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    sizes = {"kernel_shape": [7, 7]} if node == "AveragePool" else {}
    nodes = [helper.make_node(node, ["x"], ["pooled"], **sizes), helper.make_node("Flatten", ["pooled"], ["y"])]
    ends = [helper.make_tensor_value_info("x", kind, [1, 8, 7, 7]), helper.make_tensor_value_info("y", kind, [1, 8])]
    onnx.save(helper.make_model(helper.make_graph(nodes, "pool", ends[:1], ends[1:])), tmp_path / "pool.onnx")
    (model,) = lwprof.audit(str(tmp_path / "pool.onnx"), policy=ALONE).models
    assert [finding.suggestion for finding in model.findings] == found
