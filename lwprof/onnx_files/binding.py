"""Binding: sizes for a file's inputs, from the file itself and from what the user gives."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import onnx

from lwprof.errors import InputError
from lwprof.onnx_files.tensors import Known
from lwprof.results.networks import TensorSpec

Sizes = Sequence[Sequence[int] | TensorSpec] | Mapping[str, TensorSpec]
"""Of each input, in the file's order or by name."""

Declared = tuple[int | str, ...]
"""Sizes as the file has them: a number, or the name of one that is open (``?`` where it has none)."""


def bind(path: str, graph: onnx.GraphProto, sizes: Sizes, batch: int | None) -> tuple[dict[str, Known], dict[str, int]]:
    """Return every input with its sizes, and the sizes that names stand for.

    An open first size is the batch. Given sizes leave the batch out, unless ``batch`` is ``None``; where the file has
    a fixed size, they have to agree with it.

    Raises:
        InputError: a size is still open, or another one was given than the file has.
    """
    stored = {tensor.name for tensor in graph.initializer} | {tensor.values.name for tensor in graph.sparse_initializer}
    inputs = [value for value in graph.input if value.name not in stored]
    names = [value.name for value in inputs]
    if isinstance(sizes, Mapping):
        if sizes.keys() != set(names):
            raise InputError(f"{path} has the inputs {', '.join(names)}, and not {', '.join(sizes)}")
        sizes = [sizes[name] for name in names]
    if sizes and len(sizes) != len(inputs):
        raise InputError(f"{path} has {len(inputs)} inputs ({', '.join(names)}), and {len(sizes)} sizes were given")
    bound: dict[str, int] = {}
    found: dict[str, Known] = {}
    for place, value in enumerate(inputs):
        if not value.type.HasField("tensor_type"):
            raise InputError(f"{path}: input {value.name!r} is no tensor")
        known = Known(value.type.tensor_type.elem_type, None)
        declared = _declared(value)
        label = f"{path}: input {value.name!r}"
        if sizes:
            shape = _given(label, declared, sizes[place], batch, known.dtype)
        elif declared is None:
            raise InputError(f"{label} has no shape; give its size with --input-size, such as 3,224,224")
        else:
            shape = declared
            if shape and isinstance(shape[0], str):
                shape = (bound.get(shape[0], batch or 1), *shape[1:])
        for name, size in zip(declared or (), shape, strict=False):
            if isinstance(name, str) and isinstance(size, int) and name != "?":
                bound.setdefault(name, size)
        known_sizes = tuple(bound.get(size, size) if isinstance(size, str) else size for size in shape)
        found[value.name] = Known(known.type, tuple(_closed(label, known_sizes)))
    if (batch or 1) > 1 and found and not any(known.shape and known.shape[0] == batch for known in found.values()):
        shapes = " and ".join(_text(known.sizes or ()) for known in found.values())
        raise InputError(f"{path} is made for {shapes}; a batch of {batch} needs another file")
    return found, bound


def _declared(value: onnx.ValueInfoProto) -> Declared | None:
    tensor = value.type.tensor_type
    if not tensor.HasField("shape"):
        return None
    return tuple(
        size.dim_value if size.dim_value > 0 else size.dim_param if size.dim_param not in ("", "-1") else "?"
        for size in tensor.shape.dim
    )


def _given(
    label: str, declared: Declared | None, size: Sequence[int] | TensorSpec, batch: int | None, dtype: str
) -> Declared:
    """The sizes that were given, with the batch, checked against the file's."""
    if isinstance(size, TensorSpec):
        if size.dtype != dtype:
            raise InputError(f"{label} holds {dtype}, not {size.dtype}")
        size = size.shape
    shape: Declared = tuple(size) if batch is None else (batch, *size)
    if declared is None:
        return shape
    if len(size) == len(declared) and batch == 1 and len(shape) != len(declared):
        shape = tuple(size)  # an input without a batch
    elif len(shape) == len(declared) and batch == 1 and isinstance(declared[0], int):
        shape = (declared[0], *size)
    fits = len(shape) == len(declared) and all(
        isinstance(name, str) or name == length for name, length in zip(declared, shape, strict=True)
    )
    if not fits:
        raise InputError(f"{label} is {_text(declared)}; it cannot be {_text(shape)}")
    return shape


def _closed(label: str, shape: Declared) -> Iterator[int]:
    open_sizes = [size for size in shape if isinstance(size, str)]
    if open_sizes:
        names = " and ".join(dict.fromkeys(open_sizes)) if "?" not in open_sizes else "its size"
        example = ",".join("224" if isinstance(size, str) else str(size) for size in shape[1:])
        raise InputError(f"{label} is {_text(shape)}: {names} must be given with --input-size, such as {example}")
    return (size for size in shape if isinstance(size, int))


def _text(shape: Declared) -> str:
    return "×".join(map(str, shape)) or "scalar"
