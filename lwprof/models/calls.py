"""Calls: what a network is called with, given as sizes, as tensors, or as a function that makes them."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lwprof.errors import InputError
from lwprof.models import builders, specs, user_code
from lwprof.results.networks import TensorSpec

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
    from lwprof.inputs import call_values, tensors

    if not isinstance(inputs, str) and not callable(inputs):
        return call_values(inputs, "inputs must be")
    with builders.seeded():
        if isinstance(inputs, str):
            function, label = user_code.input_function(inputs, network, folder)
        else:
            function, label = inputs, getattr(inputs, "__name__", "inputs")
        made = user_code.call(function, {}, label, "makes no inputs")
    given = call_values(made, f"{label} must return")
    if not tensors(given):
        raise InputError(f"{label} returns no tensor; return one, a tuple of them or a dict of them by name")
    return given


def tensor_specs(given: Values) -> tuple[TensorSpec, ...]:
    """Shape and dtype of every tensor in what a network is called with."""
    from lwprof.capture.tensors import dtype_name
    from lwprof.inputs import tensors

    return tuple(TensorSpec(tuple(item.shape), dtype_name(item.dtype)) for item in tensors(given))


def image_size(given: Values | None, sizes: Sequence[specs.Size]) -> tuple[int, ...] | None:
    """Size of the image, batch left out, where one batch of images is all that a network is called with."""
    if given is None:
        return specs.shape(sizes[0]) if len(sizes) == 1 else None
    shapes = [spec.shape for spec in tensor_specs(given)]
    return shapes[0][1:] if len(shapes) == 1 and len(shapes[0]) == 4 else None


def batched(sizes: Sequence[specs.Size], batch: int, module: nn.Module) -> tuple[TensorSpec, ...]:
    """Inputs of these sizes; those without a dtype have the network's own."""
    from lwprof.capture.tensors import dtype_name
    from lwprof.inputs import floating_dtype

    own = dtype_name(floating_dtype(module))
    return tuple(
        TensorSpec((batch, *specs.shape(size)), size.dtype if isinstance(size, TensorSpec) else own) for size in sizes
    )


def sizes(given: Any) -> tuple[specs.Size, ...]:
    """Read what people give as ``input_size``: one shape or a list of them, batch left out; ``None`` is no size.

    >>> sizes((3, 8, 8)), sizes([(3, 8, 8), TensorSpec((16,), "int64")])
    (((3, 8, 8),), ((3, 8, 8), TensorSpec(shape=(16,), dtype='int64')))

    Raises:
        InputError: it is neither, or names an unknown dtype.
    """
    if given is None:
        return ()
    try:
        items = [given] if isinstance(given, TensorSpec) else list(given)
        if all(hasattr(item, "__index__") for item in items):
            items = [items]
        found = [item if isinstance(item, TensorSpec) else tuple(map(operator.index, item)) for item in items]
    except TypeError:
        found = []
    if not found or any(side < 0 for size in found for side in specs.shape(size)):
        raise InputError(f"input_size {given!r} is no shape such as (3, 224, 224), nor a list of shapes")
    for size in found:
        if isinstance(size, TensorSpec):
            specs.check_dtype(size.dtype, f"input_size {given!r}")
    return tuple(found)
