"""ReLU after a linear bottleneck: an activation on the narrow projection that ends a block.

## What it measures

For the 1x1 convolution that ends a building block, how many channels go in for each that comes out, where an
activation reads its result: behind its batch norm, or behind the addition of the shortcut.

## Why it costs

An activation that flattens what is negative loses information, and a channel that is cut off here is missing
in every later layer. Where channels are many, others still hold what one has lost; behind a projection to few,
none does. The activation is also one more pass over the map on runtimes that do not fuse it.

MobileNetV2 (1801.04381), section 3.2 and Figure 1; section 6 and Figure 6: on ImageNet, bottlenecks
without an activation do better than those with ReLU6.

    narrowing = channels in / channels out

## Example

```python
network = nn.Sequential(
    nn.Conv2d(32, 32, 3, padding=1, groups=32, bias=False),
    nn.BatchNorm2d(32),
    nn.ReLU6(),
    nn.Conv2d(32, 16, 1, bias=False),
    nn.BatchNorm2d(16),
    nn.ReLU6(),
    nn.Conv2d(16, 16, 3, padding=1, bias=False),
)
input_size = (32, 28, 28)
```

## Use instead

```python
network = nn.Sequential(
    nn.Conv2d(32, 32, 3, padding=1, groups=32, bias=False),
    nn.BatchNorm2d(32),
    nn.ReLU6(),
    nn.Conv2d(32, 16, 1, bias=False),
    nn.BatchNorm2d(16),
    nn.Conv2d(16, 16, 3, padding=1, bias=False),
)
input_size = (32, 28, 28)
```

## Threshold

`narrowing = 1.5`: three channels to two. The projections of MobileNetV2 and MobileNetV3 narrow by 1.8 and more,
with two exceptions at 1; the pointwise convolutions of MobileNetV1, which have a ReLU, by 1 at most.

## Exemptions

- Activations that lose nothing, such as leaky ReLU, and gates (sigmoid, hard-sigmoid).
- A narrow layer inside a block, such as the squeeze layer of SqueezeNet: others of its block widen again.
- A 1x1 convolution that brings a concatenation back to the width of its parts.
- A branch that ends in a concatenation, as in GoogLeNet: what comes out of the block is wide.
- A convolution that no later layer reads: a classifier.
- The convolution of a shortcut: what the block makes is added to it.

## False alarms

A separable convolution in a decoder that halves the channels at once. An activation that is spelt out, such as
`x * sigmoid(x)`, is not seen.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import NamedTuple

from lwprof.analyses import PlacedBlock
from lwprof.analyses.fusion import NORMS
from lwprof.graph import Operator, Value
from lwprof.guidelines import convolutions
from lwprof.guidelines.evidence import Evidence
from lwprof.guidelines.rule import Advice, Case, Rule, Step, Thresholds
from lwprof.results.audit import WARNING

FLATTENING = {
    "relu": "ReLU",
    "relu6": "ReLU6",
    "hardtanh": "ReLU6",
    "hardswish": "hard-swish",
    "silu": "SiLU",
    "gelu": "GELU",
    "mish": "Mish",
}
"""Activations that map much of what is negative to about the same, and how people call them."""

_ACTIVATIONS = frozenset(f"aten::{name}{suffix}" for name in FLATTENING for suffix in ("", "_"))
_ADDITIONS = frozenset({"aten::add", "aten::add_"})
_KINDS = frozenset({"pointwise", "grouped", "linear"})


class Projection(NamedTuple):
    """The 1x1 convolution that ends a block."""

    channels_in: int
    channels_out: int
    activation: Operator | None


def cases(evidence: Evidence, thresholds: Thresholds) -> Iterator[Case]:
    """Look at every 1x1 convolution that ends a building block."""
    limit = thresholds["narrowing"]
    for block in evidence.blocks:
        for row in evidence.rows[block.start : block.stop]:
            operator, cost = row.operator, row.cost
            if cost.kind not in _KINDS or not _one_pixel(operator) or operator.index not in evidence.feeding:
                continue
            joined = evidence.maker(operator.inputs[0])
            if joined is not None and joined.name == "aten::cat":
                continue
            last, activation = _followed(evidence, operator, block.start)
            if _leaves(evidence, last, block):
                axis = 1 - len(operator.arguments["weight"].shape)  # the channels' place, in a linear layer too
                wide, narrow = operator.inputs[0].shape[axis], operator.outputs[0].shape[axis]
                seen = Projection(wide, narrow, activation)
                module = evidence.module_of(operator)
                if activation is None:
                    yield Case(module, None, limit, False, (), seen)
                else:
                    yield Case(module, wide / narrow, limit, wide > limit * narrow, (activation,), seen)


def _one_pixel(operator: Operator) -> bool:
    if operator.name in convolutions.NAMES:
        return bool(prod(operator.arguments["weight"].shape[2:]) == 1)
    return operator.name in convolutions.LINEAR and len(operator.inputs[0].shape) == 4


def _followed(evidence: Evidence, operator: Operator, start: int) -> tuple[Operator, Operator | None]:
    """Follow a convolution through batch norm, activation, addition, activation: the last of them, the activation.

    One on a shortcut, from what the block is given, ends where it is added to what the block made from ``start`` on.
    """
    on_shortcut = _index(evidence, operator.inputs[0]) < start
    last, activation = operator, None
    for names in (NORMS, _ACTIVATIONS, _ADDITIONS, _ACTIVATIONS):
        number = last.outputs[0].number
        readers = evidence.readers.get(number, ())
        if len(readers) == 1 and number not in evidence.returned and readers[0].name in names:
            made = (_index(evidence, value) for value in readers[0].inputs if value.number != number)
            if on_shortcut and names is _ADDITIONS and max(made, default=-1) >= start:
                break
            last = readers[0]
            if names is _ACTIVATIONS:
                activation = activation or last
    return last, activation


def _index(evidence: Evidence, value: Value) -> int:
    """Index of the operator that made ``value``; -1 where none did."""
    maker = evidence.maker(value)
    return maker.index if maker is not None else -1


def _leaves(evidence: Evidence, operator: Operator, block: PlacedBlock) -> bool:
    """Whether nothing in the block reads what ``operator`` made."""
    readers = evidence.readers.get(operator.outputs[0].number, ())
    return not any(block.start <= reader.index < block.stop for reader in readers)


def advice(evidence: Evidence, case: Case) -> Advice:
    """Say which activation it is, and on how few channels."""
    seen: Projection = case.detail
    steps = (Step("channels in", "c1", seen.channels_in), Step("channels out", "c2", seen.channels_out))
    if seen.activation is None or case.measured is None:
        return Advice("the projection is linear", "nothing to change", steps)
    name = FLATTENING[seen.activation.name.removeprefix("aten::").rstrip("_")]
    return Advice(
        f"{name} on the projection from {seen.channels_in} to {seen.channels_out} channels that ends its block",
        "leave the projection linear: no activation behind it",
        (*steps, Step("narrowing", "c1 / c2", case.measured)),
    )


RULE = Rule(
    code="D1",
    slug="relu-after-linear-bottleneck",
    severity=WARNING,
    quantity="channels in over channels out, with an activation",
    places="1x1 convolutions that end a block",
    cases=cases,
    advice=advice,
    thresholds={"narrowing": 1.5},
)
