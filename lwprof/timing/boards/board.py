"""A board: networks that are loaded there, run there, and timed there in rounds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lwprof.errors import BackendError
from lwprof.timing.boards.connection import Connection, LostError
from lwprof.timing.contract import Loaded, Options, Source
from lwprof.timing.portable import agent
from lwprof.timing.portable.blocks import Block, Round, Track

if TYPE_CHECKING:
    from lwprof.inputs import Values

REQUEST_S = 0.5
"""So long a request for rounds is meant to last."""


class Board:
    """An agent, and the networks that it has loaded."""

    def __init__(self, connection: Connection, cores: str = "") -> None:
        self.connection = connection
        self.cores = cores
        """Numbers of those that its threads are pinned to; empty where they run wherever they can."""
        self._count = 0

    def load(self, runtime: str, source: Source, options: Options, folder: Path) -> Loaded:
        """Send a converted network, and load it there.

        Raises:
            BackendError: the runtime is not there, or cannot load it.
        """
        number, self._count = self._count, self._count + 1
        files = [(path.name, path.read_bytes()) for path in sorted(folder.iterdir()) if path.name != "manifest.json"]
        specs, data = packed(source.values)
        request = {
            "do": "load", "number": number, "runtime": runtime, "dtype": options.dtype, "threads": options.threads,
            "files": [(name, len(content)) for name, content in files], "inputs": specs,
        }  # fmt: skip
        answer, _ = self.connection.ask(request, b"".join(content for _, content in files) + data)

        def outputs(values: Values | None) -> Sequence[Any]:
            specs, data = packed(values) if values is not None else ([], b"")
            found, content = self.connection.ask({"do": "outputs", "number": number, "inputs": specs}, data)
            return agent.arrays(found["arrays"], content)

        return Loaded(
            lambda: outputs(None),
            outputs,
            lambda found: found,
            lambda: self.connection.ask({"do": "unload", "number": number}),
            load_s=answer["load_s"],
            first_call_s=answer["first_call_s"],
            board=self,
            number=number,
            runtime=f"{runtime} {answer['version']}",
        )

    def bench(self, loaded: Sequence[Loaded], labels: Sequence[str]) -> BoardBench:
        """Make a bench of networks that are loaded here."""
        return BoardBench(self.connection, [item.number for item in loaded], labels)

    def counted(self, loaded: Loaded) -> Sequence[Any]:
        """Run a network once, between two marks; what it gives back."""
        found, content = self.connection.ask({"do": "count", "number": loaded.number})
        return agent.arrays(found["arrays"], content)


class BoardBench:
    """Networks on a board, run in rounds there: many of them with every request."""

    def __init__(self, connection: Connection, numbers: Sequence[int], labels: Sequence[str]) -> None:
        self.labels = labels
        self.tracks = {position: Track() for position in range(len(labels))}
        self.failures: dict[int, str] = {}
        self._connection, self._numbers = connection, numbers
        self._started = False

    def start(self, position: int) -> None:
        """Find how blocks are made; of all networks at once."""
        if self._started:
            return
        self._started = True
        try:
            answer, _ = self._connection.ask({"do": "start", "numbers": self._numbers, "tracks": {}})
        except BackendError as error:
            self._fail(dict.fromkeys(self.tracks, str(error)))
            return
        for number, found in answer["tracks"].items():
            self.tracks[self._numbers.index(int(number))] = Track(**found)
        self._fail({self._numbers.index(int(number)): text for number, text in answer["failures"].items()})

    def rounds(self, order: Callable[[], Sequence[int]]) -> list[Round]:
        """Run as many rounds as make a request worth its way."""
        try:
            answer, _ = self._connection.ask({"do": "rounds", "orders": [order() for _ in range(5)]})
        except LostError as error:
            self._fail(dict.fromkeys(self.tracks, str(error)))
            return []
        self._fail({int(position): text for position, text in answer["failures"].items()})
        return [
            {int(position): Block(tuple(calls)) for position, calls in blocks.items()} for blocks in answer["rounds"]
        ]

    def _fail(self, failures: Mapping[int, str]) -> None:
        for position, text in failures.items():
            self.failures.setdefault(position, text)
            self.tracks.pop(position, None)


def packed(values: Values) -> tuple[list[dict[str, Any]], bytes]:
    """Dtypes and shapes of inputs, and their bytes one behind the other."""
    from lwprof.inputs import tensors

    found, data = agent.described([tensor.detach().contiguous().numpy() for tensor in tensors(values)])
    return found["arrays"], data
