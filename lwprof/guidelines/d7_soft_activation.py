"""Soft activation: a sigmoid or a swish where its hard, piecewise linear form would do.

## What it measures

Every sigmoid, and every swish (SiLU), also one that is written out as `x * torch.sigmoid(x)`.

## Why it costs

A sigmoid needs an exponential for each element. Without hardware or a table for it that takes many times what a
clamp takes, and a runtime of integers has to approximate it. The hard forms are made of an addition, a clamp and a
multiplication:

    hard-sigmoid(x) = clamp(x + 3, 0, 6) / 6        hard-swish(x) = x * hard-sigmoid(x)

MobileNetV3 (1905.02244), section 5.2, puts them in place of sigmoid and swish: the accuracy stays, the latency falls,
and integer arithmetic has no approximation of a sigmoid to lose precision by. EfficientNet-Lite (TensorFlow blog,
March 2020, "Higher accuracy on vision models with EfficientNet-Lite") replaced every swish of EfficientNet, with which
quantisation after training had cost 29 points of accuracy.

It is information, not a warning: EfficientNet and many networks with squeeze-and-excitation are good with soft forms,
what is won depends on the runtime, and a trained network has to be tuned again with the hard ones.

## Example

```python
network = nn.Sequential(
    nn.Conv2d(64, 64, 1, bias=False),
    nn.BatchNorm2d(64),
    nn.SiLU(),
)
input_size = (64, 28, 28)
```

## Use instead

```python
network = nn.Sequential(
    nn.Conv2d(64, 64, 1, bias=False),
    nn.BatchNorm2d(64),
    nn.Hardswish(),
)
input_size = (64, 28, 28)
```

## Threshold

None: every place counts, and its price says which of them matter.

## Exemptions

A sigmoid that makes what the network returns, as the scores of several labels or a mask, also where copies join or cut
it afterwards: there the probability itself is wanted. Gates of recurrent layers, whole ones and cells: sigmoids in
a module that runs a hyperbolic tangent beside them. Quantised tensors, for which a sigmoid is a table. GELU, Mish and
gated linear units, which have no hard form in torch.

## False alarms

A sigmoid that is scaled or shifted before it is returned, as box coordinates are. Runtimes that compile hard-swish
badly: EfficientFormer (2206.01191), section 3, found the price of activations to depend on hardware and compiler, and
hard-swish slow on its phone. `--measure` times both here.
"""

from __future__ import annotations

from collections.abc import Iterator

from lwprof.graph import Operator
from lwprof.guidelines.evidence import Evidence
from lwprof.guidelines.rule import Advice, Case, Rule, Thresholds
from lwprof.results.audit import INFO, Alternative, Form

_SIGMOIDS = frozenset({"aten::sigmoid", "aten::sigmoid_"})
_SWISHES = frozenset({"aten::silu", "aten::silu_"})
_PRODUCTS = frozenset({"aten::mul", "aten::mul_"})
_TANHS = frozenset({"aten::tanh", "aten::tanh_"})
_QUANTISED = ("q", "int", "uint")

_SWISH, _SIGMOID = "swish", "sigmoid"
_FORMS = {_SWISH: ("SiLU", "Hardswish"), _SIGMOID: ("Sigmoid", "Hardsigmoid")}


def cases(evidence: Evidence, thresholds: Thresholds) -> Iterator[Case]:
    """Look at every sigmoid and swish."""
    soft = [op for op in evidence.graph.operators if op.name in _SIGMOIDS or op.name in _SWISHES]
    if not soft:
        return
    recurrent = {operator.call for operator in evidence.graph.operators if operator.name in _TANHS}
    for operator in soft:
        kind = _SWISH
        operators: tuple[Operator, ...] = (operator,)
        exempt = operator.inputs[0].dtype.startswith(_QUANTISED)
        if operator.name in _SIGMOIDS:
            product = _own_product(evidence, operator)
            if product is not None:
                operators = (operator, product)
            else:
                kind = _SIGMOID
                exempt = exempt or operator.call in recurrent or _is_returned(evidence, operator)
        yield Case(evidence.module_of(operators[-1]), None, None, not exempt, operators, kind)


def _own_product(evidence: Evidence, sigmoid: Operator) -> Operator | None:
    """The multiplication of a sigmoid with what it was taken of: a swish in two steps."""
    number = sigmoid.inputs[0].number
    for reader in evidence.readers.get(sigmoid.outputs[0].number, ()):
        if reader.name in _PRODUCTS and any(value.number == number for value in reader.inputs):
            return reader
    return None


def _is_returned(evidence: Evidence, operator: Operator) -> bool:
    """Whether the network returns what ``operator`` makes, copies followed."""
    waiting = [operator]
    while waiting:
        for value in waiting.pop().outputs:
            number = evidence.base.get(value.number, value.number)
            if number in evidence.returned:
                return True
            readers = evidence.readers.get(number, ())
            waiting.extend(one for one in readers if evidence.rows[one.index].cost.kind == "copy")
    return False


def advice(evidence: Evidence, case: Case) -> Advice:
    """Name the hard form of the same shape."""
    before, after = _FORMS[case.detail]
    data = case.operators[0].inputs[0]
    written_out = len(case.operators) > 1
    saves = evidence.elements(case.operators) - 2 * data.elements if written_out else 0
    return Advice(
        f"{'x * sigmoid(x)' if written_out else case.detail} takes an exponential for each of "
        f"{'x'.join(map(str, data.shape))} elements",
        f"nn.{after}() is piecewise linear",
        alternative=Alternative(
            text=f"nn.{after}()",
            mult_adds=0,
            instead_of=0,
            saves=saves,
            before=Form(before, {}, data.shape),
            after=Form(after, {}, data.shape),
        ),
    )


RULE = Rule(
    code="D7",
    slug="soft-activation",
    severity=INFO,
    quantity="",
    places="sigmoids and swishes",
    cases=cases,
    advice=advice,
    thresholds={},
)
