"""Our networks and those of pytorchcv that follow the same paper: the same counts, to the unit."""

from __future__ import annotations

import pytest

from lwprof import models

# Not a reference for MobileNetV2 (a classifier of its own, strides elsewhere), MobileNetV3 (other classifiers),
# ShuffleNetV2 from 1.5x, GhostNet (other gates), and ShuffleNetV1 at 0.25x (a stem of 6 channels).
# fmt: off
SAME = {
    "mbv1":                                 "mobilenet_w1",
    "mbv1:width=0.75":                      "mobilenet_w3d4",
    "mbv1:width=0.5":                       "mobilenet_wd2",
    "mbv1:width=0.25":                      "mobilenet_wd4",
    "shufflenetv1:groups=1":                "shufflenet_g1_w1",
    "shufflenetv1:groups=2":                "shufflenet_g2_w1",
    "shufflenetv1:groups=3":                "shufflenet_g3_w1",
    "shufflenetv1:groups=4":                "shufflenet_g4_w1",
    "shufflenetv1:groups=8":                "shufflenet_g8_w1",
    "shufflenetv1:width=0.75,groups=1":     "shufflenet_g1_w3d4",
    "shufflenetv1:width=0.75,groups=3":     "shufflenet_g3_w3d4",
    "shufflenetv1:width=0.5,groups=1":      "shufflenet_g1_wd2",
    "shufflenetv1:width=0.5,groups=3":      "shufflenet_g3_wd2",
    "shufflenetv2":                         "shufflenetv2b_w1",
    "shufflenetv2:unit=symmetric":          "shufflenetv2_w1",
    "squeezenet:version=1.0":               "squeezenet_v1_0",
    "squeezenet:version=1.1":               "squeezenet_v1_1",
    "squeezenet:version=1.0,bypass=simple": "squeezeresnet_v1_0",
    "squeezenet:version=1.1,bypass=simple": "squeezeresnet_v1_1",
    "xception":                             "xception",
}
# fmt: on


@pytest.mark.parametrize(("ours", "theirs"), SAME.items(), ids=SAME)
@pytest.mark.slow
def test_our_network_has_the_counts_of_theirs(counts, ours: str, theirs: str) -> None:
    size = models.resolve(ours, weights=False).inputs[0].shape[1:]
    assert counts(ours, size) == counts(f"pytorchcv:{theirs}", size)
