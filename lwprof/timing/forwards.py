"""Forwards: calls of a module on copies of inputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch.utils._pytree import tree_leaves, tree_map_only

from lwprof.inputs import Values


def called(values: Values) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Copy inputs, as what a network is called with by position and by keyword."""
    with torch.inference_mode(False):
        copied = tree_map_only(torch.Tensor, lambda tensor: tensor.detach().clone(), values)
    return ((), dict(copied)) if isinstance(copied, Mapping) else (tuple(copied), {})


def outputs(module: Any, values: Values) -> Sequence[Any]:
    """Run a module once; all tensors that it gives back, as NumPy arrays."""
    args, kwargs = called(values)
    with torch.inference_mode():
        return arrays(module(*args, **kwargs))


def arrays(result: Any) -> Sequence[Any]:
    """Copy all tensors in what a module gave back to NumPy arrays."""
    tensors = [leaf.detach().cpu() for leaf in tree_leaves(result) if isinstance(leaf, torch.Tensor)]
    rough = torch.float16, torch.bfloat16
    # copies: a network may write to the same memory in every call
    return [(tensor.float() if tensor.dtype in rough else tensor).numpy().copy() for tensor in tensors]
