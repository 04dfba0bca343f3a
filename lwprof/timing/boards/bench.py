"""Networks on a board, run in rounds there: many rounds with every request."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from lwprof.errors import BackendError
from lwprof.timing.boards.connection import Connection, LostError
from lwprof.timing.portable.blocks import Block, Round, Track

if TYPE_CHECKING:
    from lwprof.timing.boards.board import Board

REQUEST_S = 0.5
"""So long a request for rounds is meant to last."""

PATIENCE = 10
"""A request may last so many times longer than the one before it, by its rounds."""


class BoardBench:
    """What :class:`~lwprof.timing.portable.blocks.Bench` is, of networks on a board."""

    def __init__(self, board: Board, numbers: Sequence[int], labels: Sequence[str]) -> None:
        self.labels = labels
        self.tracks = {position: Track() for position in range(len(labels))}
        self.failures: dict[int, str] = {}
        self._board, self._numbers = board, numbers
        self._known: dict[int, Track] = {}
        self._made_on: Connection | None = None
        self._done, self._round_s = 0, 0.0

    def start(self, position: int) -> None:
        """Find how the blocks of one network are made."""
        number = self._numbers[position]
        try:
            answer = self._board.tried(number, lambda: self._started(number))
        except BackendError as error:
            self._fail(position, str(error))
            return
        if "failure" in answer:
            self._fail(position, answer["failure"])
        else:
            track = self.tracks[position] = self._known[position] = Track(**answer["track"])
            self._round_s += track.calls * (track.first_call_s or 0.0)  # about, until a round was run

    def rounds(self, order: Callable[[], Sequence[int]]) -> list[Round]:
        """Run as many rounds as make a request worth its way, and never more than there were before.

        What a lost agent ran is lost; all others go on, with the next call, under another one.
        """
        try:
            self._make()
            if not self.tracks:
                return []
            count = self._batch()
            orders = [[self._numbers[position] for position in order()] for _ in range(count)]
            answer = self._board.ask({"do": "rounds", "orders": orders}, PATIENCE * count * self._round_s)
        except LostError:
            self._drop()
            return []
        except BackendError as error:
            self._fail_all(str(error))
            return []
        self._done, self._round_s = self._done + count, answer["seconds"] / count
        for number, text in answer["failures"].items():
            self._fail(self._numbers.index(int(number)), text)
        return [
            {self._numbers.index(int(number)): Block(tuple(calls)) for number, calls in blocks.items()}
            for blocks in answer["rounds"]
        ]

    def _started(self, number: int) -> Mapping[str, Any]:
        self._make()
        return self._board.connection.ask({"do": "start", "number": number})[0]

    def _batch(self) -> int:
        wanted = int(REQUEST_S / self._round_s) if self._round_s else 1
        return max(1, min(wanted, self._done))

    def _make(self) -> None:
        """Have the agent that is there make the bench, if it has not.

        Raises:
            LostError: no agent is there.
        """
        self._board.revive()
        self._drop()
        while self._made_on is not self._board.connection and self.tracks:
            known = {self._numbers[position]: (track.calls, track.singly) for position, track in self._known.items()
                     if position in self.tracks}  # fmt: skip
            numbers = [self._numbers[position] for position in self.tracks]
            with suppress(LostError):  # another one may be there then
                self._board.ask({"do": "bench", "numbers": numbers, "tracks": known})
                self._made_on = self._board.connection
            self._drop()

    def _drop(self) -> None:
        for position in list(self.tracks):
            if reason := self._board.lost.get(self._numbers[position]):
                self._fail(position, reason)

    def _fail_all(self, reason: str) -> None:
        for position in list(self.tracks):
            self._fail(position, reason)

    def _fail(self, position: int, reason: str) -> None:
        self.failures.setdefault(position, reason)
        self.tracks.pop(position, None)
