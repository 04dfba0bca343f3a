"""Inputs: tensors to run a network on, drawn where nobody gave any, or as somebody's function made them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves

from lwprof.errors import InputError

Values = Sequence[Any] | Mapping[str, Any]
"""What a network is called with: by position, or by keyword."""

Inputs = str | Callable[[], object] | Tensor | Values
"""What people give for it: also one tensor alone, or a function that makes it, or that function's name."""


def random_tensor(shape: Sequence[int], dtype: torch.dtype, generator: torch.Generator | None = None) -> Tensor:
    """Draw a tensor that suits most networks, on the CPU; without a generator the same one every time.

    Numbers with fractions are standard normal and booleans a coin's; integers are 0, which indexes any table.
    """
    generator = torch.Generator().manual_seed(0) if generator is None else generator
    if dtype.is_complex:
        return torch.randn(shape, dtype=torch.complex64, generator=generator).to(dtype)
    if dtype.is_floating_point:
        return torch.randn(shape, dtype=torch.float32, generator=generator).to(dtype)
    if dtype is torch.bool:
        return torch.randint(0, 2, shape, generator=generator).to(dtype)
    return torch.zeros(shape, dtype=dtype)


def floating_dtype(module: nn.Module) -> torch.dtype:
    """Dtype of the module's first parameter with fractions: what it is called with; float32 without one."""
    return next((tensor.dtype for tensor in module.parameters() if tensor.is_floating_point()), torch.float32)


def call_values(made: object, label: str) -> Values:
    """Read what a function that makes inputs returned: a tensor, several in a tuple or list, or a dict by keyword.

    Raises:
        InputError: it is something else, or there is no tensor in it.
    """
    values: object = (made,) if isinstance(made, Tensor) else made
    known = isinstance(values, tuple | list) or (
        isinstance(values, Mapping) and all(isinstance(k, str) for k in values)
    )
    if not known or not any(isinstance(leaf, Tensor) for leaf in tree_leaves(values)):
        kind = type(made).__name__
        raise InputError(f"{label} must return a tensor, a tuple of tensors or a dict of them by name, not a {kind}")
    return dict(values) if isinstance(values, Mapping) else tuple(values)  # type: ignore[arg-type]


def tensors(values: Values) -> list[Tensor]:
    """All tensors in what a network is called with, in order."""
    return [leaf for leaf in tree_leaves(values) if isinstance(leaf, Tensor)]


def by_position(module: nn.Module, values: Values) -> tuple[Any, ...]:
    """Inputs as a tuple, also those that are given by keyword.

    Raises:
        InputError: the network takes one of them by keyword only.
    """
    if not isinstance(values, Mapping):
        return tuple(values)
    try:
        bound = inspect.signature(module.forward).bind(**values)
    except (TypeError, ValueError) as error:
        raise InputError(f"the forward of {type(module).__name__} does not take these inputs: {error}") from error
    if bound.kwargs:
        name = next(iter(bound.kwargs))
        raise InputError(f"the other tools take inputs by position, and {name!r} can only be given by keyword")
    return bound.args
