"""Costly group convolution: groups buy more channels with memory access.

## What it measures

For every group convolution, its memory access over that of the layer without groups that reads the same c1 channels
and does the same mult-adds.

## Why it costs

In g groups a 1x1 convolution from c1 to c2 channels on hw pixels does B = hwc1c2/g mult-adds: for the same B it can
have g times the output channels. All of them are written, and the next layer reads them (ShuffleNetV2, arXiv
1807.11164, section 2, G2 and equation 2):

    hw(c1 + c2) + c1c2/g  =  hw * c1 + B * g/c1 + B/hw

With c1 and B fixed it grows with g, by the B/c1 = hw * c2/g elements that the layer without groups writes. With a
kernel of k by k pixels the weights are k * k times as many in both layers, and the rest is the same.

Measured there at the same mult-adds (Table 2): g = 8 runs at 26 to 53 % of the speed of g = 1 on a GPU, and at 70 to
78 % on ARM.

## Example

```python
network = nn.Sequential(
    nn.Conv2d(256, 256, 1, groups=4, bias=False),
    nn.BatchNorm2d(256),
    nn.ReLU(),
)
input_size = (256, 56, 56)
```

## Use instead

```python
network = nn.Sequential(
    nn.Conv2d(128, 128, 1, bias=False),
    nn.BatchNorm2d(128),
    nn.ReLU(),
)
input_size = (128, 56, 56)
```

## Threshold

`ratio = 1.2`: a fifth more memory access than without groups. The mildest setting of Table 2, g = 2 with 180 channels
on 56 by 56 pixels, has 1.33, and runs at 70 % of the speed of g = 1 with 128 channels on the GPU, and with 90 channels
at 87.5 % on ARM; g = 4 has 1.59 and g = 8 has 1.77.

What stays below is small maps, whose weights dominate, and layers that narrow: in ShuffleNetV1 with 3 groups the first
convolution of a unit, from 240 to 60 channels, has 1.15.

## Exemptions

Depthwise convolutions: every channel in a group of its own is what light networks are built of, and no layer without
groups does that work. Networks with many of them on thick maps break G4. Transposed convolutions are not looked at.

## False alarms

Groups that a split network needs anyway, as where it runs on several devices. Wide 3x3 layers with few groups (ResNeXt)
are bound by their mult-adds rather than by memory on many devices: measure them.
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
    """Look at every group convolution."""
    limit = thresholds["ratio"]
    for layer in convolutions.of(evidence):
        if layer.grouped:
            ratio = layer.elements / without_groups(layer)
            yield Case(evidence.module_of(layer.operator), ratio, limit, ratio > limit, (layer.operator,), layer)


def without_groups(layer: Convolution) -> int:
    """Memory access of the layer with one group, the same input and mult-adds (ShuffleNetV2, equation 2)."""
    return layer.elements_in + layer.elements_out // layer.groups + layer.weights


def advice(evidence: Evidence, case: Case) -> Advice:
    """Name the layer without groups that does the same mult-adds."""
    layer: Convolution = case.detail
    groups, alone = layer.groups, without_groups(layer)
    fewer = layer.channels_out // groups
    both = (convolutions.near(width / sqrt(groups), 1) for width in (layer.channels_in, layer.channels_out))
    return Advice(
        f"{groups} groups: {layer.elements / alone:.2f} times the memory access of {layer.channels_in} to {fewer} "
        "channels without groups, which does the same mult-adds",
        f"no groups, and {layer.channels_in} to {fewer} channels; or {' to '.join(map(str, both))} where the layers "
        "around it narrow too",
        (
            Step("pixels of the input", "hw_in", layer.elements_in // layer.channels_in),
            Step("pixels of the output", "hw", layer.pixels),
            Step("channels in", "c1", layer.channels_in),
            Step("channels out", "c2", layer.channels_out),
            Step("groups", "g", groups),
            Step("weights", "k * k * c1 * c2 / g", layer.weights),
            Step("memory access", "hw_in * c1 + hw * c2 + weights", layer.elements),
            Step("the same without groups", "hw_in * c1 + hw * c2 / g + weights", alone),
            Step("ratio", "memory access / the same without groups", layer.elements / alone),
        ),
        layer.alternative(layer.channels_in, fewer, 1),
    )


RULE = Rule(
    code="G2",
    slug="costly-group-convolution",
    severity=WARNING,
    quantity="memory access over that without groups",
    places="group convolutions",
    cases=cases,
    advice=advice,
    thresholds={"ratio": 1.2},
)
