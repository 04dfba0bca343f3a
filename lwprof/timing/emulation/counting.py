"""Counting: what a network executes on an emulated core, from one mark to the other."""

from __future__ import annotations

import functools
import re
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from lwprof.errors import BackendError
from lwprof.results.instructions import Instructions
from lwprof.timing.boards.board import Board
from lwprof.timing.boards.connection import Connection, reading, source
from lwprof.timing.contract import FLOAT16_WEIGHTS, Loaded, Options, Source
from lwprof.timing.devices import HALF_PRECISION, Device
from lwprof.timing.emulation import installation, plugin
from lwprof.timing.emulation.installation import Emulator

ENVIRONMENT = {"OMP_NUM_THREADS": "1", "OMP_THREAD_LIMIT": "1", "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"}
"""Of the emulated process; without the limit ncnn starts threads where it converts weights to float16."""

PASSED = ("LC_ALL", "LD_LIBRARY_PATH")
"""Variables of QEMU's that it cannot do without; others would lie in the memory of the process."""

NETWORKS, PACKAGES = "networks", "packages"
"""Folders for their files and with the runtime, relative to that of the process: no name is another one in another."""

LIMIT_S = 900.0
"""After which an emulated process is taken to hang: it executes about 100 million instructions a second."""

WARM_RUNS = 2
"""More of them before the one that is counted where several networks share a process: the first network in it would
otherwise execute about 2,500 instructions more than it does as a later one."""

_SIGNAL = re.compile(r"uncaught target signal (\d+) \(([^)]*)\)")


def unavailable(device: Device, dtype: str) -> str | None:
    """Say why nothing can be counted on an emulated core; ``None`` where it can."""
    if dtype == "float16" and device.core not in HALF_PRECISION:
        return (
            f"{device.core} has no half precision, and ncnn would compute in float32 on it: take "
            f"{' or '.join(HALF_PRECISION)}, or {FLOAT16_WEIGHTS}, which stores the weights alone in float16"
        )
    try:
        found()
    except BackendError as error:
        return str(error)
    return None


def found() -> Emulator:
    """What was installed, whose QEMU counts a known program as it should.

    Raises:
        BackendError: something is missing, or does not count.
    """
    emulator = installation.found()
    _library(emulator)
    return emulator


def start(device: Device, runtime: str) -> Process:
    """Start an emulated process for several networks of one runtime.

    Raises:
        BackendError: the emulation is not installed, or does not start.
    """
    return Process(device, runtime, installation.found())


def load(
    device: Device, runtime: str, network: Source, options: Options, folder: Path, process: Process | None = None
) -> Loaded:
    """Load a converted network in an emulated process of its own, or in one that others are loaded in, too.

    What is counted is a call that gives its outputs back, so that they can be held against torch.

    Raises:
        BackendError: the emulation is not installed, or the runtime cannot load the network.
    """
    if process is not None:
        return process.load(network, options, folder, alone=False)
    process = start(device, runtime)
    try:
        return process.load(network, options, folder)
    except BaseException:
        process.close()
        raise


class Process:
    """An emulated process that runs the agent."""

    def __init__(self, device: Device, runtime: str, emulator: Emulator) -> None:
        """Start it; ``close`` ends it and removes its files.

        Raises:
            BackendError: it cannot be started.
        """
        self._name, self._runtime, self._emulator = device.name, runtime, emulator
        library, program = _library(emulator), source()
        self._folder = tempfile.TemporaryDirectory(prefix="lwprof-", ignore_cleanup_errors=True)
        self._counts = Path(self._folder.name) / "counts"
        passed = {name: value for name, value in emulator.environment.items() if name in PASSED}
        # Inside, no path of this machine is seen: with its length what the allocator does would change, and the count.
        (Path(self._folder.name) / PACKAGES).symlink_to(emulator.packages)
        command = [
            *emulator.command, "-0", f"/usr/bin/{emulator.python.name}", "-cpu", device.core,
            "-plugin", plugin.option(library, self._counts), "-L", str(emulator.sysroot), str(emulator.python),
            "-S", "-u", "-c", reading(len(program)),
        ]  # fmt: skip
        environment = {**passed, **ENVIRONMENT, "PYTHONPATH": PACKAGES}
        try:
            self._connection = Connection(
                device.name, command, environment, _explained(device.name), LIMIT_S, self._folder.name
            )
        except BackendError:
            self._folder.cleanup()
            raise
        self._board = Board(self._connection)
        try:
            self._connection.send(program)
            self._connection.ask({"do": "steady", "folder": NETWORKS, "runtime": runtime})
        except BaseException:
            self.close()
            raise

    def load(self, network: Source, options: Options, folder: Path, *, alone: bool = True) -> Loaded:
        """Load a converted network, which ends the process when it is closed if it is ``alone`` in it.

        Raises:
            BackendError: the runtime cannot load it.
        """
        there = self._board.load(self._runtime, network, replace(options, threads=1), folder)
        counted: list[Instructions] = []

        def run() -> Sequence[Any]:
            for _ in range(0 if alone else WARM_RUNS):
                there.run()
            found = self._board.counted(there)
            counted[:] = plugin.read(self._counts)[-1:]
            return found

        def count() -> Instructions:
            if not counted:
                run()
            if not counted:
                raise BackendError(f"{self._name} has counted nothing")
            return counted[0]

        return Loaded(
            run, there.outputs, lambda found: found, self.close if alone else there.close, count=count,
            runtime=f"{self._runtime} {self._emulator.versions[self._runtime]}",
        )  # fmt: skip

    @property
    def usable(self) -> bool:
        """Whether it still answers."""
        return self._connection.usable

    def close(self) -> None:
        """End the process, and remove its files."""
        self._connection.close()
        self._folder.cleanup()


def _explained(name: str) -> Callable[[int | None, str, bool], str | None]:
    """What says in a sentence why a process ended, from its exit code and what it wrote."""

    def explained(code: int | None, said: str, answered: bool) -> str | None:
        if signal := _SIGNAL.search(said):
            return f"{name} crashed: {signal[2].lower()} (signal {signal[1]})"
        if code == -9:
            return f"{name} was killed: is there enough memory?"
        if code is not None and code < 0:
            return f"{name} was ended by signal {-code}"
        return None

    return explained


@functools.lru_cache
def _compiled(command: tuple[str, ...], environment: tuple[tuple[str, str], ...]) -> Path:
    return plugin.compiled(command, dict(environment))


def _library(emulator: Emulator) -> Path:
    """The plugin for this QEMU, tried once.

    Raises:
        BackendError: it cannot be compiled, or does not count rightly.
    """
    return _compiled(emulator.command, tuple(emulator.environment.items()))
