"""The environment that a measurement was made in, as a flat record."""

from __future__ import annotations

import os
import platform
from pathlib import Path

from lwprof import __version__
from lwprof.results import Scalar

VARIABLES = (
    "OMP_NUM_THREADS", "OMP_PROC_BIND", "OMP_PLACES", "OMP_WAIT_POLICY", "GOMP_CPU_AFFINITY", "KMP_AFFINITY",
    "KMP_BLOCKTIME", "MKL_NUM_THREADS", "ONEDNN_MAX_CPU_ISA", "LD_PRELOAD", "CUDA_VISIBLE_DEVICES",
)  # fmt: skip
"""What changes how fast runtimes are, or on which processors they run; recorded where it is set."""


def environment() -> dict[str, Scalar]:
    """Describe machine and software; ``None`` where the system does not say."""
    return {
        "lwprof": __version__,
        "python": platform.python_version(),
        "os": f"{platform.system()} {platform.release()}",
        "machine": platform.machine(),
        "cpu": cpu_model(),
        "cores": usable_cores(),
        "governor": governor(),
        "load_1min": load(),
        **{name: value for name in VARIABLES if (value := os.environ.get(name))},
    }


def cpu_model(cpuinfo: Path = Path("/proc/cpuinfo")) -> str | None:
    """Name of the processor."""
    for line in _read(cpuinfo).splitlines():
        key, _, value = line.partition(":")
        if key.strip().lower() in ("model name", "hardware"):
            return value.strip()
    return platform.processor() or None


def usable_cores() -> int:
    """Cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def governor(cpus: Path = Path("/sys/devices/system/cpu")) -> str | None:
    """Frequency-scaling governors of the cores, joined by commas."""
    names = {_read(path).strip() for path in cpus.glob("cpu[0-9]*/cpufreq/scaling_governor")}
    return ",".join(sorted(names - {""})) or None


def load() -> float | None:
    """Mean number of runnable tasks over the last minute."""
    try:
        return round(os.getloadavg()[0], 2)
    except (OSError, AttributeError):
        return None


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
