"""Amounts: how many of something a limit allows, as settings and command lines give it."""

from __future__ import annotations

import reprlib
from typing import Any

from lwprof import units
from lwprof.errors import InputError

LARGEST = 2**63 - 1
"""More than any network has of anything."""


def limit(value: Any, name: str, example: str = "4_000_000 or 4M", *, of_bytes: bool = False) -> float:
    """Read a limit: a number, or a text with a unit.

    >>> limit("4M", "max_params"), limit("1.5 MiB", "max_model_bytes", of_bytes=True)
    (4000000.0, 1572864.0)

    Args:
        value: what was given.
        name: what messages call it.
        example: what it can look like.
        of_bytes: whether it is a number of bytes.

    Raises:
        InputError: it is no number, or none that anything can have.
    """
    number: Any = value
    if isinstance(value, str):
        number = units.amount(value, of_bytes=of_bytes)
        if number is None and not of_bytes and units.amount(value, of_bytes=True) is not None:
            raise InputError(f"{name} is no number of bytes; write one such as 18M, not {value!r}")
    if not isinstance(value, str | int | float) or isinstance(value, bool) or number is None or number != number:
        raise InputError(f"{name} must be a number such as {example}, not {value!r}")
    if number < 0:
        raise InputError(f"{name} must be 0 or more, not {reprlib.repr(value)}")
    if number > LARGEST:
        raise InputError(f"{name} is larger than anything that is counted: {reprlib.repr(value)}")
    return float(number)
