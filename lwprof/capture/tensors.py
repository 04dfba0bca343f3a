"""Tensors as a capture sees them: names of dtypes, distinct elements, tensors nested in other things."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from math import prod
from typing import Any

import torch
from torch import Tensor

META = torch.device("meta")
Stored = tuple[str, str, Mapping[str, Tensor | None]]
"""A module's name, a source, and the tensors that the module stores, by the names it has for them."""

_DTYPE_NAMES: dict[torch.dtype, str] = {}


def dtype_name(dtype: torch.dtype) -> str:
    """Name a dtype without its ``torch.`` prefix."""
    name = _DTYPE_NAMES.get(dtype)
    if name is None:
        name = _DTYPE_NAMES[dtype] = str(dtype).removeprefix("torch.")
    return name


def distinct_elements(tensor: Tensor) -> int:
    """Count the elements of ``tensor``, broadcast (stride 0) dimensions once."""
    if tensor.layout is not torch.strided:
        return tensor.numel()
    strides = tensor.stride()
    if 0 not in strides:
        return tensor.numel()
    return prod(size for size, stride in zip(tensor.shape, strides, strict=True) if stride)


def tensors_in(item: Any) -> Iterator[Tensor]:
    """Every tensor in nested lists, tuples, dicts and dataclass-like outputs."""
    if isinstance(item, Tensor):
        yield item
    elif isinstance(item, list | tuple | set):
        for part in item:
            yield from tensors_in(part)
    elif isinstance(item, dict):
        for part in item.values():
            yield from tensors_in(part)
    elif hasattr(item, "__dataclass_fields__"):
        for name in item.__dataclass_fields__:
            yield from tensors_in(getattr(item, name))


def mapped(function: Callable[[Tensor], Any], item: Any) -> Any:
    """Apply ``function`` to every tensor in nested tuples, lists, dicts and dataclasses."""
    if isinstance(item, Tensor):
        return function(item)
    if isinstance(item, tuple) and hasattr(item, "_fields"):
        return type(item)(*(mapped(function, part) for part in item))
    if isinstance(item, tuple | list):
        return type(item)(mapped(function, part) for part in item)
    if isinstance(item, dict):
        made = copy.copy(item)  # a defaultdict, or a class of the user's own
        for name, part in item.items():
            made[name] = mapped(function, part)
        return made
    if hasattr(item, "__dataclass_fields__") and not isinstance(item, type):
        made = copy.copy(item)
        for name in item.__dataclass_fields__:
            object.__setattr__(made, name, mapped(function, getattr(item, name)))
        return made
    return item
