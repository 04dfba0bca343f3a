"""Boards over OpenSSH: the system's client, with its own rules and configuration."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence

from lwprof.timing.boards.board import Board
from lwprof.timing.boards.connection import Connection, reading, source
from lwprof.timing.devices import Device

VARIABLE = "LWPROF_SSH_COMMAND"
"""The environment variable that holds another command than ``ssh``, with its options."""


def connect(device: Device, cores: str) -> Board:
    """Start the agent on a board, take the lock there, and have it run on the cores that are chosen.

    Raises:
        BackendError: the board cannot be reached, does not have what it takes, or is in use.
    """
    program = source()
    connection = Connection(device.name, command(device, reading(len(program))), explained=None or _explained)
    connection.send(program)
    answer, _ = connection.ask({"do": "hello", "lock": True, "cores": cores})
    return Board(connection, answer.get("chosen_cores", ""))


def command(device: Device, line: str) -> Sequence[str]:
    """The call of ``ssh`` that runs a line of Python on a board; nobody is asked for a password."""
    options = ["-T", "-o", "BatchMode=yes", "-o", "ConnectTimeout=10", "-o", "ServerAliveInterval=5"]
    options += ["-p", device.port] if device.port else []
    options += ["-l", device.user] if device.user else []
    remote = f"{device.python or 'python3'} -u -c {shlex.quote(line)}"
    return [*shlex.split(os.environ.get(VARIABLE, "ssh")), *options, "--", device.host.strip("[]"), remote]


def _explained(code: int | None, said: str) -> str | None:
    return None
