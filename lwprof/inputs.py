"""Inputs: tensors to run a network on, drawn where nobody gave any, or as somebody's function made them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves

from lwprof.errors import InputError

if TYPE_CHECKING:
    from lwprof.results.networks import TensorSpec

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


def random_tensors(specs: Sequence[TensorSpec], seed: int) -> tuple[Tensor, ...]:
    """Draw one tensor for each input, all from one seed."""
    generator = torch.Generator().manual_seed(seed)
    return tuple(random_tensor(spec.shape, dtype_named(spec.dtype), generator) for spec in specs)


def meta_tensors(specs: Sequence[TensorSpec]) -> tuple[Tensor, ...]:
    """Make one meta tensor for each input: a shape and a dtype without content."""
    return tuple(torch.empty(spec.shape, dtype=dtype_named(spec.dtype), device="meta") for spec in specs)


def dtype_named(name: str) -> torch.dtype:
    """Give the dtype that has this name in torch."""
    dtype: torch.dtype = getattr(torch, name)
    return dtype


def floating_dtype(module: nn.Module) -> torch.dtype:
    """Dtype of the module's first parameter with fractions: what it is called with; float32 without one."""
    return next((tensor.dtype for tensor in module.parameters() if tensor.is_floating_point()), torch.float32)


def call_values(given: object, label: str) -> Values:
    """Read what a network is called with: a tensor, several in a tuple or list, or a dict by keyword.

    Raises:
        InputError: it is something else; ``label`` begins the sentence, such as "inputs must be".
    """
    if isinstance(given, Tensor):
        return (given,)
    if isinstance(given, tuple | list):
        return tuple(given)
    if isinstance(given, Mapping) and all(isinstance(key, str) for key in given):
        return dict(given)
    raise InputError(
        f"{label} a tensor, a tuple of tensors or a dict of them by name, not a value of type {type(given).__name__}"
    )


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
