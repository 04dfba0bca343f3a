"""The machine that networks run on, as its system describes it."""

from __future__ import annotations

import os
import platform
from pathlib import Path

from lwprof.timing.portable import cores

THROTTLED = Path("/sys/devices/platform/soc/soc:firmware/get_throttled")
"""What the firmware of a Raspberry Pi says of its supply and its heat: bits 0 to 3 for now."""

SLOWED_NOW = 0xF


def description(proc: Path = cores.PROC, sys: Path = cores.SYS) -> dict[str, str | int | float | None]:
    """Describe it as a flat record; ``None`` where the system does not say."""
    kinds = cores.groups(cores.processors(proc, sys))
    big = [number for kind in kinds if kind.size == cores.BIG for number in kind.numbers]
    return {
        "python": platform.python_version(),
        "os": f"{platform.system()} {platform.release()}",
        "machine": platform.machine(),
        "cpu": cpu_model(proc, sys),
        "cores": usable_cores(),
        "governor": governor(sys),
        "load_1min": load(),
        **({"big_cores": cores.spelled(big)} if big else {}),
    }


def cpu_model(proc: Path = cores.PROC, sys: Path = cores.SYS) -> str | None:
    """Name of the processor; of ARM its cores: "4x Cortex-A76, 4x Cortex-A55"."""
    text = _read(proc / "cpuinfo")
    if "CPU part" in text:
        return ", ".join(group.brief for group in cores.groups(cores.processors(proc, sys)))
    for line in text.splitlines():
        key, _, value = line.partition(":")
        if key.strip().lower() in ("model name", "hardware"):
            return value.strip()
    return platform.processor() or None


def board_model(file: Path = Path("/proc/device-tree/model")) -> str | None:
    """Name of the board, where it has a device tree: "Raspberry Pi 5 Model B Rev 1.0"."""
    return _read(file).strip("\0\n ") or None


def usable_cores() -> int:
    """Cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def governor(sys: Path = cores.SYS, of: str = "[0-9]*") -> str | None:
    """Frequency-scaling governors of the cores, or of one of them, joined by commas."""
    names = {_read(path).strip() for path in sys.glob(f"devices/system/cpu/cpu{of}/cpufreq/scaling_governor")}
    return ",".join(sorted(names - {""})) or None


def load() -> float | None:
    """Mean number of runnable tasks over the last minute."""
    try:
        return round(os.getloadavg()[0], 2)
    except (OSError, AttributeError):
        return None


def temperature(zones: Path = Path("/sys/class/thermal")) -> float | None:
    """Degrees Celsius of the hottest thermal zone."""
    found = [_read(path).strip() for path in zones.glob("thermal_zone*/temp")]
    return max((int(text) / 1000 for text in found if text.lstrip("-").isdigit()), default=None)


def throttled(file: Path = THROTTLED) -> bool | None:
    """Whether the board is slowed down now, by heat or a weak supply."""
    try:
        return bool(int(_read(file).strip(), 16) & SLOWED_NOW)
    except ValueError:
        return None


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
