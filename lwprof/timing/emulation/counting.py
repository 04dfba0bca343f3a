"""Counting: what a network executes on an emulated core, from one mark to the other."""

from __future__ import annotations

import tempfile
from pathlib import Path

from lwprof.results import Instructions
from lwprof.timing.boards.board import Board
from lwprof.timing.boards.connection import Connection, reading, source
from lwprof.timing.contract import Loaded, Options, Source
from lwprof.timing.devices import Device
from lwprof.timing.emulation import installation, plugin

ENVIRONMENT = {"OMP_NUM_THREADS": "1", "PYTHONHASHSEED": "0"}


def load(device: Device, runtime: str, network: Source, options: Options, folder: Path) -> Loaded:
    """Load a converted network in an emulated process of its own.

    Raises:
        BackendError: the emulation is not installed, or the runtime cannot load the network.
    """
    emulator = installation.found()
    library = plugin.compiled(emulator.command)
    counts = tempfile.NamedTemporaryFile(prefix="lwprof-", suffix=".json")  # noqa: SIM115 (closed with the network)
    program = source()
    environment = ENVIRONMENT | {"PYTHONPATH": str(emulator.packages)}
    command = [
        *emulator.command, "-cpu", device.core, "-plugin", f"{library},out={counts.name}", "-L", str(emulator.sysroot),
        *(part for name, value in environment.items() for part in ("-E", f"{name}={value}")),
        str(emulator.python), "-S", "-u", "-c", reading(len(program)),
    ]  # fmt: skip
    connection = Connection(device.name, command, emulator.environment)
    connection.send(program)
    board = Board(connection)
    loaded = board.load(runtime, network, options, folder)

    def count() -> Instructions:
        board.count(loaded)
        return plugin.read(Path(counts.name))[-1]

    def close() -> None:
        connection.close()
        counts.close()

    loaded.count, loaded.close = count, close
    return loaded
