"""An emulated core that executes what it is told to: no QEMU, no runtime and no conversion are needed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import count
from pathlib import Path

import pytest
from fake_backends import Fake

from lwprof.errors import BackendError
from lwprof.inputs import Values
from lwprof.results.instructions import Instructions
from lwprof.timing import backends
from lwprof.timing.backends.torch_eager import TorchEager
from lwprof.timing.contract import Conversion, Loaded, Options, Source
from lwprof.timing.devices import Device
from lwprof.timing.emulation import counting
from lwprof.timing.forwards import outputs

MADE = count()
"""A number for each conversion, so that none is taken from the cache."""


def executed(total: int, vector_fma: int = 0) -> Instructions:
    """So many instructions, of which some are vector FMAs and the others arithmetic."""
    return Instructions(total, vector_fma, 0, 0, 0, total - vector_fma, 0, 0, 0)


class Process:
    """An emulated process that there is not."""

    usable, closed = True, False

    def close(self) -> None:
        self.closed = True


class Emulated(Fake):
    """Stands in for ncnn, and for the emulated core that it runs on."""

    devices = ("cpu", "arm-emulated", "ssh")
    dtypes = ("float32", "float16")

    def __init__(self) -> None:
        super().__init__("ncnn")
        self.executes: Mapping[str, Instructions] = {}
        """By the network's label; 1000 otherwise."""
        self.not_installed: str | None = None
        self.unconvertible: Mapping[str, str] = {}
        """Reasons by the network's label."""
        self.log: list[str] = []
        """Labels of what was counted, with the device where it is not the usual one."""
        self.crashes: set[str] = set()
        """Labels of networks that end the process that they are counted in."""
        self.processes: list[Process] = []
        """Those for several networks."""
        self.when_counting: Callable[[str], None] = lambda label: None

    def conversion(self, source: Source, options: Options) -> Conversion:  # type: ignore[override]
        def write(source: Source, folder: Path) -> None:
            if source.label in self.unconvertible:
                raise BackendError(self.unconvertible[source.label])
            (folder / "net").write_text(source.label)

        return Conversion(f"fake-{source.label}", {"made": str(next(MADE))}, write)

    def start(self, device: Device, runtime: str) -> Process:
        """Start a process for several networks."""
        self.processes.append(Process())
        return self.processes[-1]

    def emulated(
        self,
        device: Device,
        runtime: str,
        source: Source,
        options: Options,
        folder: Path,
        process: Process | None = None,
    ) -> Loaded:
        """Load a network in the emulated process that there is not."""
        assert source.module is not None
        module = source.module
        on = [part for part in (device.core, options.dtype) if part not in ("cortex-a76", "")]

        def counted() -> Instructions:
            self.when_counting(source.label)
            if source.label in self.crashes:
                if process is not None:
                    process.usable = False
                raise BackendError("arm-emulated crashed")
            self.log.append(" ".join([source.label, *on]))
            return self.executes.get(source.label, executed(1000))

        def computed(values: Values) -> list[object]:
            return list(outputs(module, values))

        return Loaded(
            lambda: computed(source.values), computed, lambda found: found, count=counted, runtime=f"{runtime} 1.0"
        )


def installed(monkeypatch: pytest.MonkeyPatch) -> Emulated:
    """Put one in the place of ncnn and of the emulator."""
    fake = Emulated()
    monkeypatch.setattr(backends, "BACKENDS", (TorchEager(), fake))
    monkeypatch.setattr(backends, "DTYPES", ("float32", "float16"))
    monkeypatch.setattr(counting, "unavailable", lambda device, dtype: fake.not_installed)
    monkeypatch.setattr(counting, "start", fake.start)
    monkeypatch.setattr(counting, "load", fake.emulated)
    return fake
