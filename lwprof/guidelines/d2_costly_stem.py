"""Costly stem: dense convolutions at the full image that take more mult-adds than the block after them.

## What it measures

The mult-adds of all dense convolutions before the first building block, over those of that block.

## Why it costs

A first convolution has few channels to read, but it runs on the largest map, and it cannot be made depthwise:
with three channels there is nothing to separate. So its filters are paid in full, although many of them turn out
to be mirror images of each other.

MobileNetV3 (1905.02244), section 5.1: 16 filters in place of 32, with hard-swish, are as accurate and save 2 ms and
10 million mult-adds.

    ratio = mult-adds of the stem / mult-adds of the first block

A filter costs h w k k c1 / s s mult-adds on an h by w image, with a kernel of k and a stride of s: half the
filters, or a kernel of 3 in place of 7, cost that much less.

## Example

```python
network = nn.Sequential(
    nn.Conv2d(3, 32, 3, stride=2, padding=1, bias=False),
    nn.BatchNorm2d(32),
    nn.ReLU(),
    nn.Conv2d(32, 32, 3, padding=1, groups=32, bias=False),
    nn.BatchNorm2d(32),
    nn.ReLU(),
    nn.Conv2d(32, 16, 1, bias=False),
    nn.BatchNorm2d(16),
)
input_size = (3, 224, 224)
```

## Use instead

```python
network = nn.Sequential(
    nn.Conv2d(3, 16, 3, stride=2, padding=1, bias=False),
    nn.BatchNorm2d(16),
    nn.Hardswish(),
    nn.Conv2d(16, 16, 3, padding=1, groups=16, bias=False),
    nn.BatchNorm2d(16),
    nn.Hardswish(),
    nn.Conv2d(16, 24, 1, bias=False),
    nn.BatchNorm2d(24),
)
input_size = (3, 224, 224)
```

## Threshold

`ratio = 1`: as much as the block. It is information, no failure: good networks are beyond it, MobileNetV2 and
MobileNetV3 among them.

## Exemptions

- Networks without building blocks, and those whose first block is their stem.
- Depthwise and 1x1 convolutions before the first block.
- Blocks without mult-adds on more than one pixel, such as a squeeze-and-excite. An adder layer counts as the
  convolution in its place.

## False alarms

A network that is a plain chain for long before its first block. A first block that is cheap because it is narrow:
there the stem is not the costly part.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

from lwprof.analyses import PlacedBlock
from lwprof.guidelines import convolutions
from lwprof.guidelines.evidence import Evidence
from lwprof.guidelines.rule import Advice, Case, Rule, Step, Thresholds
from lwprof.results.audit import INFO
from lwprof.units import exact

_WORTH_HALVING = 32  # filters: MobileNetV3 has shown that 16 are enough


def cases(evidence: Evidence, thresholds: Thresholds) -> Iterator[Case]:
    """Look at what stands before the first building block."""
    first = next((block for block in evidence.blocks if _works_on_maps(evidence, block)), None)
    if first is None:
        return
    limit = thresholds["ratio"]
    stem = [
        row
        for row in evidence.rows[: first.start]
        if row.cost.kind == "dense conv" and row.operator.name in convolutions.NAMES
    ]
    block = sum(row.cost.mult_adds + row.cost.additions // 2 for row in evidence.rows[first.start : first.stop])
    if stem:
        work = sum(row.cost.mult_adds for row in stem)
        costliest = max(stem, key=lambda row: row.cost.mult_adds)
        yield Case(
            evidence.module_of(costliest.operator),
            work / block,
            limit,
            work > limit * block,
            tuple(row.operator for row in stem),
            (costliest.operator, work, block, first.block.name),
        )


def _works_on_maps(evidence: Evidence, block: PlacedBlock) -> bool:
    return any(
        (row.cost.mult_adds or row.cost.additions) and prod(row.operator.outputs[0].shape[2:]) > 1
        for row in evidence.rows[block.start : block.stop]
    )


def advice(evidence: Evidence, case: Case) -> Advice:
    """Compare the stem with the block, and offer half the filters."""
    costliest, work, block, name = case.detail
    layer = next(layer for layer in convolutions.of(evidence) if layer.operator is costliest)
    halved = None
    suggestion = "its filters are few already: a smaller kernel, a larger stride, or leave it"
    if layer.channels_out >= _WORTH_HALVING:
        halved = layer.alternative(layer.channels_in, convolutions.near(layer.channels_out / 2, 1), 1)
        suggestion = (
            f"fewer filters, a smaller kernel or a larger stride: with {halved.after.settings['out_channels']} filters "
            f"it has {exact(halved.mult_adds)} mult-adds"
        )
    stem = "the stem" if len(case.operators) == 1 else f"the stem's {len(case.operators)} dense convolutions"
    return Advice(
        f"{exact(work)} mult-adds in {stem}, {exact(block)} in the block after it ({name})",
        suggestion,
        (
            Step("stem", "mult-adds of dense convolutions before the first block", work),
            Step("first block", "mult-adds", block),
            Step("ratio", "stem / first block", work / block),
        ),
        halved,
    )


RULE = Rule(
    code="D2",
    slug="costly-stem",
    severity=INFO,
    quantity="mult-adds of the stem over those of the first block",
    places="stems before a first block",
    cases=cases,
    advice=advice,
    thresholds={"ratio": 1.0},
)
