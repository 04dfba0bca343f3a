"""Off-multiple channels: a width that the hardware's vectors do not divide.

## What it measures

For every number of channels that convolutions and linear layers make, the next multiple of what the hardware works
on at once, over that number: the share of its lanes that is paid for.

## Why it costs

Vector units, matrix units and the kernels written for them take channels in groups of 4, 8, 16 or more. The last
group of an odd width is padded or goes through slower code, so that 60 channels take the time of 64; the memory of
60 is then no longer aligned, either.

NVIDIA, "Convolutional Layers User's Guide", quick-start checklist and "Channels In And Out": input and output
channels divisible by 8 at half precision. Qualcomm, "HTP guidelines", "Number of channels": multiples of 32. Texas
Instruments, "NPU Guidelines", layer constraints: multiples of 4, other layers do not run on the unit at all.
TensorFlow's MobileNets round every width to a multiple of 8 (`make_divisible`).

    padded = multiple * ceil(channels / multiple)
    ratio = padded / channels

## Example

```python
network = nn.Sequential(
    nn.Conv2d(64, 60, 3, padding=1, bias=False),
    nn.BatchNorm2d(60),
    nn.ReLU(),
    nn.Conv2d(60, 64, 3, padding=1, bias=False),
)
input_size = (64, 28, 28)
```

## Use instead

```python
network = nn.Sequential(
    nn.Conv2d(64, 64, 3, padding=1, bias=False),
    nn.BatchNorm2d(64),
    nn.ReLU(),
    nn.Conv2d(64, 64, 3, padding=1, bias=False),
)
input_size = (64, 28, 28)
```

## Threshold

`multiple = 8`: the vectors of the common CPUs and the matrix units of GPUs at half precision. Set it to what the
device wants. It is information, no failure: ShuffleNetV2 has stages of 58 and 116 channels. The wider layer does more
work, so measure it (`--measure`) before changing anything.

## Exemptions

- The channels of the network's input, and those that no later layer reads: the number of classes is what it is.
- A depthwise convolution that passes on the width that it gets.
- A single channel: a mask.

A width is reported once, at the first layer that makes it; its price is that of all layers that do.

## False alarms

Widths on a map of one pixel, as in squeeze-and-excite, cost next to nothing. Runtimes that store channels last do
not pad the last group of every layer.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import lcm
from typing import NamedTuple

from lwprof.graph import Operator
from lwprof.guidelines import convolutions
from lwprof.guidelines.evidence import Evidence
from lwprof.guidelines.rule import Advice, Case, Rule, Step, Thresholds
from lwprof.results.audit import INFO, Alternative, Form
from lwprof.units import number_of

_NAMES = convolutions.NAMES | convolutions.LINEAR | {f"aten::conv_transpose{rank}d" for rank in (1, 2, 3)}


class Width(NamedTuple):
    """A number of channels, and who makes it."""

    channels: int
    multiple: int
    makers: tuple[Operator, ...]

    @property
    def padded(self) -> int:
        """The next multiple."""
        return padded(self.channels, self.multiple)


def padded(channels: int, multiple: int) -> int:
    """The next multiple up.

    >>> padded(60, 8), padded(64, 8)
    (64, 64)
    """
    return -(-channels // multiple) * multiple


def cases(evidence: Evidence, thresholds: Thresholds) -> Iterator[Case]:
    """Look at every width that a layer makes for a later one."""
    multiple = max(round(thresholds["multiple"]), 1)
    widths: dict[int, list[Operator]] = {}
    for row in evidence.rows:
        operator, cost = row.operator, row.cost
        if operator.name in _NAMES and operator.index in evidence.feeding:
            channels = channels_of(operator)[1]
            if channels > 1 and not (cost.kind == "depthwise" and channels_of(operator)[0] == channels):
                widths.setdefault(channels, []).append(operator)
    for channels, makers in widths.items():
        width = Width(channels, multiple, tuple(makers))
        ratio = width.padded / channels
        yield Case(evidence.module_of(makers[0]), ratio, 1.0, ratio > 1, width.makers, width)


def channels_of(operator: Operator) -> tuple[int, int]:
    """Channels in and out of a convolution, features of a linear layer."""
    axis = 1 - len(operator.arguments["weight"].shape)  # 4 dimensions for maps of 2, 2 for features
    return operator.inputs[0].shape[axis], operator.outputs[0].shape[axis]


def advice(evidence: Evidence, case: Case) -> Advice:
    """Say how far off the width is, and what the next multiple costs."""
    width: Width = case.detail
    layers = number_of(len(width.makers), "layer")
    suggestion = f"{width.padded} channels, or {width.channels // width.multiple * width.multiple}"
    if width.channels < width.multiple:
        suggestion = f"{width.padded} channels"
    other = _alternative(evidence, width)
    if other is not None:
        more = other.mult_adds / max(other.instead_of, 1)
        suggestion += f"; the wider layer has {more:.2f} times the mult-adds, not the same"
    return Advice(
        f"{width.channels} channels, made by {layers}: no multiple of {width.multiple}",
        suggestion,
        (
            Step("channels", "c", width.channels),
            Step("padded", f"{width.multiple} * ceil(c / {width.multiple})", width.padded),
            Step("ratio", "padded / c", width.padded / width.channels),
        ),
        other,
    )


def _alternative(evidence: Evidence, width: Width) -> Alternative | None:
    """The first layer with its widths rounded up, but for the network's input; ``None`` for those with a multiplier."""
    operator = width.makers[0]
    if operator.name in convolutions.LINEAR:
        return _wider_linear(evidence, width)
    layer = next((layer for layer in convolutions.of(evidence) if layer.operator is operator), None)
    if layer is None or layer.depthwise:
        return None
    step = lcm(width.multiple, layer.groups)
    before = layer.channels_in
    channels_in = before if evidence.maker(operator.inputs[0]) is None else padded(before, step)
    return layer.alternative(channels_in, padded(width.channels, step), layer.groups)


def _wider_linear(evidence: Evidence, width: Width) -> Alternative:
    operator = width.makers[0]
    features, made = channels_of(operator)
    read = features if evidence.maker(operator.inputs[0]) is None else padded(features, width.multiple)
    rows = operator.outputs[0].elements // made
    bias = {} if operator.arguments.get("bias") is not None else {"bias": 0}
    shape = operator.inputs[0].shape[:-1]

    def form(inside: int, outside: int) -> Form:
        return Form("Linear", {"in_features": inside, "out_features": outside, **bias}, (*shape, inside))

    def elements(inside: int, outside: int) -> int:
        return rows * (inside + outside) + inside * outside

    return Alternative(
        text=convolutions.python(form(read, width.padded)),
        mult_adds=rows * read * width.padded,
        instead_of=rows * features * made,
        saves=elements(features, made) - elements(read, width.padded),
        before=form(features, made),
        after=form(read, width.padded),
    )


RULE = Rule(
    code="D3",
    slug="off-multiple-channels",
    severity=INFO,
    quantity="channels rounded up to the multiple over channels",
    places="widths that convolutions and linear layers make",
    cases=cases,
    advice=advice,
    thresholds={"multiple": 8},
)
