"""Latency limits: how much slower than another network one may be, as settings and command lines give it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

from lwprof.auditing import instruction_limits
from lwprof.errors import InputError, about
from lwprof.models import names, specs
from lwprof.models.specs import Spec
from lwprof.settings import check_keys
from lwprof.timing.backends import MOST_THREADS, Options, check, named
from lwprof.timing.devices import EMULATED, parse
from lwprof.timing.targets import Target, find_targets

if TYPE_CHECKING:
    from pathlib import Path

NAME = "max_latency_ratio"


@dataclass(frozen=True, slots=True)
class LatencyLimit:
    """How much slower than another network one may be."""

    to: Spec
    """The other one."""
    ratio: float
    backend: str | None = None
    """What both are timed on, as are device, dtype and threads; where nothing is said, as the audit is told."""
    device: str | None = None
    dtype: str | None = None
    threads: int | None = None
    enforced: bool = False
    """Being over it makes the audit fail."""

    def targets(self, backend: str, options: Options) -> tuple[Target, ...]:
        """What both networks are timed on: ``backend`` with ``options``, where the limit says nothing else.

        Where no backend is named, it is that of the device.

        Raises:
            InputError: the number of threads is impossible, or nothing is timed on the device.
            BackendError: the backend or device is not available.
        """
        own = {name: value for name in ("device", "dtype", "threads") if (value := getattr(self, name)) is not None}
        chosen = replace(options, **own)
        if parse(chosen.device).kind == EMULATED:
            raise InputError(
                f"{NAME} takes a device that networks are timed on; on {chosen.device} instructions are counted, "
                f"which {instruction_limits.NAME} limits"
            )
        return find_targets(list(filter(None, [self.backend or backend])), [chosen])


def limit(
    table: Mapping[str, Any], label: str, base: LatencyLimit | None = None, folder: Path | None = None
) -> LatencyLimit:
    """Read a latency budget as settings and command lines give it.

    >>> found = limit({"to": "mbv2", "ratio": "1.2"}, "max_latency_ratio")
    >>> found.to.text, found.ratio, found.enforced
    ('mbv2', 1.2, False)

    Args:
        table: its settings.
        label: what messages call them.
        base: the limit that holds where ``table`` says nothing.
        folder: what paths are relative to; by default the current one.

    Raises:
        InputError: an unknown setting, a wrong value, or no word on what to compare with.
    """
    check_keys(table, [each.name for each in fields(LatencyLimit)], label)
    given = {key: _READERS[key](value, f"{label}.{key}") for key, value in table.items()}
    if folder is not None and "to" in given:
        given["to"] = given["to"].under(folder)
    if base is not None:
        return replace(base, **given)
    for key in ("to", "ratio"):
        if key not in given:
            raise InputError(f'{label} lacks {key!r}; write {{to = "mbv2", ratio = 1.2}}')
    return LatencyLimit(**given)


def _network(value: Any, label: str) -> Spec:
    if not isinstance(value, str):
        raise InputError(f"{label} must be a model spec such as 'mbv2', not {value!r}")
    with about(label):
        spec = specs.parse(value)
        names.meaning(spec)
    return spec


def _ratio(value: Any, label: str) -> float:
    try:
        ratio = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        ratio = math.nan
    if not 0 < ratio < math.inf:
        raise InputError(f"{label} must be a number above 0 such as 1.2, not {value!r}")
    return ratio


def _backend(value: Any, label: str) -> str:
    with about(label):
        return named(_text(value)).name


def _choice(option: str) -> Callable[[Any, str], str]:
    def read(value: Any, label: str) -> str:
        with about(label):
            chosen: dict[str, Any] = {option: _text(value)}
            check(Options(**chosen))
        return str(value)

    return read


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise InputError(f"it must be a name, not {value!r}")
    return value


def _threads(value: Any, label: str) -> int:
    try:
        threads = 0 if isinstance(value, bool | float) else int(value)
    except (TypeError, ValueError):
        threads = 0
    if not 0 < threads <= MOST_THREADS:
        raise InputError(f"{label} must be a whole number from 1 to {MOST_THREADS}, not {value!r}")
    return threads


def _switch(value: Any, label: str) -> bool:
    said = {"true": True, "false": False}.get(value.lower()) if isinstance(value, str) else value
    if not isinstance(said, bool):
        raise InputError(f"{label} must be true or false, not {value!r}")
    return said


_READERS: Mapping[str, Callable[[Any, str], Any]] = {
    "to": _network,
    "ratio": _ratio,
    "backend": _backend,
    "device": _choice("device"),
    "dtype": _choice("dtype"),
    "threads": _threads,
    "enforced": _switch,
}
