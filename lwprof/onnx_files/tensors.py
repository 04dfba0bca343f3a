"""What is known of each named tensor of a file before anything runs: type, sizes, and content where it matters."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy
import onnx
from onnx import numpy_helper

SMALL = 4096
"""Elements up to which content is read: sizes and settings are small, weights need no content."""

STORED = "made of stored tensors alone, before the first call"
SIZES = "works out sizes: no data of the network is read"

_NAMES = {"float": "float32", "double": "float64", "float8e4m3fn": "float8_e4m3fn", "float8e5m2": "float8_e5m2"}

Array = numpy.ndarray[Any, Any]
Sizes = tuple[int | None, ...]


@dataclass(frozen=True, slots=True)
class Known:
    """A tensor of the file."""

    type: int
    """ONNX's number of the element type; 0 for what is no tensor, or not known."""
    shape: Sizes | None
    """``None`` for a rank or a size that only running would tell."""
    data: Array | None = None
    """Content, of small tensors that are the same in every call."""
    fixed: str = ""
    """Why it is the same in every call; empty for data of the network."""
    origins: tuple[str, ...] = ()
    """Names of the stored tensors that a fixed one is made of."""

    @property
    def sizes(self) -> tuple[int, ...] | None:
        """The shape, if every size is known."""
        if self.shape is None or any(size is None for size in self.shape):
            return None
        return tuple(size for size in self.shape if size is not None)

    @property
    def elements(self) -> int:
        """Number of elements; an unknown size counts as none."""
        return 0 if self.shape is None else prod(size or 0 for size in self.shape)

    @property
    def dtype(self) -> str:
        """Name of the element type."""
        return dtype_name(self.type)

    @property
    def floating(self) -> bool:
        """Whether it holds numbers with fractions."""
        return self.dtype.startswith(("float", "bfloat"))

    @property
    def number(self) -> float | None:
        """The number it is, if it is a single known one."""
        return None if self.data is None or self.data.size != 1 else float(self.data.reshape(-1)[0])

    def proto(self) -> onnx.TypeProto:
        """The same as ONNX's own description of a type."""
        return onnx.helper.make_tensor_type_proto(self.type, self.shape)


def dtype_name(number: int) -> str:
    """Name an element type as torch does.

    >>> dtype_name(onnx.TensorProto.FLOAT), dtype_name(onnx.TensorProto.INT8)
    ('float32', 'int8')
    """
    name = str(onnx.TensorProto.DataType.Name(number)).lower()
    return _NAMES.get(name, name)


def stored(tensor: onnx.TensorProto, folder: str, name: str = "") -> Known:
    """Describe a tensor that the file stores, with its content if it is small and there.

    ``folder`` is where content lies that is kept beside the file.
    """
    shape = tuple(tensor.dims)
    data = None
    if prod(shape) <= SMALL and tensor.data_type != onnx.TensorProto.STRING:
        with contextlib.suppress(Exception):  # a count needs sizes; what is missing here is missed where it is needed
            if tensor.data_location == onnx.TensorProto.EXTERNAL:
                onnx.external_data_helper.load_external_data_for_tensor(tensor, folder)
            data = numpy_helper.to_array(tensor)
    return Known(tensor.data_type, shape, data, STORED, (name or tensor.name,))


def of_array(array: Array, fixed: str) -> Known:
    """Describe a tensor by its content."""
    return Known(onnx.helper.np_dtype_to_tensor_dtype(array.dtype), array.shape, array, fixed)


def of_type(kind: onnx.TypeProto, bound: dict[str, int]) -> Known:
    """Describe what ONNX says of a tensor; named sizes are looked up in ``bound``."""
    if not kind.HasField("tensor_type"):
        return Known(0, None)
    tensor = kind.tensor_type
    if not tensor.HasField("shape"):
        return Known(tensor.elem_type, None)
    shape = tuple(
        size.dim_value if size.HasField("dim_value") and size.dim_value >= 0 else bound.get(size.dim_param)
        for size in tensor.shape.dim
    )
    return Known(tensor.elem_type, shape)
