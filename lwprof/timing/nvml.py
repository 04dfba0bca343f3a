"""NVIDIA's management library: what a GPU's clocks did, what slowed it down, who else uses it.

NVML: NVIDIA Management Library API reference, "Clocks event reasons" and ``nvmlDeviceGetViolationStatus``.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

# fmt: off
SLOWED = {
    0x004: "its power limit",
    0x008: "a hardware slowdown",
    0x020: "heat",
    0x040: "heat",
    0x080: "the power supply",
}
"""Clock reasons that are not of somebody's choosing, nor for want of work."""

POLICIES = {0: "its power limit", 1: "heat"}
"""Whose time the driver adds up."""
# fmt: on

SM_CLOCK, CORE_TEMPERATURE = 1, 0


@dataclass(frozen=True, slots=True)
class Reading:
    """A GPU at one moment; ``None`` where it does not say."""

    driver: str | None = None
    clock_mhz: int | None = None
    most_mhz: int | None = None
    temperature_c: int | None = None
    slowed_by: tuple[str, ...] = ()
    """What holds its clocks back now."""
    slowed_s: Mapping[str, float] = field(default_factory=dict)
    """Seconds that it was held back, since the driver was loaded."""
    others: int = 0
    """Other processes that compute on it."""


def reading(device: str | None, library: Any = None) -> Reading | None:
    """Read a GPU; ``None`` without the library or its Python package.

    Args:
        device: its UUID, as in ``GPU-0b1c…``; ``None`` for the first.
        library: the ``pynvml`` module, or what stands in for it.
    """
    if library is None:
        try:
            library = importlib.import_module("pynvml")
        except ImportError:
            return None
    try:
        with _open(library):
            if device is None:
                return _read(library, library.nvmlDeviceGetHandleByIndex(0))
            return _read(library, library.nvmlDeviceGetHandleByUUID(device))
    except library.NVMLError:
        return None


@contextmanager
def _open(library: Any) -> Iterator[None]:
    library.nvmlInit()
    try:
        yield
    finally:
        library.nvmlShutdown()


def _read(library: Any, handle: Any) -> Reading:
    def asked(question: Callable[..., Any], *args: Any) -> Any:
        try:
            return question(*args)
        except library.NVMLError:  # not every device answers every question
            return None

    reasons = asked(library.nvmlDeviceGetCurrentClocksThrottleReasons, handle) or 0
    slowed_s = {}
    for policy, name in POLICIES.items():
        if (status := asked(library.nvmlDeviceGetViolationStatus, handle, policy)) is not None:
            slowed_s[name] = status.violationTime / 1e9
    processes = {process.pid for process in asked(library.nvmlDeviceGetComputeRunningProcesses, handle) or ()}
    driver = asked(library.nvmlSystemGetDriverVersion)
    return Reading(
        driver=driver.decode() if isinstance(driver, bytes) else driver,
        clock_mhz=asked(library.nvmlDeviceGetClockInfo, handle, SM_CLOCK),
        most_mhz=asked(library.nvmlDeviceGetMaxClockInfo, handle, SM_CLOCK),
        temperature_c=asked(library.nvmlDeviceGetTemperature, handle, CORE_TEMPERATURE),
        slowed_by=tuple(dict.fromkeys(name for bit, name in SLOWED.items() if reasons & bit)),
        slowed_s=slowed_s,
        others=_others(processes),
    )


def _others(processes: set[int]) -> int:
    """Count others; in a container the driver knows this process, which uses the GPU, under another number."""
    return len(processes - {os.getpid()}) if os.getpid() in processes else max(0, len(processes) - 1)
