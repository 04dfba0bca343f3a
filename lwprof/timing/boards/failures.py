"""What OpenSSH's client says where it fails, and what to do then."""

from __future__ import annotations

import re

from lwprof.timing.devices import Device

CUT = re.compile(
    r"client_loop: |Timeout, server .*not responding|Connection to \S+ closed by remote host|Read from remote host|"
    r"packet_write_wait: |ssh_dispatch_run_fatal: "
)
"""Said of a connection that was there."""

AWAY = re.compile(r"Connection timed out|Operation timed out|No route to host|Network is unreachable|kex_exchange")
"""Said of a board that does not answer."""

_PORT = re.compile(r"port (\d+): Connection refused")
_REMOVE = re.compile(r"ssh-keygen -f .+ -R .+\b\S*")

KILLED, NOT_EXECUTABLE, NOT_FOUND, FAILED = 137, 126, 127, 255
"""Exit codes: of shells, and of ``ssh`` itself (also where a signal ended what ran there)."""


def explained(device: Device, code: int | None, said: str, answered: bool = False) -> str | None:
    """Say in a sentence why a connection was not made, or ended; ``None`` where that is not known.

    Args:
        device: the board.
        code: exit code of ``ssh``.
        said: all that it, and the board, wrote to stderr.
        answered: whether the agent has answered before.
    """
    name = device.name
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    last = lines[-1] if lines else ""
    by_hand = " ".join(["ssh", *(["-p", device.port] if device.port else []), _login(device)])
    if "REMOTE HOST IDENTIFICATION HAS CHANGED" in said:
        found = _REMOVE.search(said)
        old = f"[{device.host}]:{device.port}" if device.port else device.host
        return (
            f"the host key of {name} has changed: unless the board was set up anew, somebody may be in between; if it "
            f"was, remove the old key ({found[0] if found else f'ssh-keygen -R {old}'}) and connect once by hand "
            f"({by_hand})"
        )
    if "Host key verification failed" in said:
        return f"the host key of {name} is not known: connect once by hand ({by_hand}) and check its fingerprint"
    if "Permission denied (" in said:
        return f"{name} refuses the key: install yours there (ssh-copy-id {by_hand[4:]}); no password is asked for"
    if "Could not resolve hostname" in said:
        return f"there is no host {device.host!r} ({last})"
    if "Connection refused" in said:
        port = _PORT.search(said)
        return f"nothing answers on port {port[1] if port else device.port or 22} of {name}: is its SSH server running?"
    if CUT.search(said):
        return f"the connection to {name} was lost ({last})"
    if AWAY.search(said):
        return f"{name} cannot be reached ({last}): is the board on, and in this network?"
    python = device.python or "python3"
    if code == NOT_FOUND or (code == FAILED and "No such file or directory" in last and python in last):
        return f"there is no {python} on {name}: install Python 3.9 or newer there, or put its path after the host"
    if code == NOT_EXECUTABLE:
        return f"{python} on {name} cannot be run ({last})"
    if code == KILLED or (code == FAILED and (answered or not last)):
        return f"the agent on {name} was ended: was it killed, for lack of memory?"
    if code == FAILED:
        return f"{name} cannot be reached ({last})"
    if "SyntaxError" in said or "Traceback" in said:
        return f"{python} on {name} does not run the agent ({last})"
    return None


def _login(device: Device) -> str:
    host = device.host.strip("[]")
    return f"{device.user}@{host}" if device.user else host
