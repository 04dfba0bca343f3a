"""Boards over OpenSSH: a real server on loopback, with this machine's Python and with an emulated one of ARM."""

from __future__ import annotations

import csv
import io
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import loopback_ssh
import onnx
import pytest
import torch
from loopback_ssh import Server, python
from onnx import TensorProto, helper, numpy_helper
from onnx_nodes import node, weights
from torch import nn

import lwprof
from lwprof.cli import main
from lwprof.errors import BackendError
from lwprof.results.latency import CompareResult
from lwprof.timing import devices
from lwprof.timing.boards import ssh
from lwprof.timing.emulation.installation import Emulator
from lwprof.timing.portable.cores import processors, spelled

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(loopback_ssh.missing()), reason=loopback_ssh.missing() or "there is one"),
]

BUDGET_S = 0.5
UNHURRIED: dict[str, Any] = {"budget_s": 3.0, "precision": 1e-9}
"""There are more rounds to come after the second report, on a slow machine too."""

ACTING = """
import os, signal
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
import onnxruntime
usual, calls = onnxruntime.InferenceSession.run, 0

def run(self, names, feed, options=None):
    global calls
    if self.get_outputs()[0].shape[1] == {width}:
        calls += 1
        if calls == {call}:
            os.kill(os.getpid(), signal.{signal})
    return usual(self, names, feed, options)

onnxruntime.InferenceSession.run = run
"""
"""Imported when Python starts: a signal comes while a network of this width runs."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    found = Server(tmp_path_factory.mktemp("board"))
    yield found
    found.stop()


@pytest.fixture
def board(server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv(ssh.VARIABLE, server.command)
    yield server
    assert server.left() == []


@pytest.fixture
def here(tmp_path: Path) -> str:
    """The device whose Python is this one."""
    return f"ssh://board{python(tmp_path / 'here')}"


def network(width: int) -> nn.Module:
    torch.manual_seed(width)
    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, width, 3)).eval()


def compared(device: str | Sequence[str], widths: Sequence[int] = (4,), **options: Any) -> CompareResult:
    chosen = {"backend": "onnxruntime", "budget_s": BUDGET_S * len(widths), "input_size": (3, 32, 32), **options}
    return lwprof.compare([network(width) for width in widths], device=device, **chosen)


def reasons(result: CompareResult) -> list[str]:
    """Why each network was not timed, or nothing."""
    return ["; ".join(item.reason for item in model.untimed) for model in result.models]


def refused(name: str) -> str:
    with pytest.raises(BackendError) as caught:
        ssh.connect(devices.parse(name))
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("backend", ["ncnn", "onnxruntime"])
def test_network_is_timed_on_the_board(board: Server, here: str, backend: str) -> None:
    result = compared(["cpu", here], [4, 5], backend=backend)
    assert reasons(result) == ["", ""]
    for model in result.models:
        local, remote = model.timings
        assert (remote.device, remote.threads, remote.setting) == (here, 1, f"{backend} {here}")
        assert remote.difference is not None
        assert remote.difference < 1e-5
        assert len(remote.samples_s) > 3
        assert remote.load_s is not None
        assert remote.first_call_s is not None
        assert remote.size_bytes == local.size_bytes
        assert 0 < remote.median_s < 1
    record = result.boards[here]
    assert record["python"] == sys.version.split()[0]
    assert record[backend] == result.environment[backend]
    assert {"machine", "os", "cpu", "cores", "governor", "load_1min"} <= set(record)
    assert result.to_dict()["boards"] == {here: record}


@pytest.mark.parametrize("backend", ["ncnn"])
def test_emulated_processor_is_a_board_as_well(
    board: Server, arm_emulator: Emulator, tmp_path: Path, backend: str
) -> None:
    command = (*arm_emulator.command, "-cpu", "cortex-a72", "-L", str(arm_emulator.sysroot))
    options = ("-E", f"PYTHONPATH={arm_emulator.packages}", str(arm_emulator.python), "-S")
    device = f"ssh://board{python(tmp_path / 'arm', command=command, arguments=options)}"
    result = compared(device, [4, 5], backend=backend)
    assert reasons(result) == ["", ""]
    assert all(model.timings[0].difference < 1e-4 for model in result.models)
    record = result.boards[device]
    assert record["machine"] == "aarch64"
    assert record["python"] == arm_emulator.versions["python"]
    assert record["ncnn"] == arm_emulator.versions["ncnn"]


def test_name_can_say_user_and_port(board: Server, tmp_path: Path) -> None:
    name = f"ssh://{loopback_ssh.USER.pw_name}@127.0.0.1:{board.port}{python(tmp_path)}"
    found = ssh.connect(devices.parse(name))
    assert found.record["machine"] == os.uname().machine
    found.close()


@pytest.mark.parametrize(
    ("host", "message"),
    [
        ("unknown", "the host key of ssh://unknown is not known: connect once by hand (ssh unknown)"),
        ("changed", "the host key of ssh://changed has changed: unless the board was set up anew, somebody may be in"),
        ("closed", "nothing answers on port {closed} of ssh://closed: is its SSH server running?"),
        ("nowhere", "there is no host 'nowhere' ("),
        ("refused", "ssh://refused refuses the key: install yours there (ssh-copy-id refused); no password is asked"),
        ("board/no/python", "there is no /no/python on ssh://board/no/python: install Python 3.9 or newer there"),
        ("board/dev/null", "/dev/null on ssh://board/dev/null cannot be run ("),
    ],
)
def test_what_cannot_be_reached_is_said_in_a_sentence(board: Server, host: str, message: str) -> None:
    assert refused(f"ssh://{host}").startswith(message.format(closed=board.closed))


def test_ssh_may_be_missing(board: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ssh.VARIABLE, "/no/ssh -v")
    assert refused("ssh://board") == (
        "cannot start /no/ssh for ssh://board (No such file or directory): install OpenSSH's client here"
    )
    monkeypatch.setenv(ssh.VARIABLE, "ssh '")
    assert refused("ssh://board").startswith("cannot read LWPROF_SSH_COMMAND (No closing quotation)")


def test_python_that_is_too_old_is_refused(board: Server, tmp_path: Path) -> None:
    line = '"$1" "$2" "import sys;sys.version_info=(3,8,10,\'final\',0);$3"'
    name = f"ssh://board{python(tmp_path, called=line)}"
    assert refused(name) == f"{name}: it has Python 3.8 there, which is too old: it takes 3.9 or newer"


@pytest.mark.parametrize(
    ("modules", "message"),
    [
        ({}, "onnxruntime is not installed there; run there: {python} -m pip install onnxruntime"),
        ({"onnxruntime": ""}, "numpy is not installed there; run there: {python} -m pip install numpy"),
        ({"onnxruntime": "import missing_part", "numpy": ""},
         "onnxruntime there cannot be imported (ModuleNotFoundError: No module named 'missing_part'); "
         "run there: {python} -m pip install onnxruntime"),
    ],
)  # fmt: skip
def test_missing_package_is_named_with_the_line_that_installs_it(
    board: Server, tmp_path: Path, modules: dict[str, str], message: str
) -> None:
    bare = python(tmp_path / "bare", arguments=["-S"], modules=modules)
    result = compared(["cpu", f"ssh://board{bare}"])
    assert reasons(result) == [f"ssh://board{bare}: {message.format(python=bare)}"]
    assert [timing.device for timing in result.models[0].timings] == ["cpu"]


@pytest.mark.parametrize("greeting", ["Welcome to the board!", "42", "{}"])
def test_greeting_is_not_taken_for_an_answer(board: Server, tmp_path: Path, greeting: str) -> None:
    name = f"ssh://board{python(tmp_path, before=f'echo {greeting!r}')}"
    assert refused(name) == (
        f"{name} says {greeting!r} before the agent can answer: have its shell's start-up files (such as ~/.bashrc) "
        "print nothing where nobody is at a terminal"
    )


def test_long_greeting_is_shortened(board: Server, tmp_path: Path) -> None:
    assert f"says '{'word ' * 11}wo...' before" in refused(
        f"ssh://board{python(tmp_path, before='echo ' + 'word ' * 99)}"
    )


def test_second_run_is_told_who_has_the_board(
    board: Server, here: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = ssh.connect(devices.parse(here))
    holder = board.holder()
    monkeypatch.setattr(ssh, "_ours", set())
    result = compared(["cpu", here])
    (reason,) = reasons(result)
    assert reason.startswith(f"{here}: it is in use by another run of lwprof (process {holder['process']} of ")
    assert reason.endswith(f", since {holder['since']})")
    assert [timing.device for timing in result.models[0].timings] == ["cpu"]
    first.refresh()
    first.close()
    ssh.connect(devices.parse(here)).close()


def test_board_that_is_named_twice_is_told_so(board: Server, here: str, tmp_path: Path) -> None:
    again = f"ssh://127.0.0.1:{board.port}{python(tmp_path / 'again')}"
    result = compared([here, again])
    assert [timing.device for timing in result.models[0].timings] == [here]
    assert reasons(result) == [
        f"{again}: another device of this run is on the same board: measure on them one after the other"
    ]


def test_command_ends_with_3_and_shows_the_other_rows(
    board: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "net.py").write_text("from torch import nn\n\ndef net():\n    return nn.Conv2d(3, 4, 3)\n")
    monkeypatch.chdir(tmp_path)
    names = f"cpu,ssh://unknown,ssh://board{python(tmp_path / 'here')}"
    code = main(["compare", "net.py:net", "--input-size", "3,8,8", "--backend", "onnxruntime", "--budget", "0.2",
                 "--device", names, "--format", "csv"])  # fmt: skip
    out, err = capsys.readouterr()
    assert code == 3
    assert err.splitlines()[-1].startswith("error: the host key of ssh://unknown is not known: connect once by hand")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert [bool(row["timings.median_s"]) for row in rows] == [True, True, False]


@pytest.mark.parametrize(("call", "doing"), [(1, ", while Sequential was loaded"), (400, "")])
def test_killed_agent_takes_one_network_with_it(board: Server, tmp_path: Path, call: int, doing: str) -> None:
    acting = ACTING.format(width=5, call=call, signal="SIGKILL")
    device = f"ssh://board{python(tmp_path, modules={'sitecustomize': acting})}"
    result = compared(["cpu", device], [4, 5, 6], budget_s=2.0)
    first, lost, last = reasons(result)
    assert (first, last) == ("", "")
    assert lost.endswith(f"the agent on {device} was ended: was it killed, for lack of memory?{doing}")
    assert [[timing.device for timing in model.timings] for model in result.models] == [
        ["cpu", device], ["cpu"], ["cpu", device],
    ]  # fmt: skip
    before, after = (model.timings[1] for model in (result.models[0], result.models[2]))
    assert len(before.samples_s) == len(after.samples_s) > 3
    assert device in result.boards


def at(what: str, act: Callable[[], None]) -> Callable[[str, float], None]:
    """Act once, the second time that this goes on."""
    left = [2]

    def progress(now: str, share: float) -> None:
        if now == what:
            left[0] -= 1
            if left[0] == 0:
                act()

    return progress


def test_agent_that_is_killed_between_rounds_is_replaced(board: Server, here: str) -> None:
    def act() -> None:
        os.kill(board.holder()["process"], signal.SIGKILL)

    result = compared(here, [4, 5], progress=at("timing", act), **UNHURRIED)
    assert reasons(result) == ["", ""]
    first, second = (model.timings[0] for model in result.models)
    assert len(first.samples_s) == len(second.samples_s) > 3


def session_of(process: int) -> int:
    """The server's process for the connection of an agent."""
    while True:
        status = Path(f"/proc/{process}/status").read_text()
        if status.startswith("Name:\tsshd"):
            return process
        process = int(next(line.split()[1] for line in status.splitlines() if line.startswith("PPid:")))


def test_connection_that_is_cut_is_made_again(board: Server, here: str) -> None:
    cut: list[int] = []

    def act() -> None:
        cut.append(board.holder()["process"])
        os.kill(session_of(cut[0]), signal.SIGKILL)

    result = compared(here, [4, 5], progress=at("timing", act), **UNHURRIED)
    assert sum(map(bool, reasons(result))) <= 1  # it was between two rounds, or in one
    assert board.holder()["process"] != cut[0]


def test_board_that_cannot_be_reached_again_is_given_up(board: Server, here: str) -> None:
    gone = board.port

    def act() -> None:
        board.stop()
        os.kill(session_of(board.holder()["process"]), signal.SIGKILL)

    try:
        result = compared(["cpu", here], [4, 5], progress=at("timing", act))
    finally:
        board.start()
    assert [[timing.device for timing in model.timings] for model in result.models] == [["cpu"], ["cpu"]]
    for reason in reasons(result):
        assert "the connection to" in reason
        assert reason.endswith(f"and then nothing answers on port {gone} of {here}: is its SSH server running?")


def test_board_that_hangs_is_not_waited_for(board: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ssh, "PATIENCE_S", 3.0)
    acting = ACTING.format(width=5, call=2, signal="SIGSTOP")
    device = f"ssh://board{python(tmp_path, modules={'sitecustomize': acting})}"
    first, lost = reasons(compared(device, [4, 5]))
    assert first == ""
    assert lost == f"{device} did not answer for 3 s: it hangs, or is overloaded"


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_run_that_ends_leaves_neither_agent_nor_lock(board: Server, here: str, how: signal.Signals) -> None:
    source = f"""
import time
from lwprof.timing import devices
from lwprof.timing.boards import ssh
board = ssh.connect(devices.parse({here!r}))
print("there", flush=True)
time.sleep(600)
"""
    process = subprocess.Popen(
        [sys.executable, "-P", "-c", source], stdout=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a run in the background may ignore it
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "there\n"
    agent = board.holder()["process"]
    process.send_signal(how)
    process.wait()
    process.stdout.close()
    ssh.connect(devices.parse(here)).close()
    assert not Path(f"/proc/{agent}").exists()


def test_interrupted_run_keeps_complete_rounds(board: Server, here: str) -> None:
    def act() -> None:
        raise KeyboardInterrupt

    result = compared(here, [4, 5], budget_s=60, precision=1e-9, progress=at("timing", act))
    assert result.interrupted
    for model in result.models:
        (timing,) = model.timings
        assert timing.stopped == "interrupted"
        assert timing.samples_s


def test_folder_that_cannot_be_written_to_is_said(board: Server, tmp_path: Path) -> None:
    elsewhere = {"sitecustomize": "import tempfile; tempfile.tempdir = '/proc'"}
    name = f"ssh://board{python(tmp_path, modules=elsewhere)}"
    assert refused(name).startswith(f"{name}: nothing can be written there (")


def test_network_that_does_not_fit_on_the_disk_is_said(board: Server, tmp_path: Path) -> None:
    device = f"ssh://board{python(tmp_path, before='ulimit -f 64')}"
    small, large = reasons(compared(device, [4, 600]))
    assert small == ""
    assert large.startswith(f"{device}: the network cannot be written to {board.there}")
    assert "(File too large): it has 0.2 MB, " in large


def test_int8_runs_on_the_board(board: Server, here: str) -> None:
    result = compared(here, dtype="int8")
    assert reasons(result) == [""]
    assert result.models[0].timings[0].dtype == "int8"


class Named(nn.Module):
    """Does not read all that it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)

    def forward(self, *, times: torch.Tensor, unread: torch.Tensor, image: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"maps": self.conv(image) * times, "sums": image.sum((2, 3))}


@pytest.mark.parametrize("backend", ["ncnn", "onnxruntime"])
def test_inputs_arrive_under_their_names(board: Server, here: str, backend: str) -> None:
    inputs = {"times": torch.full((1, 4, 1, 1), 3.0), "unread": torch.rand(7), "image": torch.rand(1, 3, 8, 8)}
    result = lwprof.compare([Named()], inputs=inputs, backend=backend, device=here, budget_s=0.2)
    assert reasons(result) == [""]
    assert result.models[0].timings[0].difference < 1e-5


def test_file_with_weights_beside_it_runs_as_it_is(board: Server, here: str, tmp_path: Path) -> None:
    kernel = numpy_helper.from_array(weights(4, 3, 3, 3) / 100, "kernel")
    graph = helper.make_graph(
        [node("Conv", "image kernel", "maps")], "graph",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, 8, 8])],
        [helper.make_tensor_value_info("maps", TensorProto.FLOAT, [1, 4, 6, 6])], [kernel],
    )  # fmt: skip
    file = tmp_path / "net.onnx"
    (tmp_path / "parts").mkdir()
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.save(model, file, save_as_external_data=True, location="parts/kernel.bin", size_threshold=0)
    result = lwprof.compare([str(file)], backend="onnxruntime", device=here, budget_s=0.2)
    assert reasons(result) == [""]
    (timing,) = result.models[0].timings
    assert timing.difference < 1e-5
    assert timing.size_bytes == sum(path.stat().st_size for path in (file, tmp_path / "parts" / "kernel.bin"))


def test_threads_and_warnings_are_those_of_the_board(board: Server, here: str) -> None:
    cores = len(os.sched_getaffinity(0))
    timing = compared(here, threads=cores + 1).models[0].timings[0]
    assert timing.threads == cores + 1
    assert any(warning.startswith(f"{cores + 1} threads share ") for warning in timing.warnings)


def test_cores_are_those_of_the_board(board: Server, here: str, tmp_path: Path) -> None:
    core = min(os.sched_getaffinity(0))
    result = compared(here, cores=str(core))
    assert reasons(result) == [""]
    assert result.models[0].timings[0].cores == str(core)
    assert reasons(compared(here, cores="4000")) == [
        f"{here}: there is no core 4000 here; there is {cores_here()}"
    ]  # fmt: skip


def cores_here() -> str:
    return spelled(processor.number for processor in processors())


def test_configuration_of_the_client_holds(board: Server, tmp_path: Path) -> None:
    there = python(tmp_path / "there")
    found = ssh.connect(devices.parse(f"ssh://jumped{there}"))
    assert found.record["machine"] == os.uname().machine
    found.close()
