"""Unequal channel widths: a 1x1 convolution that reads and writes different numbers of channels.

## What it measures

For every 1x1 convolution whose output is larger than one pixel, the memory access over the least that its
mult-adds allow.

## Why it costs

A 1x1 convolution from c1 to c2 channels on a map of h by w pixels, in g groups, does B = hwc1c2/g mult-adds and
touches hw(c1 + c2) + c1c2/g elements. With B fixed that is least where c1 = c2 (ShuffleNetV2, arXiv 1807.11164,
section 2, G1 and equation 1; groups only change the weights, which stand on both sides):

    hw(c1 + c2) + c1c2/g  >=  2hw sqrt(c1c2) + c1c2/g

Measured there at the same mult-adds (Table 1): 1:12 runs at 51 to 70 % of the speed of 1:1 on a GPU, and at 70 to
83 % on ARM.

A layer from 64 to 256 channels on 56 by 56 pixels: 3136 * 320 + 16384 = 1,019,904 elements, over
2 * 3136 * 128 + 16384 = 819,200, is 1.245. From 128 to 128 channels it does the same work in 819,200 elements.

## Example

```python
network = nn.Sequential(
    nn.Conv2d(32, 256, 1, bias=False),
    nn.BatchNorm2d(256),
    nn.ReLU(),
)
input_size = (32, 56, 56)
```

## Use instead

```python
network = nn.Sequential(
    nn.Conv2d(88, 96, 1, bias=False),
    nn.BatchNorm2d(96),
    nn.ReLU(),
)
input_size = (88, 56, 56)
```

## Threshold

`ratio = 1.2`: a fifth more memory access than needed. On a large map 1:2 has 1.06, 1:3 has 1.15, 1:4 has 1.25 and
1:6 has 1.43; in Table 1, 1:2 still runs at 81 to 96 % of the speed of 1:1, and 1:6 at 59 to 91 %.

MobileNetV1, ShuffleNetV2 (at width 1) and Xception have no layer beyond it; in MobileNetV2 it is 23 of 34, in
ShuffleNetV1 (with 3 groups) 21 of 32. The paper charges both with unequal widths.

## Exemptions

- An output of one pixel (squeeze-and-excite, classifiers): weights are nearly all of its memory access.
- Larger kernels: their mult-adds a pixel are many times their traffic.
- Depthwise convolutions: their widths are equal by nature.

Of a layer with a stride only the pixels that it uses are counted. A bottleneck is not exempt: it is what the paper
charges.

## False alarms

The last convolution before a classifier widens on purpose, and so may the first behind a narrow stem: ShuffleNetV2 at
width 1.5 and 2 has one layer beyond the limit, from the 24 channels of its stem to 88 and 122. One that reads an image,
or makes the classes of every pixel, has that width given: ignore it by its path. Where the map is small the weights
dominate, and the ratio stays small however unequal the widths are; the pixels of a batch count together. A linear
layer on a 4-D tensor is taken for the 1x1 convolution that it is on maps; in an attention it may be none. Transposed
convolutions are not looked at.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import sqrt

from lwprof.guidelines import convolutions
from lwprof.guidelines.convolutions import Convolution
from lwprof.guidelines.evidence import Evidence
from lwprof.guidelines.rule import Advice, Case, Rule, Step, Thresholds
from lwprof.results.audit import WARNING


def cases(evidence: Evidence, thresholds: Thresholds) -> Iterator[Case]:
    """Look at every 1x1 convolution that makes more than one pixel."""
    limit = thresholds["ratio"]
    for layer in convolutions.of(evidence):
        if layer.pointwise and layer.pixels > layer.batch:
            ratio = memory_access(layer) / lower_bound(layer)
            yield Case(evidence.module_of(layer.operator), ratio, limit, ratio > limit, (layer.operator,), layer)


def memory_access(layer: Convolution) -> int:
    """Elements read and written; of what a stride skips, nothing."""
    return layer.pixels * (layer.channels_in + layer.channels_out) + layer.weights


def lower_bound(layer: Convolution) -> float:
    """The least memory access with the same mult-adds: equal widths (ShuffleNetV2, equation 1, with groups)."""
    return 2 * layer.pixels * sqrt(layer.channels_in * layer.channels_out) + layer.weights


def advice(evidence: Evidence, case: Case) -> Advice:
    """Say how unequal the widths are, and which equal ones do the same work."""
    layer: Convolution = case.detail
    touched, bound = memory_access(layer), lower_bound(layer)
    width = convolutions.near(sqrt(layer.channels_in * layer.channels_out), layer.groups)
    other = layer.alternative(width, width, layer.groups)
    strided = layer.elements_in > layer.pixels * layer.channels_in
    return Advice(
        f"{layer.channels_in} to {layer.channels_out} channels: {touched / bound:.2f} times the least memory access "
        "for its mult-adds",
        f"{width} to {width} channels do {'' if other.mult_adds == other.instead_of else 'about '}the same work"
        f"{', but read more of what the stride skips' if strided and other.saves <= 0 else ''}",
        (
            Step("pixels of the output", "hw", layer.pixels),
            Step("channels in", "c1", layer.channels_in),
            Step("channels out", "c2", layer.channels_out),
            Step("groups", "g", layer.groups),
            Step("mult-adds", "hw * c1 * c2 / g", layer.mult_adds),
            Step("memory access", "hw * (c1 + c2) + c1 * c2 / g", touched),
            Step("lower bound", "2 * hw * sqrt(c1 * c2) + c1 * c2 / g", bound),
            Step("ratio", "memory access / lower bound", touched / bound),
        ),
        other if other.saves > 0 else None,
    )


RULE = Rule(
    code="G1",
    slug="unequal-channel-widths",
    severity=WARNING,
    quantity="memory access over its lower bound",
    places="1x1 convolutions that make more than one pixel",
    cases=cases,
    advice=advice,
    thresholds={"ratio": 1.2},
)
