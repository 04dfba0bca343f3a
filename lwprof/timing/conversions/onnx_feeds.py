"""Feeds: what ONNX graphs are given, and what they give back, as arrays."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lwprof.errors import BackendError
from lwprof.timing.conversions import onnx_export

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


def given_back(results: Iterable[Any]) -> list[Any]:
    """Every array that a session gave back, float16 as float32."""
    import numpy

    found: list[Any] = []
    for result in results:
        if isinstance(result, numpy.ndarray):
            found.append(result.astype(numpy.float32) if result.dtype == numpy.float16 else result)
        elif isinstance(result, list | tuple):
            found += given_back(result)
        elif isinstance(result, dict):
            found += given_back(result.values())
    return found


def _array(tensor: Any) -> Any:
    import torch

    if tensor.dtype is torch.bfloat16:
        raise BackendError("inputs in bfloat16 cannot be given: NumPy, through which they go, has no such numbers")
    return tensor.detach().contiguous().numpy()
