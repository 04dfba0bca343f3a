"""Placement: a network and its inputs in another dtype or layout, or on another device."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.utils._pytree import tree_map_only

from lwprof.errors import BackendError, first_line
from lwprof.inputs import Values
from lwprof.timing.contract import CHANNELS_LAST, Options, Source
from lwprof.timing.cuda import TF32
from lwprof.timing.forwards import called, outputs


@dataclass(frozen=True, slots=True)
class Placement:
    """Where tensors are to be, and how; only those with fractions change their dtype, only 4-D ones their layout."""

    device: str
    dtype: torch.dtype | None
    """``None`` keeps them as they are."""
    channels_last: bool

    @classmethod
    def of(cls, options: Options) -> Placement:
        """Read it off the options."""
        name = "float32" if options.dtype == TF32 else options.dtype
        return cls(options.device, getattr(torch, name) if name else None, options.layout == CHANNELS_LAST)

    def tensor(self, tensor: torch.Tensor) -> torch.Tensor:
        """Place one tensor; itself, where nothing is to change."""
        moved = tensor.to(self.device, self.dtype if tensor.is_floating_point() else None)
        if self.channels_last and moved.dim() == 4:
            moved = moved.contiguous(memory_format=torch.channels_last)
        return moved

    def values(self, values: Any) -> Any:
        """Place inputs; ordinary tensors, also in ``inference_mode``."""
        with torch.inference_mode(False):
            return tree_map_only(torch.Tensor, self.tensor, values)

    def module(self, source: Source) -> Any:
        """Copy the network, and place the copy; the network itself, where nothing is to change.

        Raises:
            BackendError: it cannot be copied.
        """
        module = source.module
        assert module is not None
        if not isinstance(module, nn.Module) or self._fits(module):
            return module
        with torch.inference_mode(False), torch.no_grad():
            try:
                copied = copy.deepcopy(module)
            except Exception as error:
                raise BackendError(
                    f"{source.label} cannot be copied, which another dtype, layout or device takes: {first_line(error)}"
                ) from error
            copied.to(self.device, self.dtype)
            if self.channels_last:
                for tensor in (*copied.parameters(), *copied.buffers()):
                    if tensor.dim() == 4:
                        tensor.data = tensor.data.contiguous(memory_format=torch.channels_last)
        return copied

    def _fits(self, module: nn.Module) -> bool:
        tensors = [*module.parameters(), *module.buffers()]
        if self.device == "cpu" and self.dtype is None and not self.channels_last:
            return True
        return all(
            tensor.device.type == self.device
            and (self.dtype in (None, tensor.dtype) or not tensor.is_floating_point())
            and not (self.channels_last and tensor.dim() == 4)
            for tensor in tensors
        )


@dataclass(frozen=True, slots=True)
class Placed:
    """A network with its inputs, where both are to be."""

    module: Callable[..., Any]
    args: Sequence[Any]
    kwargs: dict[str, Any]
    placement: Placement

    @classmethod
    def of(cls, source: Source, options: Options) -> Placed:
        """Place what a source holds; inputs are copied in any case.

        Raises:
            BackendError: the network cannot be copied, or TF32 is wanted of something else than a GPU.
        """
        if options.dtype == TF32 and options.device != "cuda":
            raise BackendError(f"{TF32} is how a GPU multiplies: there is none of it on device {options.device!r}")
        placement = Placement.of(options)
        module = placement.module(source)
        args, kwargs = called(source.values)
        return cls(module, placement.values(args), placement.values(kwargs), placement)

    def run(self) -> Any:
        """Call the network."""
        return self.module(*self.args, **self.kwargs)

    def outputs(self, values: Values) -> Sequence[Any]:
        """Call it with other inputs; every output as a NumPy array."""

        def placed_call(*args: Any, **kwargs: Any) -> Any:
            return self.module(*self.placement.values(args), **self.placement.values(kwargs))

        return outputs(placed_call, values)
