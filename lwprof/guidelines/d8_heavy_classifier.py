"""Heavy classifier: the layers after the last map hold most of the parameters.

## What it measures

The parameters of the linear layers, and of the 1x1 convolutions on one pixel, that run after the last map of more than
one pixel, over those of the network.

    share = parameters of the classifier / parameters

## Why it costs

The weights of a classifier are read once for one image and used once each, where those of a convolution are used again
at every pixel: they fill the file and the memory, and hardly any of the mult-adds. Network in Network (1312.4400,
section 3.2) and SqueezeNet (1602.07360, section 3.3: a last convolution for the classes, averaged, and no linear layer)
leave it out, GoogLeNet (1409.4842, section 5) pools globally before it. In MobileNetV1 (1704.04861, Table 2) it holds
24 % of the parameters.

It is information: a small network with many classes cannot help it. ShuffleNetV2 0.5x has 75 % of its parameters
there, MobileNetV3-Small 64 %.

## Example

```python
network = nn.Sequential(
    nn.Conv2d(128, 128, 1, bias=False),
    nn.BatchNorm2d(128),
    nn.ReLU(),
    nn.AdaptiveAvgPool2d(1),
    nn.Flatten(),
    nn.Linear(128, 512),
    nn.ReLU(),
    nn.Linear(512, 16),
)
input_size = (128, 7, 7)
```

## Use instead

```python
network = nn.Sequential(
    nn.Conv2d(128, 128, 1, bias=False),
    nn.BatchNorm2d(128),
    nn.ReLU(),
    nn.AdaptiveAvgPool2d(1),
    nn.Flatten(),
    nn.Linear(128, 16),
)
input_size = (128, 7, 7)
```

## Threshold

`share = 0.5`: the classifier weighs more than everything before it.

## Exemptions

Networks without a map of more than one pixel, such as a multi-layer perceptron: the rule has no classifier to tell from
the rest. Squeeze-and-excitation, whose layers on one pixel are followed by a map. Weights that an earlier layer reads
too, such as an embedding that is tied to the output.

## False alarms

Thousands of classes, or a face to recognise among many, are that many weights. Where the file's size does not matter
neither does this.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod

from lwprof.analyses.fragments import FRAGMENT_KINDS
from lwprof.graph import Operator, Value
from lwprof.guidelines.evidence import Evidence
from lwprof.guidelines.rule import Advice, Case, Rule, Step, Thresholds
from lwprof.results.audit import INFO
from lwprof.units import exact, number_of

_WEIGHTED = (FRAGMENT_KINDS | {"linear"}) - {"pooling"}


def cases(evidence: Evidence, thresholds: Thresholds) -> Iterator[Case]:
    """Look at the layers with weights after the last map."""
    total, limit = evidence.result.totals.params, thresholds["share"]
    head = _head(evidence)
    own = _own_parameters(evidence, head)
    held = sum(map(sum, own))
    if held:
        heaviest = max(zip(own, head, strict=True), key=lambda pair: sum(pair[0]))[1]
        share = held / total
        yield Case(evidence.module_of(heaviest), share, limit, share > limit, tuple(head), (held, heaviest))


def _head(evidence: Evidence) -> Sequence[Operator]:
    """Linear layers, and convolutions on one pixel, after the last operator that reads a map; none without a map."""
    head: list[Operator] = []
    for row in reversed(evidence.rows):
        operator, cost = row.operator, row.cost
        if any(_is_map(value) for value in operator.inputs):
            return head[::-1]
        if cost.kind in _WEIGHTED:
            head.append(operator)
    return ()


def _is_map(value: Value) -> bool:
    """Whether data have more than one axis besides the batch: pixels, or steps, of several features."""
    return value.source not in ("parameter", "buffer", "constant") and sum(size > 1 for size in value.shape[1:]) > 1


def _own_parameters(evidence: Evidence, head: Sequence[Operator]) -> Sequence[Sequence[int]]:
    """Elements of the parameters of every layer, without those that something before the first layer reads."""
    parameters = evidence.parameters
    mine = {value.root for layer in head for value in layer.inputs if value.root in parameters}
    for operator in evidence.graph.operators[: head[0].index] if mine else ():
        for value in operator.inputs:
            if value.root in mine:
                mine.remove(value.root)
    own = []
    for layer in head:
        roots = {value.root for value in layer.inputs} & mine
        own.append([parameters[root] for root in sorted(roots)])
        mine -= roots
    return own


def advice(evidence: Evidence, case: Case) -> Advice:
    """Say what the classifier holds, and how it becomes light."""
    held, heaviest = case.detail
    total = evidence.result.totals.params
    layers = len(case.operators)
    features = max(heaviest.inputs[0].shape[1:], default=heaviest.inputs[0].elements)
    pixels = _pixels(evidence, heaviest.inputs[0])
    if pixels > 1:
        suggestion = f"average each map before it: {features // pixels} features instead of {features}"
    elif layers > 1:
        suggestion = "a single linear layer after the pooling"
    else:
        suggestion = _narrower(features, held, total, case.threshold)
    return Advice(
        f"the classifier ({number_of(layers, 'layer')}) holds {held / total:.0%} of the parameters: "
        f"{exact(held)} of {exact(total)}",
        suggestion,
        (
            Step("its parameters", "weights and biases after the last map", held),
            Step("parameters", "all of the network", total),
            Step("share", "its parameters / parameters", held / total),
        ),
    )


def _narrower(features: int, held: int, total: int, limit: float | None) -> str:
    """How many features leave the rest of the network as it is and bring the classifier down to ``limit``."""
    allowed = (total - held) * limit / (1 - limit) if limit is not None and limit < 1 else 0
    width = int(features * allowed / held)
    width = width // 8 * 8 or width
    return f"at most {width} features instead of {features} before it" if width else "fewer features before it"


def _pixels(evidence: Evidence, features: Value) -> int:
    """How many pixels of each map were flattened into ``features``; 1 where none were."""
    made = evidence.graph.values[evidence.base.get(features.number, features.number)]
    flattened = len(made.shape) > len(features.shape) and prod(made.shape[1:]) == features.shape[-1]
    return prod(made.shape[2:]) if flattened else 1


RULE = Rule(
    code="D8",
    slug="heavy-classifier",
    severity=INFO,
    quantity="share of the parameters",
    places="classifiers",
    cases=cases,
    advice=advice,
    thresholds={"share": 0.5},
)
