"""Fragmented block: many small operators where a few large ones would do.

## What it measures

For every building block, its fragments (convolutions and poolings) and its branches: the most of them that could run
side by side.

## Why it costs

Each operator is too small to fill a parallel device, and each has to be launched and waited for (ShuffleNetV2, arXiv
1807.11164, section 2, G3). The paper counts 13 fragments in a cell of NASNet-A and 2 or 3 in a regular block such as
ResNet's. Measured at the same mult-adds (Table 3): one 1x1 convolution cut into four side by side runs at 28 to 67 %
of the speed on a GPU, and at 83 to 91 % on ARM; cut into two, at 63 to 74 % and at 83 to 96 %.

A normal cell of NASNet-A has 25 fragments as they are counted here. The paper's 13 may be its 10 separable
convolutions counted once each, and its 3 poolings, without the 2 convolutions that fit the inputs; it does not say.

## Example

```python
class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b, self.c, self.d = (nn.Conv2d(64, 64, 1) for _ in range(4))

    def forward(self, x):
        return F.relu(self.a(x) + self.b(x) + self.c(x) + self.d(x))

network = nn.Sequential(Block(), Block())
input_size = (64, 56, 56)
```

## Use instead

```python
network = nn.Sequential(
    nn.Conv2d(128, 128, 1),
    nn.ReLU(),
    nn.Conv2d(128, 128, 1),
    nn.ReLU(),
)
input_size = (128, 56, 56)
```

## Threshold

`fragments = 12` and `branches = 3`, and no more. Beyond them are the cells that the paper and those before it call
fragmented: NASNet-A (25 fragments, 8 branches, and the paper's 13), GoogLeNet's inception block (7 and 4) and Table
3's four side by side (4 and 4). Within them are the blocks that it takes for regular, and those of light networks:
ResNet (3 and 1, with a projection 4 and 2), MobileNetV2 (3 and 1), Fire (3 and 2), ShuffleNetV2 (3 and 1, 5 and 2
where it halves the map), Xception (6 and 2), MobileNetV3 with squeeze-and-excite (6 and 1), GhostNet (10 and 2).

`measured` is the one of the two that is further beyond its limit, or nearest to it.

## Exemptions

Operators that are no convolution or pooling are not counted here: G4 looks at those. A block within both limits is
regular, however much of it is one long chain.

## False alarms

Where blocks are guessed wrong, a whole stage may be taken for one; `--block` names the right class. Branches that are
merged before a network is shipped, as those of RepVGG (2101.03697), are gone then: audit what is shipped. Compilers
that merge convolutions side by side with the same input, and devices that run them at once, take part of the price
away. On one core of a processor it is small to begin with.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from lwprof.guidelines.evidence import Evidence
from lwprof.guidelines.rule import Advice, Case, Rule, Step, Thresholds
from lwprof.results.audit import WARNING
from lwprof.results.structure import Block


def cases(evidence: Evidence, thresholds: Thresholds) -> Iterator[Case]:
    """Look at every building block."""
    most_fragments, most_branches = thresholds["fragments"], thresholds["branches"]
    for block, start, stop in evidence.blocks:
        side_by_side = block.branches * most_fragments > block.fragments * most_branches
        measured, limit = (block.branches, most_branches) if side_by_side else (block.fragments, most_fragments)
        operators = evidence.graph.operators[start:stop] if measured > limit else ()
        yield Case(block.name, measured, limit, measured > limit, operators, Detail(block, side_by_side))


class Detail(NamedTuple):
    """What the advice wants to know of a case."""

    block: Block
    side_by_side: bool
    """``measured`` are its branches, not its fragments."""


def advice(evidence: Evidence, case: Case) -> Advice:
    """Say how many operators the block has, and how many a regular one would have."""
    detail: Detail = case.detail
    block = detail.block
    side_by_side = " side by side" if detail.side_by_side else ""
    return Advice(
        f"{block.fragments} convolutions and poolings in one block, {block.branches} of them side by side",
        f"fewer and wider ones that do the same work: at most {case.threshold:g}{side_by_side}",
        (
            Step("fragments", "convolutions and poolings of the block", block.fragments),
            Step("branches", "the most of them of which none needs another", block.branches),
            Step("depth", "the longest chain of them", block.depth),
        ),
    )


RULE = Rule(
    code="G3",
    slug="fragmented-block",
    severity=WARNING,
    quantity="fragments or branches",
    places="building blocks",
    cases=cases,
    advice=advice,
    thresholds={"fragments": 12, "branches": 3},
)
