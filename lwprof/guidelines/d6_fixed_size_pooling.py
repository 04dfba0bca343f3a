"""Fixed-size pooling: a pooling whose kernel is the whole map, so that the network takes one resolution.

## What it measures

Every pooling that leaves one pixel of each map. It breaks the guideline where it is a layer with a kernel of its own,
which covers the map at this resolution, and where what follows needs the one pixel: a classifier on the flattened
features, a flattened output, or a product with a larger map.

## Why it costs

Resolution is the cheapest way to fit a network to a device: mult-adds and activations fall with its square and the
weights stay as they are (MobileNetV1, 1704.04861, section 3.4). Convolutions take any size; what ties a network to one
is how the last map becomes a vector of fixed length (SPP-net, 1406.4729, section 2.1). A global average takes every
map to one number for each channel, whatever its size (Network in Network, 1312.4400, section 3.2).

A pooling with a kernel of 7x7 does that for a 7x7 map only. A smaller map is an error. A larger one is worse: 8x8 still
gives one pixel, and its last row and column are left out without a word. `AdaptiveAvgPool2d` is specified for any
input size (PyTorch documentation, `torch.nn.AdaptiveAvgPool2d`), and is the same arithmetic where both fit.

## Example

```python
network = nn.Sequential(
    nn.Conv2d(64, 64, 1, bias=False),
    nn.BatchNorm2d(64),
    nn.ReLU(),
    nn.AvgPool2d(7),
    nn.Flatten(),
    nn.Linear(64, 16),
)
input_size = (64, 7, 7)
```

## Use instead

```python
network = nn.Sequential(
    nn.Conv2d(64, 64, 1, bias=False),
    nn.BatchNorm2d(64),
    nn.ReLU(),
    nn.AdaptiveAvgPool2d(1),
    nn.Flatten(),
    nn.Linear(64, 16),
)
input_size = (64, 7, 7)
```

## Threshold

None: a kernel covers the map, or it does not.

## Exemptions

Adaptive and global poolings and means over the spatial dimensions. Functions, such as `F.avg_pool2d(x, x.shape[2:])`,
which may take their kernel from the map. Poolings that only come to one pixel at this resolution: where convolutions,
poolings or an upsampling follow, or where the map itself is returned, a larger map is welcome. A map that is flattened
into a linear layer without a pooling: one run cannot tell whether the network pools other sizes to fit before, as
the EffNet of the catalogue does, and what such a layer weighs is for the rule on heavy classifiers.

## False alarms

A network whose input has one size for good, such as digits of 28x28. A forward that makes maps of any size fit before
it calls the layer.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

from lwprof.graph import Operator, Value
from lwprof.guidelines.evidence import Evidence
from lwprof.guidelines.rule import Advice, Case, Rule, Thresholds
from lwprof.results.audit import WARNING

_FITTING = {
    **{f"{kind}Pool{rank}d": f"nn.Adaptive{kind}Pool{rank}d(1)" for kind in ("Avg", "Max") for rank in (1, 2, 3)},
    **{f"{kind}Pool": f"Global{kind}Pool" for kind in ("Average", "Max")},  # operators of ONNX
}
"""For layers with a kernel of their own: what does the same on any map."""

_SAME_MAP = frozenset({"activation", "arithmetic", "normalization", "copy", "pointwise", "depthwise", "grouped"})
"""Kinds of operators that leave a map its size, convolutions with a kernel of one pixel among them."""


def cases(evidence: Evidence, thresholds: Thresholds) -> Iterator[Case]:
    """Look at every pooling that leaves one pixel of a map."""
    for row in evidence.rows:
        operator, cost = row.operator, row.cost
        if cost.kind == "pooling":
            data, made = operator.inputs[0], operator.outputs[0]
            pixels = prod(_map(operator, data))
            if pixels > 1 and prod(made.shape) * pixels == prod(data.shape):
                module = evidence.module_of(operator)
                kernel = _kernel(operator) if evidence.types.get(module) in _FITTING else ()
                fixed = bool(kernel) and _needs_one_pixel(evidence, made)
                yield Case(module, None, None, fixed, (operator,), kernel)


def _map(operator: Operator, value: Value) -> tuple[int, ...]:
    """The spatial dimensions that a pooling works on."""
    rank = next((int(letter) for letter in operator.name if letter.isdigit()), len(value.shape) - 2)
    return value.shape[len(value.shape) - rank :]


def _kernel(operator: Operator) -> tuple[int, ...]:
    """The kernel of a pooling that has one as large as its map; empty for those that fit any map."""
    given = operator.arguments.get("kernel_size")
    sizes = _map(operator, operator.inputs[0])
    if given is None or len(sizes) == 0:
        return ()
    kernel = tuple(given) if isinstance(given, (tuple, list)) else (given,)
    if len(kernel) == 1:
        kernel *= len(sizes)
    return kernel if all(side >= size for side, size in zip(kernel, sizes, strict=True)) else ()


def _needs_one_pixel(evidence: Evidence, pooled: Value) -> bool:
    """Whether another map size after the pooling would be an error, or another shape of the output."""
    waiting, seen = [pooled], set()
    rank = len(pooled.shape)
    while waiting:
        value = waiting.pop()
        number = evidence.base.get(value.number, value.number)
        if number in seen:
            continue
        seen.add(number)
        for output in evidence.graph.outputs:
            if evidence.base.get(output.number, output.number) == number and len(output.shape) < rank:
                return True
        for reader in evidence.readers.get(number, ()):
            kind = evidence.rows[reader.index].cost.kind
            read = next(one for one in reader.inputs if evidence.base.get(one.number, one.number) == number)
            if len(read.shape) < rank:
                return True  # flattened
            if kind in _SAME_MAP and all(size == 1 for size in _kernel_of_weight(reader)):
                if any(prod(made.shape[2:]) > 1 for made in reader.outputs):
                    return True  # spread over a larger map
                waiting.extend(reader.outputs)
    return False


def _kernel_of_weight(operator: Operator) -> tuple[int, ...]:
    weight = operator.arguments.get("weight")
    return weight.shape[2:] if isinstance(weight, Value) else ()


def advice(evidence: Evidence, case: Case) -> Advice:
    """Name the kernel and the layer that does the same on any map."""
    kernel = "x".join(map(str, case.detail))
    return Advice(
        f"the {kernel} pooling covers the whole map at this resolution only: a smaller map is an error, and of a "
        "larger one the rest is left out",
        f"{_FITTING[evidence.types[case.module]]} does the same on any map",
    )


RULE = Rule(
    code="D6",
    slug="fixed-size-pooling",
    severity=WARNING,
    quantity="",
    places="poolings that leave one pixel",
    cases=cases,
    advice=advice,
    thresholds={},
)
