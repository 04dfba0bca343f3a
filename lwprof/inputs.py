"""Inputs: tensors to run a network on where nobody gave any."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


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
