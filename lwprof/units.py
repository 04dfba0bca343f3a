"""Units: how many bytes an element has, and how a base number is written for people.

Results hold elements, bytes and seconds; only reports scale and round, and only through here.
"""

from __future__ import annotations

import math

DTYPE_BYTES = {
    "float64": 8, "float32": 4, "float16": 2, "bfloat16": 2, "float8_e4m3fn": 1, "float8_e5m2": 1,
    "complex128": 16, "complex64": 8, "complex32": 4,
    "int64": 8, "int32": 4, "int16": 2, "int8": 1,
    "uint64": 8, "uint32": 4, "uint16": 2, "uint8": 1, "bool": 1,
    "qint32": 4, "qint8": 1, "quint8": 1,
}  # fmt: skip
"""Bytes of one element, by dtype name."""


def dtype_bytes(dtype: str) -> int:
    """Bytes of one element of ``dtype``; a dtype that is not in the table counts as one byte."""
    return DTYPE_BYTES.get(dtype, 1)


def count(number: float | None) -> str:
    """Write a count with its unit prefix and three significant digits at least.

    >>> count(300_774_272), count(3_504_872), count(56_510), count(0), count(None)
    ('300.8 M', '3.505 M', '56.5 k', '0', '–')
    """
    if number is None:
        return "–"
    for size, prefix in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(number) >= size:
            scaled = number / size
            return f"{scaled:.{3 if abs(scaled) < 10 and size >= 1e6 else 1}f} {prefix}"
    return f"{number:.0f}" if number == int(number) else f"{number:.2f}"


def exact(number: int | None) -> str:
    """Write a count in full.

    >>> exact(3504872)
    '3,504,872'
    """
    return "–" if number is None else f"{number:,}"


def size(number: float | None) -> str:
    """Write bytes in decimal megabytes, as the field does.

    >>> size(9_633_792), size(512), size(123_456)
    ('9.63 MB', '512 B', '123.5 kB')
    """
    if number is None:
        return "–"
    if number < 1e3:
        return f"{number:.0f} B"
    return f"{number / 1e3:.1f} kB" if number < 1e6 else f"{number / 1e6:.2f} MB"


def seconds(number: float | None, digits: int = 3) -> str:
    """Write a duration with ``digits`` significant digits.

    >>> seconds(0.0123456), seconds(0.9), seconds(3.2e-5), seconds(12.3456), seconds(0.4567)
    ('12.3 ms', '900 ms', '32.0 µs', '12.3 s', '457 ms')
    """
    if number is None:
        return "–"
    scale, unit = (1.0, "s") if number >= 1 else (1e3, "ms") if number >= 1e-3 else (1e6, "µs")
    scaled = number * scale
    if scaled == 0:
        return "0 s"
    places = max(0, digits - 1 - math.floor(math.log10(abs(scaled))))
    return f"{scaled:.{places}f} {unit}"


def share(part: float | None, whole: float | None) -> str:
    """Write ``part`` of ``whole`` in per cent.

    >>> share(1, 3), share(1, 0)
    ('33.33 %', '–')
    """
    return "–" if part is None or not whole else f"{100 * part / whole:.2f} %"
