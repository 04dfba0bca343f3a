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
import platform
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from lwprof.timing.portable.blocks import Bench, Contender
from lwprof.timing.portable.clock import performance_clock

RUNTIMES = {"ncnn": "ncnn_network", "onnxruntime": "onnxruntime_network"}
"""Module of each runtime, in this package."""

LOCK = "lwprof.lock"
MARK, BEGIN, END = 0x4C575052, 1, 2
"""Arguments of the call of ``prctl`` that tells the counting plugin where a region begins and ends."""


class Agent:
    """Networks that are loaded here, and what is asked of them."""

    def __init__(self, folder: Path, answer: Any) -> None:
        self.requests = {
            "hello": self.hello,
            "load": self.load,
            "outputs": self.outputs,
            "start": self.start,
            "rounds": self.rounds,
            "count": self.count,
            "unload": self.unload,
        }
        self._folder, self._answer = folder, answer
        self._clock = performance_clock()
        self._networks: dict[int, Any] = {}
        self._fed: dict[int, Any] = {}
        self._bench = Bench([], self._clock)
        self._lock: Any = None

    def hello(self, request: Mapping[str, Any], data: bytes) -> dict[str, Any]:
        """Take the lock, if asked to, and describe the machine."""
        if request.get("lock"):
            self._take_lock()
        return {
            "python": platform.python_version(),
            "machine": platform.machine(),
            "os": platform.system() + " " + platform.release(),
            "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        }

    def load(self, request: Mapping[str, Any], data: bytes) -> dict[str, Any]:
        """Load a network from files whose bytes follow, and then those of its inputs."""
        runtime, number = request["runtime"], int(request["number"])
        if importlib.util.find_spec(runtime) is None:
            return {"error": f"{runtime} is not installed there", "missing": runtime}
        module = importlib.import_module(f"lwprof.timing.portable.{RUNTIMES[runtime]}")
        if reason := module.unavailable(request["dtype"]):
            return {"error": reason}
        folder = self._folder / str(number)
        folder.mkdir()
        at = 0
        for name, size in request["files"]:
            (folder / name).write_bytes(data[at : at + size])
            at += size
        start = self._clock.now()
        network = module.Network(folder, request["dtype"], int(request["threads"]))
        load_s = self._clock.now() - start
        shutil.rmtree(folder)
        self._networks[number] = network
        self._fed[number] = network.feed(arrays(request["inputs"], data[at:]))
        version = getattr(importlib.import_module(runtime), "__version__", "")
        start = self._clock.now()
        network.run(self._fed[number])
        return {"load_s": load_s, "first_call_s": self._clock.now() - start, "version": version}

    def outputs(self, request: Mapping[str, Any], data: bytes) -> tuple[dict[str, Any], bytes]:
        """Run a network once, on the inputs whose bytes follow or on those that it was loaded with."""
        number = int(request["number"])
        network = self._networks[number]
        fed = network.feed(arrays(request["inputs"], data)) if request.get("inputs") else self._fed[number]
        return described(network.arrays(network.run(fed)))

    def start(self, request: Mapping[str, Any], data: bytes) -> dict[str, Any]:
        """Make a bench of networks and find how their blocks are made; one that was found before stays."""
        numbers, known = request["numbers"], {int(key): value for key, value in request["tracks"].items()}
        contenders = [self._contender(number) for number in numbers]
        self._bench = Bench(contenders, self._clock)
        gc.disable()
        for position, number in enumerate(numbers):
            self._answer({"running": number})
            if number in known:
                track = self._bench.tracks[position]
                track.calls, track.singly = known[number]["calls"], known[number]["singly"]
            else:
                self._bench.start(position)
        return {
            "tracks": {numbers[position]: vars(track) for position, track in self._bench.tracks.items()},
            "failures": {numbers[position]: text for position, text in self._bench.failures.items()},
        }

    def rounds(self, request: Mapping[str, Any], data: bytes) -> dict[str, Any]:
        """Run rounds in the orders that are given, by position on the bench."""
        found = []
        for order in request["orders"]:
            self._answer({"running": order})
            blocks = self._bench.round([position for position in order if position in self._bench.tracks])
            found.append({position: block.calls_s for position, block in blocks.items()})
        return {"rounds": found, "failures": self._bench.failures}

    def count(self, request: Mapping[str, Any], data: bytes) -> tuple[dict[str, Any], bytes]:
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

    def unload(self, request: Mapping[str, Any], data: bytes) -> dict[str, Any]:
        """Let go of a network."""
        number = int(request["number"])
        self._fed.pop(number, None)
        network = self._networks.pop(number, None)
        if network is not None:
            network.close()
        return {}

    def _contender(self, number: int) -> Contender:
        network, fed = self._networks[number], self._fed[number]
        return Contender(str(number), lambda: network.run(fed))

    def _take_lock(self) -> None:
        """Keep other runs from this board until this process ends.

        Raises:
            BlockingIOError: another one is there.
        """
        import fcntl

        path = Path(tempfile.gettempdir()) / LOCK
        try:
            handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        except PermissionError:  # that of another user
            handle = os.open(path, os.O_RDONLY)
        self._lock = os.fdopen(handle)
        fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)


def arrays(specs: Sequence[Mapping[str, Any]], data: bytes) -> list[Any]:
    """Read arrays of the given dtypes and shapes that lie one behind the other."""
    import numpy

    found, at = [], 0
    for spec in specs:
        dtype = numpy.dtype(spec["dtype"])
        count = int(numpy.prod(spec["shape"], dtype=int))
        found.append(numpy.frombuffer(data, dtype, count, at).reshape(spec["shape"]).copy())
        at += count * dtype.itemsize
    return found


def described(found: Sequence[Any]) -> tuple[dict[str, Any], bytes]:
    """Dtypes and shapes of arrays, and their bytes one behind the other."""
    specs = [{"dtype": str(array.dtype), "shape": list(array.shape)} for array in found]
    return {"arrays": specs}, b"".join(array.tobytes() for array in found)


def serve(requests: BinaryIO) -> None:
    """Answer requests until there are no more; what others print goes to stderr."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)

    def answer(found: Mapping[str, Any], data: bytes = b"") -> None:
        answers.write(json.dumps({**found, "bytes": len(data)}).encode() + b"\n" + data)
        answers.flush()

    with tempfile.TemporaryDirectory(prefix="lwprof-") as folder:
        agent = Agent(Path(folder), answer)
        for line in iter(requests.readline, b""):
            request = json.loads(line)
            data = requests.read(request.get("bytes", 0))
            try:
                found = agent.requests[request["do"]](request, data)
            except BlockingIOError:
                found = {"error": "it is in use by another run of lwprof", "busy": True}
            except Exception as error:
                lines = str(error).strip().splitlines()
                found = {"error": ": ".join([type(error).__name__, *lines[:1]])}
            answer(*found if isinstance(found, tuple) else (found,))
