"""Units: how many bytes an element has, and how people write a base number and get it written.

Results hold elements, bytes and seconds; only reports scale and round, and only through here.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from decimal import Decimal

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


_AMOUNT = re.compile(
    r"(?P<digits>\d[\d_,]*(?:\.\d*)?|\.\d+)(?P<power>e\d\d?)? ?"
    r"(?:(?P<binary>[kmgt])ib|(?P<decimal>[kmgt])?(?P<bytes>b)?)",
    re.ASCII | re.IGNORECASE,
)
_PREFIXES = "kmgt"


def amount(text: str, *, of_bytes: bool = False) -> Decimal | None:
    """Read a count as people write it, with a unit prefix or in full; ``None`` for what is none.

    >>> [int(amount(text)) for text in ("150M", "1.2 G", "5e5", "4_000_000")]
    [150000000, 1200000000, 500000, 4000000]
    >>> [int(amount(text, of_bytes=True)) for text in ("10MB", "10M", "1.5 MiB", "512 B")], amount("10MB")
    ([10000000, 10000000, 1572864, 512], None)

    Args:
        text: what was written.
        of_bytes: read sizes as well: ``10MB`` (decimal), ``9.6 MiB`` (binary).
    """
    parts = _AMOUNT.fullmatch(text.strip())
    if parts is None or ((parts["bytes"] or parts["binary"]) and not of_bytes):
        return None
    number = Decimal(re.sub("[_,]", "", parts["digits"]) + (parts["power"] or ""))
    if parts["binary"]:
        return number * Decimal(1024) ** (_PREFIXES.index(parts["binary"].lower()) + 1)
    return number.scaleb(3 * (_PREFIXES.index(parts["decimal"].lower()) + 1)) if parts["decimal"] else number


def count(number: float | None) -> str:
    """Write a count with its unit prefix and three significant digits at least.

    >>> count(300_774_272), count(3_504_872), count(56_510), count(5_120), count(0), count(None)
    ('300.8 M', '3.505 M', '56.5 k', '5.12 k', '0', '–')
    >>> count(999), count(999_940), count(999_960)
    ('999', '999.9 k', '1.000 M')
    """
    if number is None:
        return "–"
    for size, prefix in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(number) >= size * 0.99995:
            scaled = number / size
            places = 1 if abs(scaled) >= 10 else 3 if size >= 1e6 else 2
            return f"{scaled:.{places}f} {prefix}"
    return f"{number:.0f}" if number == int(number) else f"{number:.2f}"


def exact(number: int | None) -> str:
    """Write a count in full.

    >>> exact(3504872)
    '3,504,872'
    """
    return "–" if number is None else f"{number:,}"


def number_of(number: int, noun: str) -> str:
    """Write how many there are.

    >>> number_of(1, "thread"), number_of(2, "big core"), number_of(0, "network")
    ('1 thread', '2 big cores', '0 networks')
    """
    return f"{number} {noun}{'s' * (number != 1)}"


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
    >>> seconds(0.0009996)
    '1.00 ms'
    """
    if number is None:
        return "–"
    number = float(f"{number:.{digits}g}")
    scale, unit = time_unit(number)
    scaled = number * scale
    if scaled == 0:
        return "0 s"
    places = max(0, digits - 1 - math.floor(math.log10(abs(scaled))))
    return f"{scaled:.{places}f} {unit}"


def uncertain(value: float, low: float, high: float) -> tuple[str, str]:
    """Write ``value`` and the half width of its interval, rounded to what the interval supports.

    The half width keeps one significant digit, two where the first is a 1; the longer half counts
    where ``value`` is not in the middle. However wide it is, one digit of ``value`` is left.

    >>> uncertain(12.3456, 12.29, 12.38), uncertain(0.74123, 0.7293, 0.7524), uncertain(1234.5, 1100, 1250)
    (('12.35', '0.06'), ('0.741', '0.012'), ('1230', '130'))
    >>> uncertain(5.0, 5.0, 5.0), uncertain(1.8, 1.7, 62)
    (('5.00', '0'), ('2', '60'))
    """
    half = max(high - value, value - low, 0.0)
    if half == 0 or not math.isfinite(half):
        return f"{value:#.3g}".rstrip("."), "0" if half == 0 else "?"
    first = math.floor(math.log10(half))
    places = -first + (half / 10.0**first < 2)
    return _rounded(value, max(places, -math.floor(math.log10(value))) if value > 0 else places), _rounded(half, places)


def uncertain_seconds(value: float, low: float, high: float) -> tuple[str, str, str]:
    """The same of a duration, with the unit in which its rounded value has a readable size.

    >>> uncertain_seconds(0.0123456, 0.0122, 0.0125), uncertain_seconds(0.00096, 0.0002, 0.0019)
    (('12.35', '0.15', 'ms'), ('1.0', '0.9', 'ms'))
    """
    scale, name = time_unit(value)
    found = uncertain(value * scale, low * scale, high * scale)
    if scale > 1 and float(found[0]) >= 1000:
        scale, name = time_unit(float(found[0]) / scale)
        found = uncertain(value * scale, low * scale, high * scale)
    return *found, name


def _rounded(value: float, places: int) -> str:
    return f"{round(value, places):.{max(places, 0)}f}"


def time_unit(number: float) -> tuple[float, str]:
    """Choose the unit in which a duration has a readable size: how many make a second, and its name.

    >>> time_unit(2.5), time_unit(0.0123), time_unit(4e-5)
    ((1.0, 's'), (1000.0, 'ms'), (1000000.0, 'µs'))
    """
    return (1.0, "s") if number >= 1 else (1e3, "ms") if number >= 1e-3 else (1e6, "µs")


def shape(sizes: Sequence[int], sign: str = "×") -> str:
    """Write a tensor's shape.

    >>> shape((1, 3, 224, 224)), shape((), "x")
    ('1×3×224×224', 'scalar')
    """
    return sign.join(map(str, sizes)) or "scalar"


def share(part: float | None, whole: float | None) -> str:
    """Write ``part`` of ``whole`` in per cent.

    >>> share(1, 3), share(1, 0)
    ('33.33 %', '–')
    """
    return "–" if part is None or not whole else f"{100 * part / whole:.2f} %"


def accuracy(number: float | None) -> str:
    """Write a published accuracy, in percent, with the digits it was printed with, one at least.

    >>> accuracy(72.0), accuracy(69.36), accuracy(None)
    ('72.0 %', '69.36 %', '–')
    """
    return "–" if number is None else f"{number if number * 10 % 1 else round(number, 1)} %"
