"""Calls: what a network is called with, given as sizes, as tensors, or as a function that makes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lwprof.models import builders, specs, user_code
from lwprof.results import TensorSpec

if TYPE_CHECKING:
    from pathlib import Path

    from torch import nn

    from lwprof.inputs import Values


def values(inputs: Any, network: specs.Spec | None = None, folder: Path | None = None) -> Values:
    """The inputs that were given, or that a function makes, be it given itself or by name.

    Args:
        inputs: a tensor, a tuple or a dict of them; or the function; or its name.
        network: whose file or module holds a function that is named without one.
        folder: what the path of a file is relative to; by default the current one.

    Raises:
        InputError: there is no such function, it raises, or it returns something else.
    """
    from lwprof.inputs import call_values

    if not isinstance(inputs, str) and not callable(inputs):
        return call_values(inputs, "inputs")
    with builders.seeded():
        if isinstance(inputs, str):
            function, label = user_code.input_function(inputs, network, folder)
        else:
            function, label = inputs, getattr(inputs, "__name__", "inputs")
        return call_values(user_code.call(function, {}, label, "makes no inputs"), label)


def tensor_specs(given: Values) -> tuple[TensorSpec, ...]:
    """Shape and dtype of every tensor in what a network is called with."""
    from lwprof.inputs import tensors

    return tuple(TensorSpec(tuple(item.shape), str(item.dtype).removeprefix("torch.")) for item in tensors(given))


def image_size(given: Values | None, sizes: Sequence[specs.Size]) -> tuple[int, ...] | None:
    """Size of the image, batch left out, where one batch of images is all that a network is called with."""
    if given is None:
        return shape(sizes[0]) if len(sizes) == 1 else None
    shapes = [spec.shape for spec in tensor_specs(given)]
    return shapes[0][1:] if len(shapes) == 1 and len(shapes[0]) == 4 else None


def batched(sizes: Sequence[specs.Size], batch: int, module: nn.Module) -> tuple[TensorSpec, ...]:
    """Inputs of these sizes; those without a dtype have the network's own."""
    from lwprof.inputs import floating_dtype

    own = str(floating_dtype(module)).removeprefix("torch.")
    return tuple(
        TensorSpec((batch, *shape(size)), size.dtype if isinstance(size, TensorSpec) else own) for size in sizes
    )


def shape(size: specs.Size) -> tuple[int, ...]:
    """Numbers of a size."""
    return size.shape if isinstance(size, TensorSpec) else size
