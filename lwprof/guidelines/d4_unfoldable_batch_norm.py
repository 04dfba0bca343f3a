"""Unfoldable batch norm: one that no convolution or linear layer before it can take in.

## What it measures

Every batch norm: whether its scale and shift can become part of the weights of the convolution or linear layer that
made its input. That is so where it alone reads what that layer made, and normalises by stored statistics.

## Why it costs

At inference a batch norm is a scale and a shift for each channel, y = a x + b. Behind a convolution these go into
its weights and bias, and the batch norm is gone. Anywhere else it stays: one more operator that reads and writes the
whole map, and, in a quantised network, one more place to round.

"Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference" (1712.05877),
section 3.2: inference has no batch norms, for they are folded into the weights before these are quantised. PyTorch,
`torch.ao.quantization.fuse_modules`: convolution, batch norm in this order, with or without a ReLU behind them; all
other orders are left as they are.

## Example

```python
network = nn.Sequential(
    nn.BatchNorm2d(32),
    nn.ReLU(),
    nn.Conv2d(32, 32, 3, padding=1, bias=False),
)
input_size = (32, 28, 28)
```

## Use instead

```python
network = nn.Sequential(
    nn.Conv2d(32, 32, 3, padding=1, bias=False),
    nn.BatchNorm2d(32),
    nn.ReLU(),
)
input_size = (32, 28, 28)
```

## Threshold

None: it can be folded or it cannot.

## Exemptions

- Batch norms behind a convolution, transposed ones too, or behind a linear layer on rows, flattened or not.
- Batch norms of weights, as weight standardisation is written: what they make is constant.
- Instance, layer and group norms: they measure each input and can never be folded.

A batch norm right in front of a convolution without padding could be folded into that one. Few tools do it, so it is
reported; the suggestion says that it is possible.

## False alarms

Pre-activation networks (DenseNet, ResNet v2) have these norms by design; a runtime that fuses batch norm and ReLU
pays one pass for both. A norm on the network's input can be left to whoever prepares the images. Networks that are
trained with several branches and merged into one afterwards, as RepVGG (2101.03697) is, have norms without a
convolution in some of them: audit what is shipped.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

from lwprof.analyses.fusion import NORMS
from lwprof.graph import Operator
from lwprof.guidelines import convolutions
from lwprof.guidelines.evidence import Evidence
from lwprof.guidelines.rule import Advice, Case, Rule, Thresholds
from lwprof.results.audit import WARNING

_BEHIND = {
    "aten::add": "an addition",
    "aten::add_": "an addition",
    "aten::cat": "a concatenation",
    "aten::clone": "a copy",
    "aten::mul": "a multiplication",
    "aten::mul_": "a multiplication",
}
_LAYERS = {"linear": "linear layer", "adder": "adder layer"}
_FLATTENING = frozenset({"aten::view", "aten::reshape", "aten::flatten"})
_FOLDABLE = frozenset({"pointwise", "depthwise", "grouped", "dense conv", "linear"})


def cases(evidence: Evidence, thresholds: Thresholds) -> Iterator[Case]:
    """Look at every batch norm."""
    alone = {group.members[0].index for group in evidence.groups if group.members[0].name in NORMS}
    for row in evidence.rows:
        operator = row.operator
        if operator.name in NORMS:
            stays = operator.index in alone
            if stays and operator.inputs[0].number not in evidence.last_readers:
                continue  # it works on weights alone
            stays = stays and not _is_behind_rows(evidence, operator)
            yield Case(evidence.module_of(operator), None, None, stays, (operator,), operator)


def _is_behind_rows(evidence: Evidence, norm: Operator) -> bool:
    """Whether a batch norm alone reads what a linear layer made of rows, laid one after the other."""
    source = norm.inputs[0]
    layer = evidence.maker(source)
    if layer is None or layer.name not in convolutions.LINEAR or norm.arguments.get("training"):
        return False
    made, view = layer.outputs[0], evidence.graph.operators[source.producer]
    return (
        view.name in _FLATTENING
        and view.inputs[0].number == made.number
        and source.shape == (prod(made.shape[:-1]), made.shape[-1])
        and len(evidence.readers[made.number]) == 1
        and made.number not in evidence.returned
    )


def advice(evidence: Evidence, case: Case) -> Advice:
    """Say what stands in the way, and which order has none of it."""
    norm: Operator = case.detail
    suggestion = "put it directly behind a convolution: convolution, batch norm, activation"
    if norm.arguments.get("training"):
        suggestion = "give it running statistics, so that inference has something to fold"
    elif _kind_before(evidence, norm) == "adder":
        suggestion = "keep it, for adder layers need theirs, or put a convolution in the layer's place"
    elif (after := _unpadded(evidence, norm)) is not None:
        suggestion = (
            f"put it behind a convolution, or fold it forward into {evidence.module_of(after) or 'the convolution'}, "
            "which has no padding"
        )
    elif evidence.maker(norm.inputs[0]) is None:
        suggestion = "leave it to whoever prepares the input, or put it behind the first convolution"
    return Advice(f"no layer before it can take it in: {_obstacle(evidence, norm)}", suggestion)


def _kind_before(evidence: Evidence, norm: Operator) -> str:
    """The kind of operator that made what a batch norm reads; empty where none did."""
    maker = evidence.maker(norm.inputs[0])
    return evidence.rows[maker.index].cost.kind if maker is not None else ""


def _obstacle(evidence: Evidence, norm: Operator) -> str:
    """What stands between a batch norm and a layer's weights."""
    if norm.arguments.get("training"):
        return "it measures every batch by itself"
    source = norm.inputs[0]
    maker = evidence.maker(source)
    if maker is None:
        return "it normalises the network's input"
    kind = _kind_before(evidence, norm)
    if kind == "adder":
        return "it stands behind an adder layer, whose distances have no weights to scale"
    if kind in _FOLDABLE:
        layer = evidence.module_of(maker) or f"the {_LAYERS.get(kind, 'convolution')} before it"
        number = evidence.base.get(source.number, source.number)
        if number in evidence.returned or len(evidence.readers.get(number, ())) > 1:
            return f"what {layer} makes is read elsewhere too"
        return f"its channels are not those of {layer}"
    what = _BEHIND.get(maker.name) or maker.name.rpartition("::")[2].rstrip("_")
    return f"it stands behind {what}"


def _unpadded(evidence: Evidence, norm: Operator) -> Operator | None:
    """The convolution without padding that alone reads what a batch norm makes."""
    number = norm.outputs[0].number
    readers = evidence.readers.get(number, ())
    if len(readers) != 1 or number in evidence.returned or readers[0].name not in convolutions.NAMES:
        return None
    padding = readers[0].arguments.get("padding", 0)
    sides = (padding,) if isinstance(padding, int | str) else padding
    return readers[0] if all(side in (0, "valid") for side in sides) else None


RULE = Rule(
    code="D4",
    slug="unfoldable-batch-norm",
    severity=WARNING,
    quantity="",
    places="batch norms",
    cases=cases,
    advice=advice,
    thresholds={},
)
