"""Boards, without any connection: the agent runs in a process here, with a runtime that does what a file says."""

from __future__ import annotations

import ast
import contextlib
import io
import json
import os
import re
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from lwprof.errors import BackendError, InputError
from lwprof.timing import advice, devices
from lwprof.timing.boards import connection as connections
from lwprof.timing.boards import failures, ssh
from lwprof.timing.boards.bench import PATIENCE, REQUEST_S, BoardBench
from lwprof.timing.boards.board import Board
from lwprof.timing.boards.connection import Connection, LostError, reading, source
from lwprof.timing.contract import Loaded, Options, Source
from lwprof.timing.portable import agent, lock, machine, wire
from lwprof.timing.portable.blocks import Track
from lwprof.timing.portable.clock import performance_clock
from lwprof.timing.sampling import Rules, sample

RUNTIME = '''
import json, os, signal, types

__version__ = "1.0"

class SessionOptions:
    def add_session_config_entry(self, key, value):
        pass

class InferenceSession:
    """Doubles its input, until a call at which a signal comes or something is raised."""

    def __init__(self, file, options, providers):
        self.plan = json.load(open(file))
        self.calls = 0
        if "large" in self.plan:
            raise MemoryError
        if "refused" in self.plan:
            raise RuntimeError(self.plan["refused"])

    def get_inputs(self):
        return [types.SimpleNamespace(name="x")]

    def run(self, names, feed):
        self.calls += 1
        if self.calls == self.plan.get("at"):
            if "raised" in self.plan:
                raise RuntimeError(self.plan["raised"])
            os.kill(os.getpid(), getattr(signal, self.plan["signal"]))
        return [2 * feed["x"]]
'''

OPTIONS = Options(device="ssh://board")


class Local:
    """Starts agents here instead of on a board."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.there = folder, folder / "there"
        self.there.mkdir()
        (folder / "onnxruntime.py").write_text(RUNTIME)
        self.started: list[str] = []
        """The folders of lost agents that those were told of which came after them."""
        self.boards: list[Board] = []
        self.reachable = True

    def agent(self, former: str = "") -> tuple[Connection, Mapping[str, Any]]:
        if not self.reachable:
            raise BackendError("nothing answers")
        self.started.append(former)
        program = source()
        environment = {**os.environ, "PYTHONPATH": str(self.folder), "TMPDIR": str(self.there)}
        found = Connection(
            "ssh://board", [sys.executable, "-u", "-c", reading(len(program))], environment, patience_s=60
        )
        found.send(program)
        try:
            return found, found.ask({"do": "hello", "former": former})[0]
        except BackendError:
            found.close()
            raise

    def board(self) -> Board:
        found = Board(*self.agent(), self.agent, "python3.9")
        self.boards.append(found)
        return found

    def load(self, board: Board, name: str, **plan: Any) -> Loaded:
        file = self.folder / f"{name}.onnx"
        file.write_text(json.dumps(plan))
        return board.load("onnxruntime", Source(name, None, (torch.ones(1, 4),), file), OPTIONS, None)

    def left(self) -> list[str]:
        return sorted(path.name for path in self.there.iterdir())


@pytest.fixture
def local(tmp_path: Path) -> Iterator[Local]:
    found = Local(tmp_path)
    yield found
    for board in found.boards:
        board.close()
    found.reachable = True
    if found.started:  # what agents left that were killed, the next one removes
        found.agent()[0].close()
    assert found.left() in ([], [lock.NAME])


def timed(board: Board, loaded: Sequence[Loaded], rules: Rules | None = None) -> tuple[list[str], list[int]]:
    """What became of networks, and how many samples there are of each."""
    labels = [f"net{place}" for place in range(len(loaded))]
    found = sample(board.bench(loaded, labels), rules or Rules(0.3), performance_clock())
    return [series.failure for series in found.series], [len(series.samples_s) for series in found.series]


def test_network_runs_there(local: Local) -> None:
    board = local.board()
    loaded = local.load(board, "net")
    assert loaded.runtime == "onnxruntime 1.0"
    assert loaded.outputs((torch.arange(4.0).reshape(1, 4),))[0].tolist() == [[0, 2, 4, 6]]
    assert loaded.run()[0].tolist() == [[2, 2, 2, 2]]
    failed, samples = timed(board, [loaded])
    assert failed == [""]
    assert samples[0] > 3
    assert board.record["onnxruntime"] == "1.0"
    assert board.record["python"] == sys.version.split()[0]


@pytest.mark.slow
def test_runtime_that_refuses_a_network_says_so_and_goes_on(local: Local) -> None:
    board = local.board()
    with pytest.raises(BackendError) as caught:
        local.load(board, "odd", refused="[ONNXRuntimeError] : 9 : NOT_IMPLEMENTED : Could not find an implementation "
                   "for Celu(12) node with name 'act'")  # fmt: skip
    assert str(caught.value).startswith(
        "ssh://board: onnxruntime cannot load odd: it has no Celu for numbers of this type, which act runs "
        "(onnxruntime is 1.0 there, and "
    )
    assert timed(board, [local.load(board, "net")])[0] == [""]


@pytest.mark.slow
def test_network_that_is_too_large_for_its_memory_is_refused(local: Local) -> None:
    board = local.board()
    with pytest.raises(BackendError, match=r"^ssh://board: the network does not fit into its memory$"):
        local.load(board, "giant", large=True)
    assert timed(board, [local.load(board, "net")])[0] == [""]


@pytest.mark.slow
def test_network_that_raises_is_left_out(local: Local) -> None:
    board = local.board()
    loaded = [local.load(board, "good"), local.load(board, "bad", at=300, raised="no\nmore"), local.load(board, "fine")]
    assert timed(board, loaded)[0] == ["", "net1 cannot be timed: RuntimeError: no", ""]


@pytest.mark.slow
def test_network_that_ends_the_agent_is_left_out(local: Local) -> None:
    board = local.board()
    first, bad = local.load(board, "first"), local.load(board, "bad", at=1500, signal="SIGKILL")
    folder = local.left()
    failed, samples = timed(board, [first, bad, local.load(board, "last")], Rules(1.0))
    assert failed[::2] == ["", ""]
    assert failed[1] == "net1 cannot be timed: the connection to ssh://board was lost (exit code -9)"
    assert samples[0] == samples[2] > 3
    assert [Path(name).name for name in local.started] == ["", folder[0]]
    assert local.left() != folder
    with pytest.raises(LostError):
        bad.run()
    assert first.run()[0].tolist() == [[2, 2, 2, 2]]


@pytest.mark.slow
def test_network_that_ends_the_agent_when_it_is_loaded_is_left_out(local: Local) -> None:
    board = local.board()
    first = local.load(board, "first")
    with pytest.raises(LostError, match=r"was lost \(exit code -11\), while bad was loaded$"):
        local.load(board, "bad", at=1, signal="SIGSEGV")
    failed, _ = timed(board, [first, local.load(board, "last")])
    assert failed == ["", ""]
    assert len(local.started) == 2


@pytest.mark.slow
def test_board_that_is_not_reached_again_loses_all_networks(local: Local) -> None:
    board = local.board()
    loaded = [local.load(board, "first"), local.load(board, "bad", at=1500, signal="SIGKILL")]
    local.reachable = False
    failed, _ = timed(board, loaded, Rules(1.0))
    reason = "cannot be timed: the connection to ssh://board was lost (exit code -9), and then nothing answers"
    assert failed == [f"net0 {reason}", f"net1 {reason}"]
    with pytest.raises(LostError, match="nothing answers"):
        local.load(board, "next")


@pytest.mark.slow
def test_agent_without_another_one_loses_its_network(local: Local) -> None:
    board = Board(local.agent()[0])
    local.boards.append(board)
    with pytest.raises(LostError, match="exit code -9"):
        local.load(board, "bad", at=1, signal="SIGKILL")
    with pytest.raises(LostError):
        local.load(board, "next")


@pytest.mark.slow
@pytest.mark.parametrize("waiting", ["SIGSTOP", "SIGKILL"])
def test_lock_is_free_again_for_the_same_run(local: Local, waiting: str) -> None:
    board = local.board()
    if waiting == "SIGSTOP":  # it neither answers nor ends
        board.connection._patience_s = 1.0
        with pytest.raises(LostError, match="did not answer for 1 s: it hangs, or is overloaded, while bad was loaded"):
            local.load(board, "bad", at=1, signal=waiting)
    else:
        board.connection.kill()
    assert local.load(board, "next").run()[0].tolist() == [[2, 2, 2, 2]]


@pytest.mark.slow
def test_agent_ends_with_its_connection_whatever_it_does(local: Local, monkeypatch: pytest.MonkeyPatch) -> None:
    paused = local.folder / "paused"
    os.mkfifo(paused)
    (local.folder / "onnxruntime.py").write_text(
        RUNTIME.replace("os.kill(os.getpid(), getattr(signal, self.plan[\"signal\"]))",
                        f"open({str(paused)!r}, 'w').close(); signal.pause()")
    )  # fmt: skip
    connection = local.board().connection

    def gone(self: Connection) -> Any:
        paused.read_text()  # waits until the network runs
        assert self._process.stdin is not None
        self._process.stdin.close()
        assert self._process.wait(30) == 1
        raise LostError("as was meant")

    monkeypatch.setattr(Connection, "_answer", gone)
    monkeypatch.setattr(local.boards[0], "_again", None)
    with pytest.raises(LostError, match="as was meant"):
        local.load(local.boards[0], "waiting", at=1)
    monkeypatch.undo()
    assert not connection.usable
    assert local.left() == [lock.NAME]


@pytest.mark.slow
def test_second_agent_is_refused(local: Local, monkeypatch: pytest.MonkeyPatch) -> None:
    local.board()
    holder = json.loads((local.there / lock.NAME).read_text())
    with pytest.raises(BackendError) as caught:
        local.agent()
    assert str(caught.value) == (
        f"ssh://board: it is in use by another run of lwprof (process {holder['process']} of {holder['user']}, "
        f"since {holder['since']})"
    )


def test_lock_does_not_name_a_process_that_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(lock, "PATIENCE_S", 0.0)
    held = lock.Lock()
    folder = held.folder()
    (tmp_path / lock.NAME).write_text('{"process": 999999999, "user": "pi", "since": "yesterday"}')
    with pytest.raises(lock.BusyError, match=r"^it is in use by another run of lwprof$"):
        lock.Lock()
    assert folder.is_dir()


def test_lock_ends_no_process_that_others_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(lock, "PATIENCE_S", 0.0)
    ended: list[int] = []
    monkeypatch.setattr(lock.os, "kill", lambda process, signal: ended.append(process) if signal else None)
    held = lock.Lock()
    folder = held.folder()
    (tmp_path / lock.NAME).write_text(json.dumps({"process": 1, "folder": str(folder)}))  # any user may
    with pytest.raises(lock.BusyError):
        lock.Lock(str(folder))
    assert set(ended) == {os.getpid()}
    (folder / lock.PROCESS).unlink()
    with pytest.raises(lock.BusyError):
        lock.Lock(str(folder))
    assert set(ended) == {os.getpid()}


def test_folders_of_agents_that_were_killed_are_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    for name, running in (("lwprof-board-a", "3"), ("lwprof-board-b", "4"), ("lwprof-other", "5")):
        (tmp_path / name).mkdir()
        (tmp_path / name / lock.RUNNING).write_text(f"{running:<10}")
    assert lock.leftovers(str(tmp_path / "lwprof-board-b")) == 4
    assert [path.name for path in tmp_path.iterdir()] == ["lwprof-other"]
    assert lock.leftovers(str(tmp_path / "lwprof-board-b")) is None


@pytest.mark.slow
def test_interrupted_connection_answers_nothing_else(local: Local, monkeypatch: pytest.MonkeyPatch) -> None:
    board = local.board()
    loaded = local.load(board, "net")

    def interrupted(self: Connection) -> Any:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Connection, "_answer", interrupted)
        with pytest.raises(KeyboardInterrupt):
            board.connection.ask({"do": "machine"})
    with pytest.raises(LostError, match="the connection to ssh://board is gone"):
        board.connection.ask({"do": "machine"})
    loaded.close()


def test_connection_to_what_reads_no_more_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "HURRIED_S", 0.1)
    found = Connection("ssh://board", [sys.executable, "-c", "import signal; signal.pause()"])
    assert found._process.stdin is not None
    descriptor = found._process.stdin.fileno()
    os.set_blocking(descriptor, False)
    with contextlib.suppress(BlockingIOError):  # until it takes no more, so that the last request stays here
        while True:
            found._process.stdin.write(bytes(4096))
    os.set_blocking(descriptor, True)
    found._usable = False  # as after Ctrl-C
    found.close()
    assert found._process.returncode == -signal.SIGKILL


class Scripted:
    """Stands in for a board: answers at once, and says how long rounds took."""

    def __init__(self, round_s: float) -> None:
        self.connection: Any = object()
        self.round_s = round_s
        self.lost: dict[int, str] = {}
        self.asked: list[Mapping[str, Any]] = []
        self.loses: Callable[[], None] = lambda: None
        self.patience_s: list[float] = []

    def tried(self, number: int, act: Callable[[], Any]) -> Any:
        return {"track": {"calls": 2, "singly": True, "first_call_s": 100.0}}

    def revive(self, reason: str = "") -> None:
        pass

    def ask(self, request: Mapping[str, Any], patience_s: float = 0.0) -> dict[str, Any]:
        self.asked.append(request)
        if request["do"] == "bench":
            return {}
        self.patience_s.append(patience_s)
        self.loses()
        rounds = [{str(number): [0.1] for number in order} for order in request["orders"]]
        return {"rounds": rounds, "failures": {}, "seconds": self.round_s * len(rounds)}

    def orders(self) -> list[list[list[int]]]:
        return [request["orders"] for request in self.asked if request["do"] == "rounds"]


@pytest.mark.parametrize(
    ("round_s", "batches"), [(REQUEST_S / 5, [1, 1, 2, 4, 5, 5]), (2 * REQUEST_S, [1] * 6), (1e-6, [1, 1, 2, 4, 8, 16])]
)
def test_requests_hold_as_many_rounds_as_fill_them_and_at_most_as_many_as_before(
    round_s: float, batches: list[int]
) -> None:
    board: Any = Scripted(round_s)
    bench = BoardBench(board, [7], ["net"])
    found = [len(bench.rounds(lambda: [0])) for _ in batches]
    assert found == batches
    assert [len(orders) for orders in board.orders()] == batches


def test_first_round_of_slow_networks_is_waited_for() -> None:
    board: Any = Scripted(300.0)
    bench = BoardBench(board, [4, 5], ["a", "b"])
    for position in range(2):
        bench.start(position)
    bench.rounds(lambda: [0, 1])
    bench.rounds(lambda: [0, 1])
    assert board.patience_s == [PATIENCE * 400.0, PATIENCE * 300.0]


def test_blocks_are_made_as_before_under_another_agent() -> None:
    board: Any = Scripted(1.0)
    bench = BoardBench(board, [4, 5, 6], ["a", "b", "c"])
    for position, calls in enumerate([10, 20, 50]):
        bench.tracks[position] = bench._known[position] = Track(calls, True, 0.1)
    bench.rounds(lambda: [2, 0, 1])

    def lost() -> None:
        board.lost[5] = "it ended"
        board.connection = object()
        board.loses = lambda: None
        raise LostError("lost")

    board.loses = lost
    assert bench.rounds(lambda: [0, 1, 2]) == []
    assert bench.failures == {1: "it ended"}
    assert len(bench.rounds(lambda: [2, 0])) == 1
    assert board.asked[-2] == {"do": "bench", "numbers": [4, 6], "tracks": {4: (10, True), 6: (50, True)}}
    assert board.orders()[-1] == [[6, 4]]


def test_any_python_can_read_the_program() -> None:
    program = source().decode("ascii")
    ast.parse(program, feature_version=(3, 4))
    assert not {"'", '"', "`", "$", "!", "\\"} & set(reading(len(program)))


@pytest.mark.slow
def test_agent_is_of_this_version_even_where_lwprof_is_installed(local: Local, tmp_path: Path) -> None:
    (tmp_path / "lwprof").mkdir()
    (tmp_path / "lwprof" / "__init__.py").write_text("raise ImportError('another one')")
    assert local.board().record["machine"] == os.uname().machine


def test_files_stay_in_the_folder_that_they_are_meant_for(tmp_path: Path) -> None:
    for name in ("../net.onnx", "/tmp/net.onnx"):
        with pytest.raises(wire.RefusedError, match="lies elsewhere"):
            agent.Agent()._receive(tmp_path, [(name, 1)], wire.Body(open(os.devnull, "rb"), 1))  # noqa: SIM115


def test_a_folder_that_is_full_is_named_as_a_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # where the emulated agent's are named from
    Path("networks", "0").mkdir(parents=True)
    with pytest.raises(wire.RefusedError, match=rf"^the network cannot be written to {tmp_path} there \(.* 2\.0 MB,"):
        agent.Agent()._receive(Path("networks", "0"), [("n" * 300, 2_000_000)], wire.Body(io.BytesIO(), 0))


def test_what_is_no_number_cannot_be_sent() -> None:
    import numpy

    with pytest.raises(wire.RefusedError, match="something else than numbers"):
        wire.described([numpy.array(["a"], dtype=object)])


@pytest.mark.parametrize(
    ("code", "said", "sentence"),
    [
        (255, "", "the agent on ssh://pi@b:22 was ended: was it killed, for lack of memory?"),
        (137, "Killed", "the agent on ssh://pi@b:22 was ended: was it killed, for lack of memory?"),
        (255, "Timeout, server b not responding.",
         "the connection to ssh://pi@b:22 was lost (Timeout, server b not responding.)"),
        (255, "ssh: connect to host b port 22: No route to host",
         "ssh://pi@b:22 cannot be reached (ssh: connect to host b port 22: No route to host): "
         "is the board on, and in this network?"),
        (255, "bad configuration option: x\r\n/x: terminating, 1 bad configuration options",
         "ssh://pi@b:22 cannot be reached (/x: terminating, 1 bad configuration options)"),
        (255, "Host key verification failed.",
         "the host key of ssh://pi@b:22 is not known: connect once by hand (ssh -p 22 pi@b) and check its fingerprint"),
        (127, "sh: 1: python3: not found", "there is no python3 on ssh://pi@b:22: install Python 3.9 or newer there, "
         "or put its path after the host"),
        (1, "Traceback\nMemoryError", "python3 on ssh://pi@b:22 does not run the agent (MemoryError)"),
        (1, "odd", None),
    ],
)  # fmt: skip
def test_what_openssh_says_is_told_in_a_sentence(code: int, said: str, sentence: str | None) -> None:
    assert failures.explained(devices.parse("ssh://pi@b:22"), code, said) == sentence


def test_agent_that_is_killed_is_not_taken_for_a_board_that_is_away() -> None:
    board, said = devices.parse("ssh://pi@b"), "** WARNING: connection is not using a post-quantum key exchange."
    killed = "the agent on ssh://pi@b was ended: was it killed, for lack of memory?"
    assert failures.explained(board, 255, said, answered=True) == killed
    assert failures.explained(board, 255, said) == f"ssh://pi@b cannot be reached ({said})"


def test_host_keys_are_left_to_the_configuration() -> None:
    line = ssh.command(devices.parse("ssh://pi@b:2222/srv/venv/bin/python3"), "import sys;exec(1)")
    assert line[0] == "ssh"
    assert line[-7:] == ["-p", "2222", "-l", "pi", "--", "b", "/srv/venv/bin/python3 -u -c 'import sys;exec(1)'"]
    assert "BatchMode=yes" in line
    for path in Path(connections.__file__).parents[2].rglob("*.py"):
        words = set(re.findall(r"\w+", path.read_text()))
        assert not words & {"StrictHostKeyChecking", "UserKnownHostsFile", "CheckHostIP"}, path


@pytest.mark.parametrize("name", ["ssh://-oProxyCommand=id", "ssh://-v", "ssh://pi@-v", "ssh://-l@b", "ssh://b/a b",
                                  "ssh://b/$(id)", "ssh://b/a;b"])  # fmt: skip
def test_names_that_a_client_or_a_shell_would_take_for_something_else_are_refused(name: str) -> None:
    with pytest.raises(InputError):
        devices.parse(name)


def test_board_that_is_slowed_down_is_warned_about(tmp_path: Path) -> None:
    (tmp_path / "throttled").write_text("50005\n")
    (tmp_path / "thermal_zone0").mkdir()
    (tmp_path / "thermal_zone0" / "temp").write_text("84200\n")
    assert machine.throttled(tmp_path / "throttled") is True
    assert machine.temperature(tmp_path) == 84.2
    (warning,) = advice.on_board({"cores": 4, "throttled": True, "temperature_c": 84.2}, 1)
    assert warning.startswith("the board was slowed down at 84 °C: ")
    (tmp_path / "throttled").write_text("50000\n")  # it was, some time since it started
    assert machine.throttled(tmp_path / "throttled") is False
    assert machine.throttled(tmp_path / "none") is None
    assert machine.temperature(tmp_path / "none") is None
    assert advice.on_board({"cores": 4, "throttled": False}, 1) == []


def test_board_is_named_by_its_device_tree(tmp_path: Path) -> None:
    (tmp_path / "model").write_bytes(b"Raspberry Pi 5 Model B Rev 1.0\0")
    assert machine.board_model(tmp_path / "model") == "Raspberry Pi 5 Model B Rev 1.0"


def test_messages_that_the_page_explains_are_those_of_the_code() -> None:
    folder = Path(connections.__file__).parents[1]
    files = [path for part in ("boards", "portable") for path in (folder / part).glob("*.py")]
    code = re.sub(r'"\s*\n\s*f?"', "", "\n".join(path.read_text() for path in files))
    page = (Path(__file__).parents[2] / "docs" / "boards.md").read_text()
    messages = re.findall(r"^\| `([^`]+)` \|", page, re.MULTILINE)
    assert len(messages) > 15
    for part in {part.strip(" ()") for message in messages for part in message.split("…")} - {"", "s", ": install"}:
        assert part in code, part
