"""Devices: what their names on the command line mean."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from lwprof.errors import InputError
from lwprof.results import latency

CPU, CUDA, EMULATED, SSH = KINDS = ("cpu", "cuda", latency.EMULATED, "ssh")
SHOWN = (CPU, CUDA, EMULATED, "ssh://user@board")
"""What people write for each."""

CORES = ("cortex-a76", "cortex-a72", "cortex-a53")
"""Cores of ARM that can be emulated, the default first."""

HALF_PRECISION = ("cortex-a76",)
"""Those of them that compute in float16 (ARMv8.2)."""

_BOARD = re.compile(
    r"ssh://(?:(?P<user>[\w.][\w.-]*)@)?(?P<host>[\w][\w.-]*|\[[0-9A-Fa-f:.]+(?:%\w+)?\])"
    r"(?::(?P<port>\d{1,5}))?(?P<python>/[\w./+-]*)?"
)


@dataclass(frozen=True, slots=True)
class Device:
    """Where networks run."""

    name: str
    """As results call it."""
    kind: str
    """One of :data:`KINDS`; a backend says which of them it has."""
    core: str = ""
    """Of an emulated device."""
    user: str = ""
    """Of a board, as are the following; empty where OpenSSH's own configuration says."""
    host: str = ""
    port: str = ""
    python: str = ""
    """Path of the Python that runs there; by default ``python3``."""

    @property
    def is_arm(self) -> bool:
        """Whether it is a board, or stands for one: networks are converted to be run there."""
        return self.kind in (EMULATED, SSH)


def parse(name: str) -> Device:
    """Read a name.

    >>> parse("arm-emulated").name
    'arm-emulated:cortex-a76'
    >>> board = parse("ssh://pi@raspberrypi:2222/usr/bin/python3.13")
    >>> board.host, board.port, board.python
    ('raspberrypi', '2222', '/usr/bin/python3.13')

    Raises:
        InputError: there is no such device; the message lists those there are.
    """
    kind, colon, rest = name.partition(":")
    if kind == SSH and colon:
        found = _BOARD.fullmatch(name)
        if found is None or not 0 <= int(found["port"] or 22) < 2**16:
            raise InputError(
                f"cannot read the board {name!r}; write ssh://user@board, ssh://user@board:port "
                "or ssh://user@board/path/to/python"
            )
        given = {key: value or "" for key, value in found.groupdict().items()}
        return Device(name.rstrip("/"), SSH, **given | {"python": given["python"].rstrip("/")})
    if kind == EMULATED:
        core = rest if colon else CORES[0]
        if core not in CORES:
            raise InputError(f"no core {core!r} is emulated; there is {', '.join(CORES)}")
        return Device(f"{EMULATED}:{core}", EMULATED, core)
    if name not in (CPU, CUDA):
        raise InputError(f"unknown device {name!r}; there is {', '.join(SHOWN)}")
    return Device(name, name)


def shown(kinds: Iterable[str]) -> str:
    """List kinds as people write them.

    >>> shown(["cpu", "ssh"])
    'cpu, ssh://user@board'
    """
    return ", ".join(SHOWN[KINDS.index(kind)] for kind in kinds)
