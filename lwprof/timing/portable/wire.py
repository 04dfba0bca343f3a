"""What goes over the two pipes between an agent and who asks it: requests with bytes behind them, arrays, refusals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

CHUNK = 1 << 20
"""Bytes that are read at once."""


class RefusedError(Exception):
    """What is asked for cannot be done; it says why in a sentence."""

    def __init__(self, sentence: str, **details: Any) -> None:
        super().__init__(sentence)
        self.details = details
        """What else the answer holds."""


class Body:
    """The bytes behind a request."""

    def __init__(self, stream: BinaryIO, size: int) -> None:
        self._stream, self._left = stream, size

    def read(self, size: int | None = None) -> bytes:
        """Read so many, or all that are left.

        Raises:
            EOFError: the connection ended.
        """
        size = self._left if size is None else size
        found = self._stream.read(size)
        self._left -= len(found)
        if len(found) < size:
            raise EOFError
        return found

    def save(self, path: Path, size: int) -> None:
        """Read so many into a file."""
        with path.open("wb") as file:
            for left in range(size, 0, -CHUNK):
                file.write(self.read(min(left, CHUNK)))

    def skip(self) -> None:
        """Pass over those that nobody read."""
        while self._left:
            self.read(min(self._left, CHUNK))


def arrays(specs: Sequence[Mapping[str, Any]], data: bytes) -> list[Any]:
    """Read arrays of the given dtypes and shapes that lie one behind the other."""
    import numpy

    found, at = [], 0
    for spec in specs:
        dtype = numpy.dtype(spec["dtype"])
        count = int(numpy.prod(spec["shape"], dtype=int))
        found.append(numpy.frombuffer(data, dtype, count, at).reshape(spec["shape"]).copy())
        at += count * dtype.itemsize
    return found


def described(found: Sequence[Any]) -> tuple[dict[str, Any], bytes]:
    """Dtypes and shapes of arrays, and their bytes one behind the other.

    Raises:
        RefusedError: there are texts, or other objects, among them.
    """
    if any(array.dtype.hasobject for array in found):
        raise RefusedError("it gives back something else than numbers")
    specs = [{"dtype": array.dtype.str, "shape": list(array.shape)} for array in found]
    return {"arrays": specs}, b"".join(array.tobytes() for array in found)


def said(error: BaseException) -> str:
    """What an exception says, in one line: of the system's errors the reason alone."""
    reason = getattr(error, "strerror", None) if isinstance(error, OSError) else None
    lines = str(error).strip().splitlines()
    known = isinstance(error, (RefusedError, RuntimeError, ValueError))
    return reason or (lines[0] if known and lines else ": ".join([type(error).__name__, *lines[:1]]))
