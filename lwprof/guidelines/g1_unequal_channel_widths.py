"""Unequal channel widths: a 1x1 convolution that reads and writes different numbers of channels.

## What it measures

For every 1x1 convolution on a map larger than one pixel, its memory access over the least that its
mult-adds allow.

## Why it costs

A 1x1 convolution from c1 to c2 channels on an h by w map, in g groups, does B = hwc1c2/g mult-adds and
touches hw(c1 + c2) + c1c2/g elements. With B fixed, that is least where c1 = c2:

    hw(c1 + c2) + c1c2/g  >=  2 hw sqrt(c1c2) + c1c2/g

ShuffleNetV2 (1807.11164), section 2, G1 and Table 1: at the same FLOPs, 1:12 runs at 51 to 70 % of the speed
of 1:1 on a GPU, and at 70 to 83 % on ARM.

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

`ratio = 1.2`: a fifth more memory access than needed. 1:1 has 1.00 and 1:2 at most 1.06; 1:6 has up to 1.43.

## Exemptions

Maps of one pixel (squeeze-and-excite, classifiers), where weights are nearly all of it. Larger kernels and
depthwise convolutions. A bottleneck is not exempt: it is what the paper charges.

## False alarms

The last convolution before a classifier widens on purpose. On a small map the weights dominate, and the ratio
stays small however unequal the widths are.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod, sqrt

from lwprof.guidelines import convolutions
from lwprof.guidelines.evidence import Evidence
from lwprof.guidelines.rule import Advice, Case, Rule, Step, Thresholds
from lwprof.results import WARNING


def cases(evidence: Evidence, thresholds: Thresholds) -> Iterator[Case]:
    """Look at every 1x1 convolution on more than one pixel."""
    limit = thresholds["ratio"]
    for layer in convolutions.of(evidence):
        if layer.pointwise and prod(layer.map_in) > 1:
            ratio = layer.elements / lower_bound(layer)
            yield Case(evidence.module_of(layer.operator), ratio, limit, ratio > limit, (layer.operator,), layer)


def lower_bound(layer: convolutions.Convolution) -> float:
    """The least memory access with the same mult-adds: equal widths (ShuffleNetV2, equation 1, with groups)."""
    return 2 * sqrt(layer.elements_in * layer.elements_out) + layer.weights


def advice(evidence: Evidence, case: Case) -> Advice:
    """Say how unequal the widths are, and which equal ones do the same work."""
    layer: convolutions.Convolution = case.detail
    bound = lower_bound(layer)
    width = convolutions.near(sqrt(layer.channels_in * layer.channels_out), layer.groups)
    other = layer.alternative(width, width, layer.groups)
    return Advice(
        f"{layer.channels_in} to {layer.channels_out} channels: {layer.elements / bound:.2f} times the least memory "
        "access for its mult-adds",
        f"{width} to {width} channels do the same work",
        (
            Step("memory access", "hw(c1 + c2) + c1c2/g", layer.elements),
            Step("lower bound", "2hw sqrt(c1c2) + c1c2/g", bound),
            Step("ratio", "memory access / lower bound", layer.elements / bound),
        ),
        other if other.saves > 0 else None,
    )


RULE = Rule(
    code="G1",
    slug="unequal-channel-widths",
    severity=WARNING,
    quantity="memory access over its lower bound",
    places="1x1 convolutions on maps larger than one pixel",
    cases=cases,
    advice=advice,
    thresholds={"ratio": 1.2},
)
