"""Feeds: what ONNX graphs are given, and what they give back, as arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lwprof.errors import BackendError
from lwprof.timing.conversions import onnx_export
from lwprof.timing.portable.onnxruntime_network import given_back

__all__ = ["fed", "given_back", "sent"]

if TYPE_CHECKING:
    from lwprof.inputs import Values


def fed(names: Sequence[str], values: Values, *, exported: bool) -> dict[str, Any]:
    """Arrays by the names of a graph's inputs.

    Args:
        names: of the graph's inputs.
        values: what the network is called with.
        exported: whether the graph is that of an exported module; a file's own inputs are in the order of ``values``,
            or have their names.

    Raises:
        BackendError: there is an input for which there is no tensor.
    """
    from lwprof.inputs import tensors

    if exported:
        found = onnx_export.named(values)
    elif isinstance(values, Mapping):
        found = dict(values)
    else:
        found = dict(zip(names, tensors(values), strict=False))
    if missing := [name for name in names if name not in found]:
        raise BackendError(f"nothing is given for the graph's input {', '.join(missing)}")
    return {name: _array(found[name]) for name in names}


def sent(values: Values, *, exported: bool) -> tuple[list[str], list[Any]]:
    """Names of a graph's inputs, and the array of each, for a graph that is elsewhere; it may not have all of them.

    No names where arrays go by their places.

    Raises:
        BackendError: a tensor cannot be given as an array.
    """
    from lwprof.inputs import tensors

    if not exported and not isinstance(values, Mapping):
        return [], [_array(tensor) for tensor in tensors(values)]
    found = onnx_export.named(values)
    return list(found), [_array(tensor) for tensor in found.values()]


def _array(tensor: Any) -> Any:
    import torch

    if tensor.dtype is torch.bfloat16:
        raise BackendError("inputs in bfloat16 cannot be given: NumPy, through which they go, has no such numbers")
    return tensor.detach().contiguous().numpy()
