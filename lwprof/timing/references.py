"""References: what torch computes, so that what a runtime computes can be held against it before it is timed.

A freshly built network in ``eval()`` hardly depends on its input, so that a wrong runtime would pass: its
batch-norm statistics are of no data. A copy of it gets statistics from one training-mode forward. So does the copy of
a network whose outputs for two different inputs hardly differ, and Kaiming weights where that does not suffice.
A trained network is compared as it is.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn
from torch.nn.parameter import is_lazy
from torch.utils._pytree import tree_map_only

from lwprof.inputs import Values, random_tensor
from lwprof.preservation import random_state, set_eval
from lwprof.timing.differences import Outputs, difference
from lwprof.timing.forwards import called, outputs

DEPENDENT = 0.01
"""Share of the output's range by which outputs for two inputs must differ: a hundred times what runtimes may."""

IMAGES = 4
"""For batch-norm statistics: single values after a global pooling have none."""

MEANS = 0.5
"""How far the means of images' channels lie apart, where their noise is of size 1."""


@dataclass(frozen=True, slots=True)
class Reference:
    """A network that depends on its inputs, two inputs, and what torch makes of them."""

    module: nn.Module | None
    """In ``eval()``; ``None`` for an ONNX file."""
    inputs: tuple[Values, Values]
    outputs: tuple[Outputs, Outputs]
    dependence: float
    """Difference between the two outputs, as a share of their range."""

    @property
    def made_by(self) -> str:
        """What computed it."""
        return "ONNX Runtime without optimisations" if self.module is None else "torch"


def reference(module: nn.Module, values: Values, seed: int) -> Reference:
    """Find a form of ``module`` that depends on its input; itself, where it does.

    Args:
        module: in ``eval()``; it is left as it is.
        values: what it is called with.
        seed: of the other input, of statistics and weights.
    """
    other = _other(values, seed)
    best: Reference | None = None
    with random_state(), _one_thread():
        torch.manual_seed(seed)
        for form in _forms(module, values, seed):
            first, second = outputs(form, values), outputs(form, other)
            found = Reference(form, (values, other), (first, second), difference(second, first))
            if best is None or found.dependence > best.dependence:
                best = found
            if found.dependence >= DEPENDENT:
                break
    assert best is not None
    return best


def of_file(file: Path, values: Values, seed: int) -> Reference | None:
    """Have ONNX Runtime compute an ONNX file without any of its optimisations.

    ``None`` where ONNX Runtime is missing, or cannot run the file.
    """
    try:
        import onnxruntime
    except Exception:  # missing, or broken
        return None
    from lwprof.timing.conversions.onnx_feeds import fed, given_back

    chosen = onnxruntime.SessionOptions()
    chosen.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    chosen.log_severity_level = 4
    other = _other(values, seed)
    try:
        session = onnxruntime.InferenceSession(str(file), chosen, providers=["CPUExecutionProvider"])
        names = [item.name for item in session.get_inputs()]
        first, second = (given_back(session.run(None, fed(names, given, exported=False))) for given in (values, other))
    except Exception:  # other runtimes may run it
        return None
    return Reference(None, (values, other), (first, second), difference(second, first))


def _other(values: Values, seed: int) -> Values:
    """Draw inputs of the same kinds; integers and booleans stay, since they may index something."""
    generator = torch.Generator().manual_seed(seed + 1)

    def drawn(tensor: torch.Tensor) -> torch.Tensor:
        fractions = tensor.is_floating_point() or tensor.is_complex()
        return _varied(tensor.shape, tensor.dtype, generator) if fractions else tensor

    found: Values = tree_map_only(torch.Tensor, drawn, values)
    return found


def _varied(shape: Sequence[int], dtype: torch.dtype, generator: torch.Generator) -> torch.Tensor:
    """Draw images whose channels have means of their own: of plain noise, a global pooling makes one value."""
    means = (*shape[:2], *(1 for _ in shape[2:]))
    return random_tensor(shape, dtype, generator) + MEANS * random_tensor(means, dtype, generator)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Sum in one order: the same numbers, and so the same kept conversions, on any number of threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _forms(module: nn.Module, values: Values, seed: int) -> Iterator[nn.Module]:
    """The network as it is, unless it is fresh; with statistics; with Kaiming weights and statistics."""
    fresh = _fresh(module)
    if not fresh:
        yield module
    try:
        changed = module
        for weights in (False, True):
            with torch.inference_mode(False):  # exporters run it outside of that mode
                changed = copy.deepcopy(changed)  # what was given before stays as it was
            if weights:
                _draw_weights(changed)
            _take_statistics(changed, values, seed)
            yield changed
    except Exception:  # what cannot be copied, or trained, is compared as it is
        if fresh:
            yield module


def _norms(module: nn.Module) -> list[nn.modules.batchnorm._BatchNorm]:
    """Batch norms that keep statistics."""
    found = (part for part in module.modules() if isinstance(part, nn.modules.batchnorm._BatchNorm))
    return [norm for norm in found if norm.running_mean is not None and norm.running_var is not None]


def _fresh(module: nn.Module) -> bool:
    """Whether all statistics are as batch norms are made with."""
    norms = _norms(module)
    if not norms or any(map(is_lazy, module.buffers())):
        return False
    return all(not norm.running_mean.any() and bool((norm.running_var == 1).all()) for norm in norms)  # type: ignore[union-attr]


def _take_statistics(module: nn.Module, values: Values, seed: int) -> None:
    """Give batch norms the statistics of one forward, on several images where there is one."""
    norms = _norms(module)
    if not norms:
        return

    generator = torch.Generator().manual_seed(seed + 2)

    def several(tensor: torch.Tensor) -> torch.Tensor:
        if not tensor.is_floating_point() or tensor.dim() < 2:
            return tensor
        return _varied((max(IMAGES, tensor.shape[0]), *tensor.shape[1:]), tensor.dtype, generator)

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
