"""Documents: results that save as JSON, and how one is rebuilt from it."""

from __future__ import annotations

import dataclasses
import json
import math
import reprlib
import types
import typing
from collections.abc import Mapping
from dataclasses import Field, dataclass
from pathlib import Path
from typing import Any, ClassVar, Union

from lwprof.errors import InputError
from lwprof.files import write_whole

Scalar = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Document:
    """A result that stands on its own: it has a schema, and a file of its own."""

    schema: ClassVar[str]

    def to_dict(self) -> dict[str, Any]:
        """Plain dicts, lists and scalars, with ``schema`` first."""
        return {"schema": self.schema, **plain(self)}

    def to_json(self) -> str:
        """JSON text with a final newline."""
        return json_text(self.to_dict(), indent=2) + "\n"

    def save(self, path: str | Path) -> None:
        """Write the result to ``path`` as JSON, whole or not at all."""
        write_whole(path, self.to_json())


def among(name: str, mark: str) -> dict[str, str]:
    """Metadata of a field whose items stand after those of field ``name`` in JSON, told apart by a key ``mark``."""
    return {"among": name, "mark": mark}


def key_of(item: Field[Any]) -> str:
    """Where a field stands in JSON."""
    return str(item.metadata.get("among", item.name))


def plain(item: Any) -> Any:
    """Turn dataclasses into dicts, and a number that JSON has not into null."""
    if dataclasses.is_dataclass(item):
        found = {f.name: plain(getattr(item, f.name)) for f in dataclasses.fields(item)}
        for field_ in dataclasses.fields(item):
            if (key := key_of(field_)) != field_.name:
                found[key] += found.pop(field_.name)
        return found
    if isinstance(item, Mapping):
        return {key: plain(value) for key, value in item.items()}
    if isinstance(item, tuple | list):
        return [plain(value) for value in item]
    return None if isinstance(item, float) and not math.isfinite(item) else item


def json_text(item: Any, indent: int | None = None) -> str:
    r"""Write plain data as JSON, with what is no text escaped, so that every encoding has it.

    >>> json_text(["µ", "\udcff"])
    '["µ", "\\udcff"]'
    """
    text = json.dumps(item, indent=indent, ensure_ascii=False, allow_nan=False)
    return text.encode(errors="backslashreplace").decode()


def read_json(path: str | Path, what: str = "result") -> Any:
    """Read a JSON file; ``what`` says in a message what it should be.

    Raises:
        InputError: it cannot be read, or is not whole.
    """
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
        if not text.strip():
            raise InputError(f"{path} is empty; save the {what} again")
        return json.loads(text)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not text, so not a {what} of lwprof") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is not whole JSON ({error}); save the {what} again") from error


LARGEST = 2**127
"""No count is larger; what is comes from a damaged file."""
WORDS = {int: "a whole number", float: "a number", str: "a text", bool: "true or false"}


def rebuild(kind: Any, data: Any, place: str = "") -> Any:
    """Make ``data`` an instance of the annotation ``kind``; keys it does not know are left alone.

    ``place`` names the data within its document.
    """
    origin, args = typing.get_origin(kind), typing.get_args(kind)
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        if not isinstance(data, Mapping):
            raise TypeError(f"{place or 'it'} must be an object, not {reprlib.repr(data)}")
        return kind(**_rebuilt_fields(kind, data, place))
    if origin in (Union, types.UnionType):
        if data is None and type(None) in args:
            return None
        return (
            rebuild(next(arg for arg in args if arg is not type(None)), data, place)
            if args[-1] is type(None) and len(args) == 2
            else data
        )
    if origin is tuple:
        if not isinstance(data, list | tuple):
            raise TypeError(f"{place} must be a list, not {reprlib.repr(data)}")
        if args[-1] is Ellipsis:
            return tuple(rebuild(args[0], item, f"{place}[{index}]") for index, item in enumerate(data))
        if len(args) != len(data):
            raise ValueError(f"{place} must have {len(args)} items, not {len(data)}")
        return tuple(rebuild(arg, item, place) for arg, item in zip(args, data, strict=True))
    if isinstance(data, int | float) and not abs(data) <= LARGEST:
        raise ValueError(f"{place} is no number that can be counted or measured: {reprlib.repr(data)}")
    if kind is float and isinstance(data, int) and not isinstance(data, bool):
        return float(data)
    if isinstance(kind, type) and (not isinstance(data, kind) or (kind is int and isinstance(data, bool))):
        raise TypeError(f"{place} must be {WORDS.get(kind, kind.__name__)}, not {reprlib.repr(data)}")
    if origin is None:
        return data
    if not isinstance(data, Mapping):
        raise TypeError(f"{place} must be an object, not {reprlib.repr(data)}")
    return {key: rebuild(args[1], value, f"{place}.{key}") for key, value in data.items()}


def _rebuilt_fields(kind: Any, data: Mapping[str, Any], place: str) -> dict[str, Any]:
    hints = typing.get_type_hints(kind)
    fields = dataclasses.fields(kind)
    values = {}
    for field_ in fields:
        key = key_of(field_)
        inside = f"{place}.{key}" if place else key
        marks = {other.metadata["mark"]: other.name for other in fields if key_of(other) == key != other.name}
        if key not in data:
            if field_.default is dataclasses.MISSING and field_.default_factory is dataclasses.MISSING:
                raise ValueError(f"it lacks the key {inside}")
        elif marks and isinstance(items := data[key], list | tuple):
            values[field_.name] = tuple(
                rebuild(typing.get_args(hints[field_.name])[0], item, f"{inside}[{index}]")
                for index, item in enumerate(items)
                if field_.name == _field_of(item, marks, otherwise=key)
            )
        else:
            values[field_.name] = rebuild(hints[field_.name], data[key], inside)
    return values


def _field_of(item: Any, marks: Mapping[str, str], otherwise: str) -> str:
    """Which of the fields that share a list an item of it belongs to."""
    return next((name for mark, name in marks.items() if isinstance(item, Mapping) and mark in item), otherwise)
