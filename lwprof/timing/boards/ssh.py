"""Boards over OpenSSH: the system's client, with its own rules and configuration."""

from __future__ import annotations

import functools
import os
import shlex
from collections.abc import Sequence

from lwprof.errors import BackendError
from lwprof.timing.boards import failures
from lwprof.timing.boards.board import Board, Hello
from lwprof.timing.boards.connection import AgentError, Connection, reading, source
from lwprof.timing.contract import ALL_CORES
from lwprof.timing.devices import Device

VARIABLE = "LWPROF_SSH_COMMAND"
"""The environment variable that holds another command than ``ssh``, with its options."""

PATIENCE_S = 300.0
"""So long a board may take for one answer, or to take in a megabyte; that it is there at all, OpenSSH sees sooner."""

OPTIONS = (
    "BatchMode=yes",  # nobody is asked for a password
    "ConnectTimeout=10",
    "ServerAliveInterval=5",
    "ServerAliveCountMax=3",
    "ClearAllForwardings=yes",
    "RemoteCommand=none",
    "LogLevel=INFO",  # what it says where it fails is read here
)
"""What is set beside the user's own configuration; which host keys are trusted is left to that alone."""

_ours: set[str] = set()
"""Folders of agents that this process has started."""


def connect(device: Device, cores: str = ALL_CORES) -> Board:
    """Start the agent on a board, take the lock there, and have it run on the cores that are chosen.

    Raises:
        BackendError: the board cannot be reached, does not have what it takes, or is in use.
    """
    connection, hello = _greeted(device, cores, "")
    return Board(connection, hello, functools.partial(_greeted, device, cores), python(device))


def command(device: Device, line: str) -> Sequence[str]:
    """The call of ``ssh`` that runs a line of Python on a board."""
    options = ["-T", *(part for option in OPTIONS for part in ("-o", option))]
    options += ["-p", device.port] if device.port else []
    options += ["-l", device.user] if device.user else []
    remote = f"{shlex.quote(python(device))} -u -c {shlex.quote(line)}"
    return [*_client(), *options, "--", device.host.strip("[]"), remote]


def python(device: Device) -> str:
    """What starts Python there."""
    return device.python or "python3"


def _client() -> Sequence[str]:
    """OpenSSH's client, or what the user has in its place.

    Raises:
        BackendError: that cannot be read.
    """
    try:
        return shlex.split(os.environ.get(VARIABLE, "")) or ["ssh"]
    except ValueError as error:
        raise BackendError(f"cannot read {VARIABLE} ({error}): write a command as for a shell") from error


def _greeted(device: Device, cores: str, former: str) -> tuple[Connection, Hello]:
    program = source()
    explained = functools.partial(failures.explained, device)
    line = command(device, reading(len(program)))
    try:
        connection = Connection(device.name, line, explained=explained, patience_s=PATIENCE_S)
    except BackendError as error:
        raise BackendError(f"{error}: install OpenSSH's client here") from error
    try:
        connection.send(program)
        hello, _ = connection.ask({"do": "hello", "former": former, "cores": cores})
    except AgentError as error:
        connection.close()
        if "old" in error.answer:
            raise BackendError(
                f"{error}: it takes 3.9 or newer, whose path can follow in the device's name ({device.name}/usr/bin/…)"
                if not device.python
                else f"{error}: it takes 3.9 or newer"
            ) from error
        if error.answer.get("holder") in _ours:
            raise BackendError(
                f"{device.name}: another device of this run is on the same board: measure on them one after the other"
            ) from error
        raise
    except BaseException:
        connection.close()
        raise
    _ours.add(hello["folder"])
    return connection, hello
