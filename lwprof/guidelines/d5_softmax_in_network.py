"""Softmax in the network: class scores turned into probabilities before they are returned.

## What it measures

Every softmax or log-softmax: whether its result reaches the network's output without going into another product.

## Why it costs

The order of the classes is the same before and after a softmax, so whoever wants the best class needs none. Its
exponentials are costly where there is no floating-point unit; some accelerators cannot run them at all and hand the
last map back to the CPU; and what comes out, between 0 and 1, quantises badly.

PyTorch, `torch.nn.CrossEntropyLoss`: the loss wants unnormalised scores and does the softmax itself. TensorFlow,
"TensorFlow 2 quickstart for beginners", "Build a machine learning model": a softmax in the last layer is advised
against, for no loss on it is exact and stable for all models; one is put around the trained network instead. NVDLA's
maintainers (nvdla/hw#35): a softmax runs on the host's processor.

## Example

```python
network = nn.Sequential(
    nn.Conv2d(16, 64, 3, padding=1, bias=False),
    nn.BatchNorm2d(64),
    nn.ReLU(),
    nn.AdaptiveAvgPool2d(1),
    nn.Flatten(),
    nn.Linear(64, 10),
    nn.Softmax(dim=1),
)
input_size = (16, 28, 28)
```

## Use instead

```python
network = nn.Sequential(
    nn.Conv2d(16, 64, 3, padding=1, bias=False),
    nn.BatchNorm2d(64),
    nn.ReLU(),
    nn.AdaptiveAvgPool2d(1),
    nn.Flatten(),
    nn.Linear(64, 10),
)
input_size = (16, 28, 28)
```

## Threshold

None: it is there or it is not.

## Exemptions

A softmax whose result weights something, in a matrix product, a convolution or a multiplication: attention, also
where the network returns its weights besides, and means over positions (soft argmax).

## False alarms

A device that must put out probabilities and has nobody after it to make them. A sigmoid at the end is not looked at.
"""

from __future__ import annotations

from collections.abc import Iterator

from lwprof.graph import Operator
from lwprof.guidelines.evidence import Evidence
from lwprof.guidelines.rule import Advice, Case, Rule, Thresholds
from lwprof.results.audit import WARNING

SOFTMAX = frozenset(f"aten::{name}" for name in ("softmax", "_softmax", "_safe_softmax", "log_softmax", "_log_softmax"))
_PRODUCTS = frozenset({"aten::mul", "aten::mul_"})


def cases(evidence: Evidence, thresholds: Thresholds) -> Iterator[Case]:
    """Look at every softmax."""
    for operator in evidence.graph.operators:
        if operator.name in SOFTMAX:
            yield Case(
                evidence.module_of(operator), None, None, _is_returned(evidence, operator), (operator,), operator
            )


def _is_returned(evidence: Evidence, operator: Operator) -> bool:
    """Whether the network returns what comes of a softmax, and nothing is weighted by it."""
    returned = False
    seen = {value.number for value in operator.outputs}
    waiting = list(seen)
    while waiting:
        number = waiting.pop()
        returned = returned or number in evidence.returned
        for reader in evidence.readers.get(number, ()):
            if evidence.rows[reader.index].cost.mult_adds or _weights(reader):
                return False
            for value in reader.outputs:
                if value.number not in seen:
                    seen.add(value.number)
                    waiting.append(value.number)
    return returned


def _weights(operator: Operator) -> bool:
    """Whether an operator multiplies two tensors of several elements each."""
    return operator.name in _PRODUCTS and sum(value.elements > 1 for value in operator.inputs) == 2


def advice(evidence: Evidence, case: Case) -> Advice:
    """Say how many scores it turns into probabilities."""
    softmax: Operator = case.detail
    name = "log-softmax" if "log" in softmax.name else "softmax"
    shape = "x".join(map(str, softmax.outputs[0].shape))
    return Advice(
        f"{name} over the network's output ({shape})",
        "return the scores: their argmax is the same, and the loss or the caller can do the softmax",
    )


RULE = Rule(
    code="D5",
    slug="softmax-in-network",
    severity=WARNING,
    quantity="",
    places="softmax operators",
    cases=cases,
    advice=advice,
    thresholds={},
)
