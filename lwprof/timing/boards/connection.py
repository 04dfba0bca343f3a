"""The connection to an agent: its source goes first, then requests and answers."""

from __future__ import annotations

import contextlib
import json
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import resources
from typing import Any

from lwprof.errors import BackendError

OLDEST = (3, 9)
"""Python that the agent runs under."""

CHUNK = 1 << 20
"""Bytes that are sent at once."""

END_S = 5.0
"""So long a process may take to end."""

HURRIED_S = 1.0
"""The same, where it is not waiting for anything: after Ctrl-C, or a loss."""

_START = """
import sys
if sys.version_info < {oldest!r}:
    said = "it has Python %d.%d there, which is too old" % sys.version_info[:2]
    sys.stdout.write('{{"error": "%s", "old": true, "bytes": 0}}\\n' % said)
    sys.stdout.flush()
    sys.exit(1)
sources = {sources!a}
packages = {packages!r}
import importlib.abc, importlib.util
class Sources(importlib.abc.MetaPathFinder, importlib.abc.InspectLoader):
    def find_spec(self, name, path=None, target=None):
        return importlib.util.spec_from_loader(name, self) if name in sources or name in packages else None
    def is_package(self, name):
        return name in packages
    def get_source(self, name):
        return sources.get(name, "")
sys.path[:] = filter(None, sys.path)
sys.meta_path.insert(0, Sources())
from lwprof.timing.portable import agent
agent.serve(sys.stdin.buffer)
"""
"""Any Python can read it; only what is imported is compiled there."""

PACKAGE = "lwprof.timing.portable"


class AgentError(BackendError):
    """The agent could not do what it was asked for."""

    def __init__(self, message: str, answer: Mapping[str, Any]) -> None:
        super().__init__(message)
        self.answer = answer


class LostError(BackendError):
    """The agent no longer answers."""


def source() -> bytes:
    """The agent as one program."""
    files = [item for item in resources.files(PACKAGE).iterdir() if item.name.endswith(".py")]
    modules = {f"{PACKAGE}.{item.name[:-3]}": item.read_text(encoding="utf-8") for item in files}
    modules.pop(f"{PACKAGE}.__init__")
    packages = ("lwprof", "lwprof.timing", PACKAGE)
    return _START.format(oldest=OLDEST, sources=dict(sorted(modules.items())), packages=packages).encode("ascii")


def reading(size: int) -> str:
    """A line, for any Python, that runs a program of ``size`` bytes that comes on stdin; it has no quotes."""
    return f"import sys;exec((sys.stdin if sys.version_info<(3,)else sys.stdin.buffer).read({size}))"


class Connection:
    """A Python elsewhere that runs the agent."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        environment: Mapping[str, str] | None = None,
        explained: Callable[[int | None, str, bool], str | None] = lambda code, said, answered: None,
        patience_s: float | None = None,
        folder: str | None = None,
    ) -> None:
        """Start ``command``, which ends in the agent.

        Args:
            name: of the device, for messages.
            command: with its arguments; it has no terminal, and Ctrl-C is not for it.
            environment: of that process; by default ours.
            explained: makes a sentence, where it knows one, of the exit code of ``command``, what it says, and whether
                the agent has answered before.
            patience_s: how long an answer may take; by default for ever.
            folder: where it runs; by default where we do.

        Raises:
            BackendError: there is no such command.
        """
        self.name, self._explained, self._patience_s = name, explained, patience_s
        self._usable, self._answered, self._late_after_s = True, False, 0.0
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 (closed with the connection)
        try:
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._said, env=environment,
                cwd=folder, start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            self._said.close()
            raise BackendError(f"cannot start {command[0]} for {name} ({error.strerror or error})") from error

    def send(self, program: bytes) -> None:
        """Send the agent's own source."""
        self._write(program)

    def ask(
        self, request: Mapping[str, Any], data: bytes = b"", patience_s: float = 0.0
    ) -> tuple[dict[str, Any], bytes]:
        """Send a request, and wait for its answer.

        Args:
            request: what to do.
            data: raw bytes that belong to it.
            patience_s: how much longer than usual it may take.

        Raises:
            AgentError: the agent could not do it.
            LostError: it does not answer, and will not answer any more.
        """
        if not self._usable:
            raise LostError(f"the connection to {self.name} is gone")
        self._usable = False  # until the answer is there: nothing else can be asked after Ctrl-C
        self._write(json.dumps({**request, "bytes": len(data)}).encode() + b"\n")
        self._write(data)
        with self._limited(None if self._patience_s is None else self._patience_s + patience_s):
            answer, found = self._answer()
        self._usable = self._answered = True
        if "error" in answer:
            raise AgentError(f"{self.name}: {answer['error']}", answer)
        return answer, found

    @property
    def usable(self) -> bool:
        """Whether something can be asked."""
        return self._usable

    def kill(self) -> None:
        """End it at once; who waits for an answer hears that it is lost."""
        self._process.kill()

    def close(self) -> None:
        """End it: without stdin the agent ends, and with it the process here."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with self._limited(END_S if self._usable else HURRIED_S):
            with contextlib.suppress(OSError):
                self._process.stdin.close()  # it may have to take what was not sent yet
            self._process.wait()
        self._process.stdout.close()
        self._said.close()

    @contextlib.contextmanager
    def _limited(self, limit_s: float | None) -> Iterator[None]:
        """End the process where what is done takes longer."""
        if limit_s is None:
            yield
            return
        timer = threading.Timer(limit_s, self._end, (limit_s,))
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _end(self, after_s: float) -> None:
        self._late_after_s = after_s
        self._process.kill()

    def _write(self, data: bytes) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):  # that it is gone, and perhaps why, is told when its answer is read
            for start in range(0, len(data), CHUNK):
                with self._limited(self._patience_s):
                    self._process.stdin.write(data[start : start + CHUNK])
                    self._process.stdin.flush()

    def _answer(self) -> tuple[dict[str, Any], bytes]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        try:
            answer = json.loads(line) if line.endswith(b"\n") else None
            size = int(answer["bytes"]) if answer is not None else 0
        except (ValueError, TypeError, KeyError) as error:
            raise self._babble(line) from error
        data = self._process.stdout.read(size)
        if answer is None or len(data) < size:
            raise self._babble(line) if line.strip() and not self._answered else self._lost()
        return answer, data

    def _babble(self, line: bytes) -> LostError:
        """What it answers is no answer."""
        words = " ".join(line.decode(errors="replace").split())
        said = repr(words if len(words) <= 60 else words[:57] + "...")
        if self._answered:
            return LostError(f"{self.name} said {said} where an answer was expected")
        return LostError(
            f"{self.name} says {said} before the agent can answer: "
            "have its shell's start-up files (such as ~/.bashrc) print nothing where nobody is at a terminal"
        )

    def _lost(self) -> LostError:
        if self._late_after_s:
            return LostError(f"{self.name} did not answer for {self._late_after_s:.0f} s: it hangs, or is overloaded")
        with self._limited(END_S):
            code = self._process.wait()
        self._said.seek(0)
        said = self._said.read().decode(errors="replace").strip()
        known = self._explained(code, said, self._answered)
        last = said.splitlines()[-1:] or [f"exit code {code}"]
        return LostError(known or f"the connection to {self.name} was lost ({last[0].strip()})")
