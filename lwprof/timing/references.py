"""References: what torch computes, so that what a runtime computes can be held against it before it is timed.

A freshly built network in ``eval()`` hardly depends on its input, so that a wrong runtime would pass: its
batch-norm statistics are of no data. Where outputs for two different inputs hardly differ, a copy of the network
gets statistics from one training-mode forward, or, without batch norm, Kaiming weights.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy
import torch
from torch import nn
from torch.utils._pytree import tree_map_only

from lwprof.inputs import Values, random_tensor
from lwprof.preservation import random_state, set_eval
from lwprof.timing.contract import Loaded
from lwprof.timing.forwards import called, outputs

DEPENDENT = 0.01
"""Share of the output's range by which outputs for two inputs must differ: a hundred times what runtimes may."""

IMAGES = 4
"""For batch-norm statistics: single values after a global pooling have none."""

Outputs = Sequence[Any]


@dataclass(frozen=True, slots=True)
class Reference:
    """A network that depends on its inputs, two inputs, and what torch makes of them."""

    module: nn.Module | None
    """In ``eval()``; ``None`` for an ONNX file."""
    inputs: tuple[Values, Values]
    outputs: tuple[Outputs, Outputs]
    dependence: float
    """Difference between the two outputs, as a share of their range."""


def reference(module: nn.Module, values: Values, seed: int) -> Reference:
    """Find a form of ``module`` that depends on its input; itself, where it does.

    Args:
        module: in ``eval()``; it is left as it is.
        values: what it is called with.
        seed: of the other input, of statistics and weights.
    """
    other = _other(values, seed)
    best: Reference | None = None
    with random_state():
        torch.manual_seed(seed)
        for form in _forms(module, values):
            first, second = outputs(form, values), outputs(form, other)
            found = Reference(form, (values, other), (first, second), difference(second, first))
            if best is None or found.dependence > best.dependence:
                best = found
            if found.dependence >= DEPENDENT:
                break
    assert best is not None
    return best


def of_file(file: Path, values: Values, seed: int) -> Reference | None:
    """Have an ONNX file computed without any optimisation; ``None`` where ONNX Runtime is missing."""
    return None


def largest_difference(loaded: Loaded, known: Reference) -> float:
    """Largest difference over both inputs."""
    pairs = zip(known.inputs, known.outputs, strict=True)
    return max(difference(loaded.outputs(values), expected) for values, expected in pairs)


def difference(found: Outputs, expected: Outputs) -> float:
    """Largest difference between two sets of outputs, each as a share of the expected output's range.

    >>> difference([numpy.array([1.0, 2.5])], [numpy.array([1.0, 3.0])])
    0.25

    Outputs that cannot be compared are infinitely different: other shapes, another number of them, or no number.
    """
    if len(found) != len(expected):
        return float("inf")
    largest = 0.0
    for ours, theirs in zip(found, expected, strict=True):
        ours, theirs = numpy.asarray(ours), numpy.asarray(theirs)
        if ours.shape != theirs.shape:
            return float("inf")
        if ours.size == 0:
            continue
        ours, theirs = ours.astype(numpy.float64), theirs.astype(numpy.float64)
        gap = float(numpy.abs(ours - theirs).max())
        if not numpy.isfinite(gap):
            return float("inf")
        scale = float(theirs.max() - theirs.min()) or float(numpy.abs(theirs).max())
        largest = max(largest, gap / scale if scale else gap)
    return largest


def _other(values: Values, seed: int) -> Values:
    """Draw inputs of the same kinds; integers and booleans stay, since they may index something."""
    generator = torch.Generator().manual_seed(seed + 1)

    def drawn(tensor: torch.Tensor) -> torch.Tensor:
        if not tensor.is_floating_point():
            return tensor
        return random_tensor(tensor.shape, tensor.dtype, generator)

    found: Values = tree_map_only(torch.Tensor, drawn, values)
    return found


def _forms(module: nn.Module, values: Values) -> Iterator[nn.Module]:
    """The network as it is, with statistics, with Kaiming weights and statistics."""
    yield module
    try:
        changed = copy.deepcopy(module)
    except Exception:  # what cannot be copied is compared as it is
        return
    for weights in (False, True):
        try:
            if weights:
                _draw_weights(changed)
            _take_statistics(changed, values)
        except Exception:
            return
        yield changed


def _take_statistics(module: nn.Module, values: Values) -> None:
    """Give batch norms the statistics of one forward, on several images where there is one."""
    norms = [part for part in module.modules() if isinstance(part, nn.modules.batchnorm._BatchNorm)]
    if not norms:
        return

    def several(tensor: torch.Tensor) -> torch.Tensor:
        if not tensor.is_floating_point() or tensor.dim() < 2:
            return tensor
        return random_tensor((max(IMAGES, tensor.shape[0]), *tensor.shape[1:]), tensor.dtype)

    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # the mean over all forwards, of which there is one
        norm.training = True
    args, kwargs = called(tree_map_only(torch.Tensor, several, values))
    with torch.no_grad():
        module(*args, **kwargs)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    set_eval(module.modules())


def _draw_weights(module: nn.Module) -> None:
    """Draw weights that keep the size of activations (He et al., 2015)."""
    for part in module.modules():
        if isinstance(part, nn.modules.conv._ConvNd | nn.Linear):
            nn.init.kaiming_normal_(part.weight, nonlinearity="relu")
            if part.bias is not None:
                nn.init.zeros_(part.bias)
