"""The agent: answers requests over two pipes, on a board or on an emulated machine.

A request and an answer are one line of JSON each; raw bytes follow it, as many as its key "bytes" says. A request names
what to "do", which is one of :attr:`Agent.requests`. An answer has "error", in a sentence, where that failed.
"""

from __future__ import annotations

import ctypes
import gc
import importlib
import importlib.util
import json
import os
import shutil
import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, BinaryIO

from lwprof.timing.portable.blocks import Bench, Contender
from lwprof.timing.portable.clock import Clock, performance_clock
from lwprof.timing.portable.wire import Body, RefusedError, arrays, described, said

if TYPE_CHECKING:
    from lwprof.timing.portable.affinity import Affinity
    from lwprof.timing.portable.lock import Lock
RUNTIMES = {"ncnn": "ncnn_network", "onnxruntime": "onnxruntime_network"}
"""Module of each runtime, in this package."""

MARK, BEGIN, END = 0x4C575052, 1, 2
"""Arguments of the call of ``prctl`` that tells the counting plugin where a region begins and ends."""


class Agent:
    """Networks that are loaded here, and what is asked of them."""

    def __init__(self) -> None:
        self.requests = {
            "hello": self.hello,
            "machine": self.machine,
            "steady": self.steady,
            "load": self.load,
            "outputs": self.outputs,
            "bench": self.bench,
            "start": self.start,
            "rounds": self.rounds,
            "count": self.count,
            "unload": self.unload,
        }
        self.steadied = False
        """Whether it is to execute the same in every process."""
        self._clock = performance_clock()
        self._networks: dict[int, Any] = {}
        self._fed: dict[int, Any] = {}
        self._bench, self._positions = Bench([], self._clock), dict[int, int]()
        self._folder: Path | None = None
        self._lock: Lock | None = None
        self._affinity: Affinity | None = None

    def hello(self, request: Mapping[str, Any], body: Body) -> dict[str, Any]:
        """Take the lock of this board, make a folder, and describe the machine; run on the "cores" that are chosen.

        From then on the agent ends with its connection, in the middle of whatever it does. Where an agent of the same
        run was lost, "former" names its folder: it is ended if it still runs, and the answer has the number of the
        network that was "running" in it.
        """
        from lwprof.timing.portable import lock
        from lwprof.timing.portable.watch import exit_with_stdin

        former = str(request.get("former") or "")
        try:
            self._lock = lock.Lock(former)
            left = lock.leftovers(former)
            self._folder = self._lock.folder()
        except lock.BusyError as error:
            raise RefusedError(str(error), holder=error.folder) from error
        except OSError as error:
            raise RefusedError(f"nothing can be written there ({said(error)}): is its disk full?") from error
        exit_with_stdin(self.close)
        found = self.machine(request, body)["machine"]
        if pinned := self._pinned(str(request.get("cores") or "")):
            found["chosen_cores"] = pinned
        return {"folder": str(self._folder), "running": left, "machine": found}

    def machine(self, request: Mapping[str, Any], body: Body) -> dict[str, Any]:
        """Describe the machine, as it is now."""
        from lwprof.timing.portable import machine

        now = {"model": machine.board_model(), "temperature_c": machine.temperature(), "throttled": machine.throttled()}
        known = {key: value for key, value in now.items() if value is not None}
        return {"machine": {**machine.description(), **known}}

    def steady(self, request: Mapping[str, Any], body: Body) -> dict[str, Any]:
        """Execute from now on what every such process does, to the instruction.

        There is no look at the clock, and no folder with a name of its own. What follows runs in another thread, which
        the allocator gives memory of its own: how it looks for room does not depend on all that was imported before.
        """
        module(request["runtime"])
        imported(request["runtime"])
        self._clock = Clock(lambda: 0.0, 1.0)
        self._folder = Path(request["folder"])
        self._folder.mkdir()
        self.steadied = True
        return {}

    def load(self, request: Mapping[str, Any], body: Body) -> dict[str, Any]:
        """Load a network from files whose bytes follow, and then those of its inputs."""
        runtime, number = request["runtime"], int(request["number"])
        found = module(runtime)
        version = imported(runtime)
        if reason := found.unavailable(request["dtype"]):
            raise RefusedError(reason)
        self._note(number)
        folder = self._network_folder(number)
        try:
            self._receive(folder, request["files"], body)
            try:
                start = self._clock.now()
                network = found.Network(folder, request["dtype"], int(request["threads"]))
                load_s = self._clock.now() - start
                fed = network.feed(arrays(request["inputs"], body.read()), request["names"])
                start = self._clock.now()
                network.run(fed)
                first_call_s = self._clock.now() - start
            except (EOFError, MemoryError):
                raise
            except Exception as error:
                raise RefusedError(said(error), version=version) from error
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        self._networks[number], self._fed[number] = network, fed
        return {"load_s": load_s, "first_call_s": first_call_s, "version": version}

    def outputs(self, request: Mapping[str, Any], body: Body) -> tuple[dict[str, Any], bytes]:
        """Run a network once, on the inputs whose bytes follow or on those that it was loaded with."""
        number = int(request["number"])
        network, fed = self._networks[number], self._fed[number]
        self._note(number)
        if request.get("inputs"):
            fed = network.feed(arrays(request["inputs"], body.read()), request["names"])
        return described(network.arrays(network.run(fed)))

    def bench(self, request: Mapping[str, Any], body: Body) -> dict[str, Any]:
        """Make a bench of networks; "tracks" holds how blocks are made of those of which that is known."""
        numbers = [int(number) for number in request["numbers"]]
        contenders = [self._contender(number) for number in numbers]
        self._positions = {number: position for position, number in enumerate(numbers)}
        self._bench = Bench(contenders, self._clock, lambda position: self._note(numbers[position]))
        for number, (calls, singly) in request["tracks"].items():
            track = self._bench.tracks[self._positions[int(number)]]
            track.calls, track.singly = calls, singly
        if self._affinity is not None:
            self._affinity.pin()  # once more: runtimes may have placed the threads that they made
        gc.disable()
        return {}

    def start(self, request: Mapping[str, Any], body: Body) -> dict[str, Any]:
        """Find how the blocks of a network are made."""
        position = self._positions[int(request["number"])]
        self._bench.start(position)
        failure = self._bench.failures.get(position)
        return {"failure": failure} if failure else {"track": vars(self._bench.tracks[position])}

    def rounds(self, request: Mapping[str, Any], body: Body) -> dict[str, Any]:
        """Run rounds in the orders that are given; those that failed before are left out."""
        numbers = {position: number for number, position in self._positions.items()}
        found, start = [], self._clock.now()
        for order in request["orders"]:
            positions = [self._positions[number] for number in order]
            blocks = self._bench.round([position for position in positions if position in self._bench.tracks])
            found.append({numbers[position]: block.calls_s for position, block in blocks.items()})
        failures = {numbers[position]: text for position, text in self._bench.failures.items()}
        return {"rounds": found, "failures": failures, "seconds": self._clock.now() - start}

    def count(self, request: Mapping[str, Any], body: Body) -> tuple[dict[str, Any], bytes]:
        """Run a network once between two marks for the plugin that counts; it has run before."""
        number = int(request["number"])
        network, fed = self._networks[number], self._fed[number]
        prctl = ctypes.CDLL(None).prctl
        gc.collect()
        gc.disable()
        prctl(MARK, BEGIN)
        found = network.run(fed)
        prctl(MARK, END)
        return described(network.arrays(found))

    def unload(self, request: Mapping[str, Any], body: Body) -> dict[str, Any]:
        """Let go of a network."""
        number = int(request["number"])
        self._fed.pop(number, None)
        network = self._networks.pop(number, None)
        if network is not None:
            network.close()
        return {}

    def idle(self) -> None:
        """Put down that no network runs."""
        if self._lock is not None:
            self._lock.note()

    def close(self) -> None:
        """Leave no files behind."""
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _pinned(self, text: str) -> str:
        """Pin all threads to the cores that are chosen; their numbers, or nothing where none were."""
        from lwprof.timing.portable import cores
        from lwprof.timing.portable.affinity import CAN_PIN, Affinity

        if text in ("", cores.ALL):
            return ""
        if not CAN_PIN:
            raise RefusedError("threads cannot be pinned to cores there: leave the choice of cores out")
        try:
            chosen = cores.chosen(text, cores.processors())
            self._affinity = Affinity(chosen)
            self._affinity.pin()
        except (OSError, ValueError) as error:
            raise RefusedError(said(error)) from error
        return cores.spelled(chosen)

    def _note(self, number: int) -> None:
        if self._lock is not None:
            self._lock.note(number)

    def _contender(self, number: int) -> Contender:
        network, fed = self._networks[number], self._fed[number]
        return Contender(str(number), lambda: network.run(fed))

    def _network_folder(self, number: int) -> Path:
        try:
            if self._folder is None:
                self._folder = Path(tempfile.mkdtemp(prefix="lwprof-"))
            folder = self._folder / str(number)
            folder.mkdir()
        except OSError as error:
            raise RefusedError(f"nothing can be written there ({said(error)}): is its disk full?") from error
        return folder

    def _receive(self, folder: Path, files: Sequence[tuple[str, int]], body: Body) -> None:
        try:
            for name, size in files:
                path = PurePosixPath(name)
                if path.is_absolute() or ".." in path.parts:
                    raise RefusedError(f"a file of the network lies elsewhere: {name}")
                (folder / path).parent.mkdir(parents=True, exist_ok=True)
                body.save(folder / path, size)
        except OSError as error:
            wanted, free = sum(size for _, size in files), shutil.disk_usage(folder).free
            raise RefusedError(
                f"the network cannot be written to {folder.parent.parent.absolute()} there ({said(error)}): "
                f"it has {wanted / 1e6:.1f} MB, {free / 1e6:.1f} MB are free"
            ) from error


def module(runtime: str) -> Any:
    """What loads networks of a runtime; its import comes before that of the runtime, for which it may set something."""
    return importlib.import_module(f"lwprof.timing.portable.{RUNTIMES[runtime]}")


def imported(runtime: str) -> str:
    """Import a runtime, and NumPy; gives the runtime's version.

    Raises:
        RefusedError: one is missing, or broken.
    """
    for package in (runtime, "numpy"):
        if importlib.util.find_spec(package) is None:
            raise RefusedError(f"{package} is not installed there", missing=package)
    for package in ("numpy", runtime):
        try:
            module = importlib.import_module(package)
        except Exception as error:
            raise RefusedError(f"{package} there cannot be imported ({said(error)})", missing=package) from error
    return str(getattr(module, "__version__", ""))


def serve(requests: BinaryIO) -> None:
    """Answer requests until there are no more; what others print goes to stderr."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    agent = Agent()
    try:
        if _answered(agent, requests, answers):
            thread = threading.Thread(target=_answered, args=(agent, requests, answers))
            thread.start()
            thread.join()
    finally:
        agent.close()


def _answered(agent: Agent, requests: BinaryIO, answers: BinaryIO) -> bool:
    """Answer requests; whether the agent wants to go on in another thread."""
    moved = agent.steadied
    try:
        for line in iter(requests.readline, b""):
            request = json.loads(line)
            body, data = Body(requests, request.get("bytes", 0)), b""
            try:
                found = agent.requests[request["do"]](request, body)
                answer, data = found if isinstance(found, tuple) else (found, b"")
            except EOFError:
                break
            except MemoryError:
                answer = {"error": "the network does not fit into its memory"}
            except Exception as error:
                answer = {"error": said(error), **getattr(error, "details", {})}
            agent.idle()
            body.skip()
            answers.write(json.dumps({**answer, "bytes": len(data)}).encode() + b"\n" + data)
            answers.flush()
            if agent.steadied and not moved:
                return True
    except (EOFError, BrokenPipeError):  # nobody is there any more
        agent.close()
        os._exit(1)
    return False
