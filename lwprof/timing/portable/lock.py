"""The lock of a board: one agent at a time runs there."""

from __future__ import annotations

import getpass
import json
import os
import shutil
import signal
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

NAME = "lwprof.lock"
"""Of a file in the folder for temporary files; it stays there, and is locked while an agent runs."""

FOLDERS = "lwprof-board-"
"""What the names of agents' folders begin with."""

RUNNING = "running"
"""Of a file in an agent's folder: the number of the network that runs, for the agent that comes after it."""

NOTHING = -1
"""The same where none runs."""

PROCESS = "process"
"""Of a file there, too: the number of its process. The lock's file, which any user may write to, only tells people."""

PATIENCE_S = 1.5
"""So long an agent may take to end whose connection is gone."""


class BusyError(Exception):
    """Another agent is there; it says which."""

    def __init__(self, sentence: str, folder: str) -> None:
        super().__init__(sentence)
        self.folder = folder
        """Of that agent."""


class Lock:
    """Keeps other agents away until this process ends."""

    def __init__(self, former: str = "") -> None:
        """Take it.

        Args:
            former: folder of an agent of the same run, which is lost; it is ended if it still runs.

        Raises:
            BusyError: another agent has it.
            OSError: nothing can be written here.
        """
        import fcntl

        self._place = Path(tempfile.gettempdir())
        self._file = _opened(self._place / NAME)
        self._running = -1
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError as error:
                holder = _holder(self._file)
                if former and holder.get("folder") == former:
                    _end(Path(former))
                if time.monotonic() > deadline:
                    os.close(self._file)
                    raise BusyError(_told(holder), str(holder.get("folder"))) from error
                time.sleep(0.05)

    def folder(self) -> Path:
        """Make a folder for the agent, and say in the lock's file who has it."""
        folder = Path(tempfile.mkdtemp(prefix=FOLDERS))
        (folder / PROCESS).write_text(str(os.getpid()))
        self._running = os.open(folder / RUNNING, os.O_WRONLY | os.O_CREAT, 0o600)
        self.note()
        holder = {
            "process": os.getpid(),
            "user": _user(),
            "since": time.strftime("%Y-%m-%d %H:%M:%S"),
            "folder": str(folder),
        }
        with suppress(OSError):  # it is another user's, who may not be written over
            os.ftruncate(self._file, 0)
            os.pwrite(self._file, json.dumps(holder).encode(), 0)
        return folder

    def note(self, number: int = NOTHING) -> None:
        """Put down which network runs, if any: a write to memory, unlike one to the connection."""
        if self._running >= 0:
            os.pwrite(self._running, b"%-10d" % number, 0)


def leftovers(former: str) -> int | None:
    """Remove the folders of agents that were killed; gives the number of the network that ran in ``former``.

    Only who has the lock may do so.
    """
    running = None
    for folder in Path(tempfile.gettempdir()).glob(FOLDERS + "*"):
        with suppress(OSError, ValueError):
            if str(folder) == former:
                number = int((folder / RUNNING).read_text())
                running = number if number >= 0 else None
        with suppress(OSError):
            if folder.lstat().st_uid == os.getuid() and not folder.is_symlink():
                shutil.rmtree(folder, ignore_errors=True)
    return running


def _end(folder: Path) -> None:
    """End the agent whose folder this is, if it is this user's."""
    with suppress(OSError, ValueError):
        file = folder / PROCESS
        if file.stat().st_uid == os.getuid():
            os.kill(int(file.read_text()), signal.SIGKILL)


def _opened(path: Path) -> int:
    """Open the lock's file, which any user may have made."""
    try:
        return os.open(path, os.O_RDWR | os.O_NOFOLLOW)
    except FileNotFoundError:
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666)
        with suppress(OSError):
            os.fchmod(file, 0o666)
        return file
    except PermissionError:
        return os.open(path, os.O_RDONLY | os.O_NOFOLLOW)


def _holder(file: int) -> dict[str, Any]:
    """What the lock's file says of who has it."""
    try:
        found = json.loads(os.pread(file, 4096, 0))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _told(holder: dict[str, Any]) -> str:
    """Say who has the lock: that it runs at all is known, for what stands in the file may be older."""
    sentence = "it is in use by another run of lwprof"
    try:
        os.kill(int(holder["process"]), 0)
    except PermissionError:
        pass
    except (OSError, KeyError, TypeError, ValueError):
        return sentence
    return f"{sentence} (process {holder['process']} of {holder.get('user')}, since {holder.get('since')})"


def _user() -> str:
    try:
        return getpass.getuser()
    except Exception:  # it has no name
        return str(os.getuid())
