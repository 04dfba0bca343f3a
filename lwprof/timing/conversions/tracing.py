"""Tracing: a module as TorchScript that takes tensors by position and gives back tensors, nothing else."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import TreeSpec, tree_flatten, tree_leaves, tree_unflatten

from lwprof.inputs import Values
from lwprof.preservation import open_operators, random_state
from lwprof.timing.forwards import called


class _Flat(nn.Module):
    """A module behind a forward without keywords, nesting or values that are no tensors."""

    def __init__(self, module: nn.Module, leaves: list[Any], spec: TreeSpec) -> None:
        super().__init__()
        self.module = module
        self._leaves, self._spec = leaves, spec

    def forward(self, *tensors: Tensor) -> Any:
        given = iter(tensors)
        leaves = [next(given) if isinstance(leaf, Tensor) else leaf for leaf in self._leaves]
        args, kwargs = tree_unflatten(leaves, self._spec)
        found = [leaf for leaf in tree_leaves(self.module(*args, **kwargs)) if isinstance(leaf, Tensor)]
        return found[0] if len(found) == 1 else tuple(found)


def traced(module: nn.Module, values: Values) -> tuple[torch.jit.ScriptModule, list[tuple[int, ...]]]:
    """Trace a module in ``eval()``; also the shapes of its outputs."""
    with torch.inference_mode(False), random_state(), open_operators():
        leaves, spec = tree_flatten(called(values))
        flat = _Flat(module, leaves, spec).eval()
        tensors = tuple(leaf for leaf in leaves if isinstance(leaf, Tensor))
        script = torch.jit.trace(flat, tensors, check_trace=False)
        results = flat(*tensors)
    return script, [tuple(result.shape) for result in tree_leaves(results)]
