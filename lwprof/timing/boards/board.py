"""A board: networks that are loaded there, and run there.

An agent that is lost takes one network with it, the one that it was loading or running. Another agent is started, and
loads the others once more; where that fails the board is given up, and all its networks with it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from lwprof.errors import BackendError
from lwprof.timing.boards.bench import BoardBench
from lwprof.timing.boards.connection import AgentError, Connection, LostError
from lwprof.timing.boards.payload import Payload
from lwprof.timing.contract import Loaded, Options, Source
from lwprof.timing.portable import wire

if TYPE_CHECKING:
    from lwprof.inputs import Values
    from lwprof.results.document import Scalar

T = TypeVar("T")

Hello = Mapping[str, Any]
"""What an agent says first: its "folder", the "machine", and the number of the network that was "running" in the agent
before it."""


class Board:
    """An agent, and the networks that it has loaded."""

    def __init__(
        self,
        connection: Connection,
        hello: Hello | None = None,
        again: Callable[[str], tuple[Connection, Hello]] | None = None,
        python: str = "python3",
    ) -> None:
        """Speak to an agent.

        Args:
            connection: to it.
            hello: what it said first; an emulated one says nothing.
            again: starts another agent, given the folder of the one that is lost; without it there is no other.
            python: what starts Python there.
        """
        self.connection = connection
        self.record: dict[str, Scalar] = dict(hello["machine"]) if hello else {}
        """What the board is, as flat as the environment of this machine."""
        self.lost: dict[int, str] = {}
        """Why networks are no longer there, by their numbers."""
        self._hello, self._again, self._python = hello, again, python
        self._payloads: dict[int, Payload] = {}
        self._count = self._agents = 0
        self._gone: LostError | None = None

    @property
    def name(self) -> str:
        """Of the device."""
        return self.connection.name

    @property
    def cores(self) -> str:
        """Numbers of those that its threads are pinned to; empty where they run wherever they can."""
        return str(self.record.get("chosen_cores") or "")

    def load(self, runtime: str, source: Source, options: Options, folder: Path | None) -> Loaded:
        """Send a network, and load it there.

        Args:
            runtime: what loads it.
            source: the network.
            options: how to run it.
            folder: files of its conversion; ``None`` where the source is an ONNX file that is run as it is.

        Raises:
            LostError: the board cannot be reached any more, or the agent ended over it.
            BackendError: the runtime is not there, or cannot load it; or its inputs cannot be sent.
        """
        payload = Payload(runtime, source, options, folder)
        number, self._count = self._count, self._count + 1
        answer = self.tried(number, lambda: self._load(number, payload))
        self._payloads[number] = payload
        self.record[runtime] = answer["version"]

        def outputs(values: Values | None) -> Sequence[Any]:
            found, data = payload.packed(values) if values is not None else ({}, b"")
            request = {"do": "outputs", "number": number, **found}
            answer, content = self.tried(number, lambda: self.connection.ask(request, data))
            return wire.arrays(answer["arrays"], content)

        return Loaded(
            lambda: outputs(None),
            outputs,
            lambda found: found,
            lambda: self._unload(number),
            size_bytes=payload.size_bytes(),
            load_s=answer["load_s"],
            first_call_s=answer["first_call_s"],
            board=self,
            number=number,
            runtime=f"{runtime} {answer['version']}",
        )

    def bench(self, loaded: Sequence[Loaded], labels: Sequence[str]) -> BoardBench:
        """Make a bench of networks that are loaded here."""
        return BoardBench(self, [item.number for item in loaded], labels)

    def counted(self, loaded: Loaded) -> Sequence[Any]:
        """Run a network once, between two marks; what it gives back."""
        found, content = self.connection.ask({"do": "count", "number": loaded.number})
        return wire.arrays(found["arrays"], content)

    def ask(self, request: Mapping[str, Any], patience_s: float = 0.0) -> dict[str, Any]:
        """Ask the agent for something; if it is lost over that there is another one afterwards.

        Raises:
            LostError: it is lost.
            BackendError: it cannot do it.
        """
        self.revive()
        try:
            return self.connection.ask(request, patience_s=patience_s)[0]
        except LostError as error:
            self.revive(str(error))
            raise

    def tried(self, number: int, act: Callable[[], T]) -> T:
        """Do something with a network; once more, if the agent is lost and that network has no part in it.

        Raises:
            LostError: the network is lost.
            BackendError: it cannot be done.
        """
        for again in (True, False):
            if number in self.lost:
                break
            self.revive()
            try:
                return act()
            except LostError as error:
                self.revive(str(error))
                if not again:
                    self._lose(number, str(error))
        raise LostError(self.lost[number])

    def revive(self, reason: str = "") -> None:
        """Start another agent if this one is lost, and load there what is not lost.

        The network that ran at that moment, where there was one, is lost for ``reason``.

        Raises:
            LostError: the board cannot be reached any more.
        """
        while not self.connection.usable:
            self._reconnect(reason)
            for number, payload in list(self._payloads.items()):
                try:
                    self._load(number, payload)
                except LostError as error:
                    reason = str(error)
                    break
                except BackendError as error:
                    self._lose(number, str(error))

    def refresh(self) -> None:
        """Bring up to date what is told of the board's heat, if it can be reached."""
        with contextlib.suppress(BackendError):
            now = self.connection.ask({"do": "machine"})[0]["machine"]
            self.record |= {key: now[key] for key in ("temperature_c", "throttled") if key in now}

    def close(self) -> None:
        """End the agent."""
        self.connection.close()

    def _load(self, number: int, payload: Payload) -> dict[str, Any]:
        request, data = payload.request(number)
        try:
            return self.connection.ask(request, data)[0]
        except AgentError as error:
            if package := error.answer.get("missing"):
                advice = f"run there: {self._python} -m pip install {package}"
                raise BackendError(f"{error}; {advice}") from error
            raise BackendError(f"{self.name}: {payload.reason(error.answer)}") from error
        except LostError as error:
            raise LostError(f"{error}, while {payload.source.label} was loaded") from error

    def _unload(self, number: int) -> None:
        self._payloads.pop(number, None)
        with contextlib.suppress(BackendError):
            self.connection.ask({"do": "unload", "number": number})

    def _lose(self, number: int, reason: str) -> None:
        self._payloads.pop(number, None)
        self.lost.setdefault(number, reason)

    def _reconnect(self, reason: str) -> None:
        name, self._agents = self.name, self._agents + 1
        if self._gone is None and (self._again is None or self._agents > self._count + 1):
            self._gone = LostError(reason or f"the connection to {name} was lost")
        if self._gone is None:
            assert self._again is not None
            self.connection.close()
            try:
                self.connection, self._hello = self._again(self._hello["folder"] if self._hello else "")
            except BackendError as error:
                self._gone = LostError(f"{reason or f'the connection to {name} was lost'}, and then {error}")
        if self._gone is not None:
            for number in list(self._payloads):
                self._lose(number, str(self._gone))
            raise self._gone
        assert self._hello is not None
        if self._hello["running"] is not None:
            self._lose(self._hello["running"], reason or f"the connection to {name} was lost while it ran")
