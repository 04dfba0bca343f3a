"""The connection to an agent: its source goes first, then requests and answers."""

from __future__ import annotations

import contextlib
import json
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from importlib import resources
from typing import Any

from lwprof.errors import BackendError

PORTABLE = ("clock", "blocks", "core_names", "cores", "affinity", "ncnn_network", "onnxruntime_network", "agent")
"""Modules that the agent consists of, each after those it stands on."""

_START = """
import sys, types
sources = {sources!r}
package = "lwprof.timing.portable"
for name in ("lwprof", "lwprof.timing", package):
    sys.modules[name] = types.ModuleType(name)
    sys.modules[name].__path__ = []
for name, text in sources.items():
    module = sys.modules[package + "." + name] = types.ModuleType(package + "." + name)
    exec(compile(text, name + ".py", "exec"), module.__dict__)
module.serve(sys.stdin.buffer)
"""


class LostError(BackendError):
    """The agent no longer answers."""


def source() -> bytes:
    """The agent as one program."""
    folder = resources.files("lwprof.timing.portable")
    sources = {name: (folder / f"{name}.py").read_text(encoding="utf-8") for name in PORTABLE}
    return _START.format(sources=sources).encode()


def reading(size: int) -> str:
    """A line of Python that runs a program of ``size`` bytes that comes on stdin."""
    return f"import sys;exec(sys.stdin.buffer.read({size}))"


class Connection:
    """A Python elsewhere that runs the agent."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        environment: Mapping[str, str] | None = None,
        explained: Callable[[int | None, str], str | None] = lambda code, said: None,
    ) -> None:
        """Start ``command``, which ends in the agent.

        Args:
            name: of the device, for messages.
            command: with its arguments.
            environment: of that process; by default ours.
            explained: makes a sentence of the exit code of ``command`` and of what it says, where it knows one.
        """
        self.name, self._explained = name, explained
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 (closed with the connection)
        try:
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._said, env=environment
            )
        except OSError as error:
            raise BackendError(f"cannot start {command[0]} for {name}: {error.strerror or error}") from error

    def send(self, program: bytes) -> None:
        """Send the agent's own source."""
        self._write(program)

    def ask(
        self, request: Mapping[str, Any], data: bytes = b"", heard: Callable[[Any], None] | None = None
    ) -> tuple[dict[str, Any], bytes]:
        """Send a request, and wait for its answer.

        Args:
            request: what to do.
            data: raw bytes that belong to it.
            heard: called with what is running, as often as the agent says so.

        Raises:
            BackendError: the agent could not do it.
            LostError: it does not answer.
        """
        self._write(json.dumps({**request, "bytes": len(data)}).encode() + b"\n" + data)
        while True:
            answer, found = self._answer()
            if "running" in answer:
                if heard is not None:
                    heard(answer["running"])
                continue
            if "error" in answer:
                raise BackendError(f"{self.name}: {answer['error']}")
            return answer, found

    def kill(self) -> None:
        """End it at once; who waits for an answer hears that it is lost."""
        self._process.kill()

    def close(self) -> None:
        """End it."""
        with contextlib.suppress(OSError):
            if self._process.stdin is not None:
                self._process.stdin.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._said.close()

    def _write(self, data: bytes) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(data)
            self._process.stdin.flush()
        except OSError as error:
            raise self._lost() from error

    def _answer(self) -> tuple[dict[str, Any], bytes]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise self._lost()
        try:
            answer = json.loads(line)
            size = answer["bytes"]
        except (ValueError, TypeError, KeyError) as error:
            raise LostError(f"{self.name} does not answer in JSON but says {line[:60]!r}") from error
        data = self._process.stdout.read(size)
        if len(data) < size:
            raise self._lost()
        return answer, data

    def _lost(self) -> LostError:
        code = self._process.wait(5)
        self._said.seek(0)
        said = self._said.read().decode(errors="replace").strip()
        known = self._explained(code, said)
        last = said.splitlines()[-1:] or [f"exit code {code}"]
        return LostError(known or f"the connection to {self.name} was lost ({last[0]})")
