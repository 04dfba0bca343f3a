"""A board that is this machine: OpenSSH's server on loopback, with keys and a configuration of its own."""

from __future__ import annotations

import json
import os
import pwd
import shlex
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

PROGRAM = shutil.which("sshd") or shutil.which("sshd", path="/usr/sbin:/usr/local/sbin:/sbin")
CLIENT = shutil.which("ssh")
USER = pwd.getpwuid(os.getuid())
PRIVILEGE_SEPARATION = Path("/run/sshd")
"""A server that root starts wants this folder, which the system's own service makes elsewhere."""

SERVER = """
ListenAddress 127.0.0.1
HostKey {folder}/host_key
PidFile none
AuthorizedKeysFile {folder}/authorized_keys
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
StrictModes no
UsePAM no
UseDNS no
PrintMotd no
SetEnv TMPDIR={folder}/there
"""

CLIENT_CONFIG = """
Host closed
  Port {closed}
Host unknown
  UserKnownHostsFile {folder}/none
Host changed
  UserKnownHostsFile {folder}/others_hosts
Host refused
  IdentityFile {folder}/others_key
Host nowhere
  HostName a..b
  LogLevel QUIET
Host jumped
  ProxyJump board
  LocalForward {closed} 127.0.0.1:1
  RemoteCommand false
Host * !refused
  IdentityFile {folder}/key
Host *
  HostName 127.0.0.1
  Port {port}
  User {user}
  IdentitiesOnly yes
  UserKnownHostsFile {folder}/known_hosts
  GlobalKnownHostsFile {folder}/none
"""


def missing() -> str:
    """Why there can be no such board here; empty where there can."""
    for name, found in (("sshd", PROGRAM), ("ssh", CLIENT)):
        if found is None:
            return f"there is no {name}"
    return f"{USER.pw_name} has no shell" if USER.pw_shell.endswith(("nologin", "false")) else ""


class Server:
    """Runs until it is stopped."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.there = folder, folder / "there"
        self.there.mkdir()
        for name in ("host_key", "key", "others_key"):
            line = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)]
            subprocess.run(line, check=True, stdin=subprocess.DEVNULL)
        shutil.copy(folder / "key.pub", folder / "authorized_keys")
        (folder / "sshd_config").write_text(SERVER.format(folder=folder))
        if os.getuid() == 0:
            PRIVILEGE_SEPARATION.mkdir(mode=0o755, exist_ok=True)
        self.start()

    def start(self) -> None:
        """Listen on a port that is free."""
        self.said: list[str] = []
        for _ in range(5):  # another program may take the port before the server does
            self.port, self.closed = free_ports()
            line = [PROGRAM, "-D", "-e", "-f", f"{self.folder}/sshd_config", "-p", str(self.port)]
            self._process = subprocess.Popen(line, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True)
            listening = threading.Event()
            threading.Thread(target=self._read, args=(listening,), daemon=True).start()
            listening.wait(30)
            if self._process.poll() is None:
                break
        else:
            raise RuntimeError(f"sshd does not start: {' '.join(self.said)}")
        for hosts, key in (("known_hosts", "host_key"), ("others_hosts", "others_key")):
            kind, content = (self.folder / f"{key}.pub").read_text().split()[:2]
            (self.folder / hosts).write_text(f"[127.0.0.1]:{self.port} {kind} {content}\n")
        config = CLIENT_CONFIG.format(folder=self.folder, port=self.port, closed=self.closed, user=USER.pw_name)
        (self.folder / "ssh_config").write_text(config)

    def _read(self, listening: threading.Event) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            self.said.append(line)
            if "Server listening" in line:
                listening.set()
        listening.set()

    def stop(self) -> None:
        """Take no new connections; those that are there stay."""
        self._process.terminate()
        self._process.wait()

    @property
    def command(self) -> str:
        """The client that knows this server."""
        return shlex.join([str(CLIENT), "-F", str(self.folder / "ssh_config")])

    def holder(self) -> dict[str, Any]:
        """What the lock says of the agent that runs, or ran."""
        found: dict[str, Any] = json.loads((self.there / "lwprof.lock").read_text())
        return found

    def left(self) -> list[str]:
        """Files that agents left behind, but for the lock."""
        return sorted(path.name for path in self.there.iterdir() if path.name != "lwprof.lock")


def free_ports() -> tuple[int, int]:
    """Two ports of loopback on which nobody listens."""
    with socket.socket() as first, socket.socket() as second:
        for item in (first, second):
            item.bind(("127.0.0.1", 0))
        return first.getsockname()[1], second.getsockname()[1]


def python(
    folder: Path,
    before: str = "",
    arguments: Sequence[str] = (),
    modules: Mapping[str, str] | None = None,
    command: Sequence[str] = (sys.executable,),
    called: str = '"$@"',
) -> str:
    """Write a Python for the board to run; its path.

    Args:
        folder: where to.
        before: lines of a shell that run first.
        arguments: of Python.
        modules: sources by their names, which that Python finds before others.
        command: the Python itself.
        called: what it is called with.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, source in (modules or {}).items():
        (folder / f"{name}.py").write_text(source)
    lines = ["#!/bin/sh", before, f"export PYTHONPATH={shlex.quote(str(folder))}" if modules else ""]
    script = folder / "python"
    script.write_text("\n".join([*filter(None, lines), f"exec {shlex.join([*command, *arguments])} {called}", ""]))
    script.chmod(0o755)
    return str(script)
