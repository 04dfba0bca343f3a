"""Element-wise traffic: operators that touch much and compute little, on maps that are thicker than the block's ends.

## What it measures

For every building block, the elements that its activations, additions, multiplications, copies and depthwise
convolutions read and write, weights left out, over the elements of the block's input and output.

## Why it costs

Such an operator does next to no arithmetic for every element that it touches, so its time is that of the memory
(ShuffleNetV2, arXiv 1807.11164, section 2, G4, which counts depthwise convolutions among them). Measured there on a
bottleneck of ResNet (Table 4): without ReLU and shortcut it runs 15 to 24 % faster on a GPU, and 8 to 20 % on ARM.

A block of MobileNetV2 has c channels at its ends and 6c inside. Its two activations read and write 6c each (24c), so
does its depthwise convolution (12c), and its addition reads c twice and writes c (3c): 39c over 2c is 19.5.

## Example

```python
class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.expand = nn.Conv2d(64, 144, 1)
        self.depthwise = nn.Conv2d(144, 144, 3, padding=1, groups=144)
        self.project = nn.Conv2d(144, 64, 1)

    def forward(self, x):
        return x + self.project(F.relu(self.depthwise(F.relu(self.expand(x)))))

network = nn.Sequential(Block(), Block())
input_size = (64, 28, 28)
```

## Use instead

```python
class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.expand = nn.Conv2d(64, 136, 1)
        self.depthwise = nn.Conv2d(136, 136, 3, padding=1, groups=136)
        self.project = nn.Conv2d(136, 64, 1)

    def forward(self, x):
        return x + self.project(F.relu(self.depthwise(F.relu(self.expand(x)))))

network = nn.Sequential(Block(), Block())
input_size = (64, 28, 28)
```

## Threshold

`ratio = 8`, and `downsampling_ratio = 12` for a block whose output has fewer pixels than its input: at the same width
it has 5/8 of the elements at its ends, for the same work inside. Both were chosen so that they tell apart what the
paper tells apart; it names no number itself. The median of the blocks of MobileNetV2 is 19.5, of Xception 7.5, of
ShuffleNetV2 3.5, of ShuffleNetV1 3.3, of MobileNetV1 3.0 and of ResNet-50 3.0; where they halve the map
ShuffleNetV2's blocks have up to 7.4 and Xception's up to 10.1.

An inverted residual with ReLU stays below 8 up to an expansion of 2.1.

A share of the whole network's traffic cannot tell them apart: it is the same for MobileNetV1 and MobileNetV2.

## Exemptions

- Batch norm: a runtime folds it into the convolution before it.
- Views: they touch nothing. A channel shuffle or a concatenation that copies is counted.
- What a network does outside its building blocks, such as a stem's activation.

## False alarms

A runtime that computes activations while it writes what a convolution made takes most of theirs away; then
depthwise convolutions, additions and copies remain. Where blocks are guessed wrong, a whole stage may be taken for
one, with the traffic of all of its blocks between two ends; `--block` names the right class.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from math import prod
from typing import NamedTuple

from lwprof.analyses import Costed
from lwprof.graph import Value
from lwprof.guidelines.evidence import Evidence
from lwprof.guidelines.rule import Advice, Case, Rule, Step, Thresholds
from lwprof.results.audit import WARNING

KINDS = {
    "activation": "activations",
    "arithmetic": "additions and multiplications",
    "copy": "copies",
    "depthwise": "depthwise convolutions",
}


class Detail(NamedTuple):
    """What the advice wants to know of a case."""

    thin: Sequence[tuple[Costed, int]]
    """The operators that touch much and compute little, each with what it touches."""
    inputs: Sequence[Value]
    """What the block is given."""
    outputs: Sequence[Value]
    """What it makes for others."""
    rows: Sequence[Costed]
    """All of its operators."""


def cases(evidence: Evidence, thresholds: Thresholds) -> Iterator[Case]:
    """Look at every building block."""
    last = evidence.last_readers if evidence.blocks else {}
    for block, start, stop in evidence.blocks:
        inputs: dict[int, Value] = {}
        made: dict[int, Value] = {}
        thin = []
        touched = 0
        rows = evidence.rows[start:stop]
        for row in rows:
            operator = row.operator
            for value in operator.inputs:
                if value.producer < start and value.number in last:
                    inputs[value.number] = value
            for value in operator.outputs:
                if last.get(value.number, -1) >= stop:
                    made[value.root] = value
            if row.cost.kind in KINDS:
                traffic = row.elements
                for value in (*operator.inputs, *operator.outputs):
                    if value.number not in last:  # weights, and what is made of them alone
                        traffic -= value.elements
                thin.append((row, traffic))
                touched += traffic
        outputs = list(made.values())
        ends = sum(value.elements for value in inputs.values()) + sum(value.elements for value in outputs)
        if ends:
            ratio = touched / ends
            shrinks = _pixels(outputs) < _pixels(inputs.values())
            limit = thresholds["downsampling_ratio" if shrinks else "ratio"]
            operators = tuple(row.operator for row, _ in thin)
            detail = Detail(thin, list(inputs.values()), outputs, rows)
            yield Case(block.name, ratio, limit, ratio > limit, operators, detail)


def advice(evidence: Evidence, case: Case) -> Advice:
    """Say which operators it is, and how wide the block may be inside."""
    detail: Detail = case.detail
    kinds = dict.fromkeys(KINDS, 0)
    for row, traffic in detail.thin:
        kinds[row.cost.kind] += traffic
    total = sum(kinds.values())
    given = sum(value.elements for value in detail.inputs)
    returned = sum(value.elements for value in detail.outputs)
    shares = [f"{KINDS[kind]} {100 * part / total:.0f} %" for kind, part in sorted(kinds.items(), key=_largest) if part]
    return Advice(
        f"element-wise traffic of {total / (given + returned):.1f} times the block's input and output "
        f"({', '.join(shares)})",
        _suggestion(case, given + returned),
        (
            *(Step(KINDS[kind], "elements, without weights", part) for kind, part in kinds.items() if part),
            Step("input", "elements", given),
            Step("output", "elements", returned),
            Step("ratio", "their sum / (input + output)", total / (given + returned)),
        ),
    )


def _suggestion(case: Case, ends: int) -> str:
    """The width inside that stays within the limit: what is wider than the block's ends shrinks with it."""
    detail: Detail = case.detail
    assert case.threshold is not None
    end = max(map(_channels, (*detail.inputs, *detail.outputs)))
    widths = [(_channels(row.operator.outputs[0]), traffic) for row, traffic in detail.thin]
    inside = max((width for width, _ in widths), default=0)
    if inside > end and not any(map(_reads_tokens, detail.rows)):
        shrinking = sum(traffic for width, traffic in widths if width > end)
        left = case.threshold * ends - sum(traffic for width, traffic in widths if width <= end)
        width = int(inside * left / shrinking)
        width -= width % 8
        narrow = _channels(detail.inputs[0])
        if narrow <= width < inside:
            return (
                f"at most {width} channels inside, {width / narrow:.1f} times the block's {narrow} and not "
                f"{inside / narrow:.1f}; or fewer of these operators"
            )
    return "fewer of these operators, or on fewer channels or pixels"


def _reads_tokens(row: Costed) -> bool:
    """Whether it is a product over the last dimension of its data: there, channels do not come second."""
    return row.cost.kind in ("linear", "matmul", "attention", "recurrent") and len(row.operator.inputs[0].shape) > 2


def _pixels(values: Iterable[Value]) -> int:
    """Places of the largest map among ``values``."""
    return max((prod(value.shape[2:]) for value in values), default=0)


def _channels(value: Value) -> int:
    return value.shape[1] if len(value.shape) > 1 else 1


def _largest(item: tuple[str, int]) -> int:
    return -item[1]


RULE = Rule(
    code="G4",
    slug="elementwise-traffic",
    severity=WARNING,
    quantity="elements touched over those of input and output",
    places="building blocks",
    cases=cases,
    advice=advice,
    thresholds={"ratio": 8.0, "downsampling_ratio": 12.0},
)
