"""An emulator: everything that a process on an emulated core takes, and whether it works."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lwprof.errors import BackendError
from lwprof.timing.emulation import programs

CHECK = """
import ctypes, hashlib, json, os, platform, struct, sys, threading, time
import numpy, ncnn
print(json.dumps([platform.machine(), platform.python_version(), numpy.__version__, ncnn.__version__]))
"""
"""What is imported in it is compiled, too: later processes start in half the time."""


@dataclass(frozen=True)
class Emulator:
    """Everything that an emulated process takes."""

    command: tuple[str, ...]
    """QEMU, to which its options and the program are added."""
    environment: Mapping[str, str]
    """All variables of the process."""
    sysroot: Path
    python: Path
    """In the sysroot."""
    packages: Path
    """Where that Python finds the runtime."""
    versions: dict[str, str]
    """Of qemu, python, ncnn and numpy."""


def check(emulator: Emulator) -> None:
    """See that the runtime can be imported on an emulated processor.

    Raises:
        BackendError: it cannot.
    """
    command: list[str | Path] = [
        *emulator.command, "-cpu", "cortex-a76", "-L", emulator.sysroot, "-E", f"PYTHONPATH={emulator.packages}",
        emulator.python, "-c", CHECK,
    ]  # fmt: skip
    try:
        said = programs.run(command, environment=emulator.environment)
        machine = json.loads(said.splitlines()[-1])[0]
    except (BackendError, ValueError, IndexError) as error:
        raise BackendError(f"the emulated ncnn does not run ({error})") from error
    if machine != "aarch64":
        raise BackendError(f"the emulated Python calls its processor {machine!r}, not aarch64")
