"""Unreached parameters: weights that are stored and shipped, and that no forward reads.

## What it measures

For every module, its parameters that no operator reads in inference.

## Why it costs

They cost no time and no memory access, but they are in the state dict, in the file and in memory. A parameter that is
left over is often a mistake: a layer that was replaced and not removed, or one that a forward forgets. torch and
runtimes mind them too: training in parallel needs `find_unused_parameters` for them (PyTorch documentation,
`torch.nn.parallel.DistributedDataParallel`), and ONNX Runtime warns of initializers that no node uses when it loads
a model (`Graph::CleanUnusedInitializersAndNodeArgs`).

Auxiliary classifiers train a network and are taken off for inference (GoogLeNet, 1409.4842, section 5): they are what
the rule looks for.

## Example

```python
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(64, 64, 1)
        self.spare = nn.Conv2d(64, 64, 1)

    def forward(self, x):
        return self.conv(x)


network = Net()
input_size = (64, 28, 28)
```

## Use instead

```python
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(64, 64, 1)

    def forward(self, x):
        return self.conv(x)


network = Net()
input_size = (64, 28, 28)
```

## Threshold

`parameters = 0`: none is needed. A finding names the outermost module that runs nothing.

## Exemptions

Weights that are tied to others which are read. Parameters that are returned as they are. Buffers. Networks whose
control flow reads values, such as early exits and mixtures of experts: another input may reach what this one does not.
Initializers of an ONNX file that no node uses: runtimes drop them, and they are counted nowhere.

## False alarms

Heads and branches that serve in training only, in a network that is audited before they are taken off: ignore them by
their path and say so. Layers that are called under an option of `forward`, such as a decoder that this call leaves out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from lwprof.analyses.layers import UNREAD
from lwprof.graph import Weight
from lwprof.guidelines.evidence import Evidence
from lwprof.guidelines.rule import Advice, Case, Rule, Thresholds
from lwprof.results.audit import WARNING
from lwprof.units import exact, size

_NAMED = 2
"""How many parameters a message names."""


def cases(evidence: Evidence, thresholds: Thresholds) -> Iterator[Case]:
    """Look at every module with parameters."""
    limit = thresholds["parameters"]
    unread = _unread(evidence)
    for module in dict.fromkeys(weight.module for weight in evidence.graph.weights):
        if module not in unread:
            yield Case(module, 0, limit, False, (), [])
    for module, weights in _by_outermost(evidence, unread).items():
        number = sum(weight.elements for weight in weights)
        yield Case(module, number, limit, number > limit, (), weights)


def _unread(evidence: Evidence) -> Mapping[str, list[Weight]]:
    """The parameters that nothing reads, by module."""
    unread: dict[str, list[Weight]] = {}
    result = evidence.result
    if result.input_dependent or not any(kind.kind == UNREAD for kind in result.kinds):
        return unread
    read = set(evidence.returned)
    for row in evidence.rows:
        operator, cost = row.operator, row.cost
        if cost.state != "free":
            read.update(value.root for value in operator.inputs)
    for weight in evidence.graph.weights:
        if weight.number in evidence.parameters and weight.number not in read:
            unread.setdefault(weight.module, []).append(weight)
    return unread


def _by_outermost(evidence: Evidence, unread: Mapping[str, list[Weight]]) -> Mapping[str, list[Weight]]:
    """Join the modules inside one that runs nothing and is read nowhere."""
    alive: set[str] = set()
    if unread:
        used = [call.module for call in evidence.graph.calls]
        left = {weight.number for weights in unread.values() for weight in weights}
        read = evidence.parameters.keys() - left
        used += [weight.module for weight in evidence.graph.weights if weight.number in read]
        for name in used:
            while name and name not in alive:
                alive.add(name)
                name = _outside(name)
    joined: dict[str, list[Weight]] = {}
    for module, weights in unread.items():
        while module not in alive and _outside(module) and _outside(module) not in alive:
            module = _outside(module)
        joined.setdefault(module, []).extend(weights)
    return joined


def _outside(module: str) -> str:
    return module.rpartition(".")[0]


def advice(evidence: Evidence, case: Case) -> Advice:
    """Say how many there are, what they weigh, and which."""
    weights: list[Weight] = case.detail
    names = [weight.name for weight in weights[:_NAMED]]
    more = f" and {len(weights) - _NAMED} more" if len(weights) > _NAMED else ""
    return Advice(
        f"no forward reads {exact(sum(weight.elements for weight in weights))} parameters "
        f"({size(sum(weight.bytes for weight in weights))}): {', '.join(names)}{more}",
        "leave them out of what is shipped, or call the layer if it was forgotten",
    )


RULE = Rule(
    code="D9",
    slug="unreached-parameters",
    severity=WARNING,
    quantity="parameters that nothing reads",
    places="modules with parameters",
    cases=cases,
    advice=advice,
    thresholds={"parameters": 0},
)
