"""Layer times of ONNX Runtime, by its own profile.

A second session of the same file runs with the profile on. What it costs to write the profile down does not belong to
the network, and is taken out: what lies between two nodes (in a call that nobody looks into they follow each other in
less than a microsecond), and the part that ONNX Runtime puts into the nodes' own times, which is measured on a chain of
nodes that do next to nothing. The profile counts in whole microseconds, cut off: half of one is added to each node.
What is left of a call beside its nodes is what comes before the first and after the last: inputs, outputs, Python.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

from lwprof.errors import BackendError
from lwprof.timing.contract import LayerCall, Observed, ObservedCall
from lwprof.timing.conversions import onnx_layers
from lwprof.timing.portable import onnxruntime_network
from lwprof.timing.portable.clock import Clock

MOST_EVENTS = 20_000
"""In one profile: they are kept in memory, and beyond a million dropped. Before that, a new one is begun."""

WARM_UP = 3
"""Calls of every session that nobody asks for, since the first prepare what later ones use."""

_CUT_S = 0.5e-6
_CHAIN = 64
_NODE = "_kernel_time"
_FOLDER = "session.model_external_initializers_file_folder_path"
_WEIGHTS = "session.optimized_model_external_initializers_file_name"

Event = dict[str, Any]
Run = tuple[Event, list[Event]]
"""What a profile says of one call, and of its nodes in the order in which they began."""


def observe(file: Path, graph: onnx_layers.Graph, feed: Any, threads: int, clock: Clock, label: str) -> Observed:
    """Look into calls of a file.

    Args:
        file: the graph that is timed.
        graph: its nodes, with the layers that they belong to.
        feed: what every call is given.
        threads: how many it runs on.
        clock: what whole calls are timed with.
        label: of the network.
    """
    observation = _Observation(file, graph, feed, threads, clock, label)
    return Observed(
        observation.run, observation.prepare, rest=lambda: None, calls=observation.calls, close=observation.close
    )


class _Observation:
    def __init__(self, file: Path, graph: onnx_layers.Graph, feed: Any, threads: int, clock: Clock, label: str) -> None:
        self._file, self._graph, self._feed, self._threads = file, graph, feed, threads
        self._clock, self._label = clock, label
        self._found: list[ObservedCall] = []
        self._profile: _Profile | None = None
        self._recording_s = recording_s(threads, clock)
        try:
            self._begin()
        except BaseException:
            self.close()
            raise

    def _begin(self) -> None:
        self._profile = _Profile(self._file, self._graph, self._threads)
        for _ in range(WARM_UP):
            self._profile.run(self._feed)

    def run(self) -> object:
        """Run once, and note how long it took."""
        assert self._profile is not None
        walls = self._profile.walls
        walls.append(None)
        start = self._clock.now()
        result = self._profile.run(self._feed, noted=True)
        walls[-1] = self._clock.now() - start
        return result

    def prepare(self) -> None:
        """Begin a new profile where this one has become long."""
        if self._profile is not None and self._profile.is_full:
            self._end()
            self._begin()

    def calls(self) -> Sequence[ObservedCall]:
        """All calls that came to their end."""
        self._end()
        return self._found

    def _end(self) -> None:
        profile, self._profile = self._profile, None
        if profile is None:
            return
        try:
            runs = profile.runs()
            if len(runs) != len(profile.walls):
                raise BackendError(
                    f"the profile of onnxruntime has {len(runs)} calls of {self._label}, of {len(profile.walls)}"
                )
            for wall_s, run in zip(profile.walls, runs, strict=True):
                if wall_s is not None:
                    self._found.append(observed(run, profile.mapped, wall_s, self._recording_s))
        finally:
            profile.close()

    def close(self) -> None:
        """Remove what it wrote."""
        if self._profile is not None:
            self._profile.close()
            self._profile = None


class _Profile:
    """A session that writes its profile into a folder of its own."""

    def __init__(self, file: Path, graph: onnx_layers.Graph | None, threads: int, model: bytes = b"") -> None:
        with _no_room():
            self._folder = tempfile.TemporaryDirectory(prefix="lwprof-")
        self._session: Any = None
        self.walls: list[float | None] = []
        """What each call took; ``None`` for those that nobody asked for, or that did not end."""
        try:
            self._load(file, graph, threads, model)
        except BaseException:
            self.close()
            raise

    def _load(self, file: Path, graph: onnx_layers.Graph | None, threads: int, model: bytes) -> None:
        import onnxruntime

        folder = Path(self._folder.name)
        optimised = folder / "optimised.onnx"
        chosen = onnxruntime_network.options(threads)
        chosen.enable_profiling = True
        chosen.profile_file_prefix = str(folder / "profile")
        what: str | bytes = model or str(file)
        if graph is not None:
            chosen.optimized_model_filepath = str(optimised)
            chosen.add_session_config_entry(_WEIGHTS, "weights")
            if graph.renamed:
                what = graph.renamed
                chosen.add_session_config_entry(_FOLDER, str(file.parent))
        self._session = onnxruntime.InferenceSession(what, chosen, providers=[onnxruntime_network.PROVIDER])
        self.mapped = None if graph is None else onnx_layers.Mapped(graph, onnx_layers.read(optimised))
        self._nodes = _CHAIN if self.mapped is None else self.mapped.nodes

    @property
    def is_full(self) -> bool:
        """Whether another call might be too many."""
        return len(self.walls) * (self._nodes + 2) > MOST_EVENTS

    def run(self, feed: Any, *, noted: bool = False) -> object:
        """Run once; ``noted`` where it stands in ``walls`` already."""
        if not noted:
            self.walls.append(None)
        return self._session.run(None, feed)

    def runs(self) -> list[Run]:
        """End the profile, and return what it says of every call; one that was not begun is taken from ``walls``."""
        file = self._session.end_profiling()
        self._session = None
        found: list[Run] = []
        nodes: list[Event] = []
        with _no_room(), open(file, encoding="utf-8", errors="replace") as text:
            events = json.load(text)
        for event in events:
            if event["cat"] == "Node" and event["name"].endswith(_NODE):
                nodes.append(event)
            elif event["name"] == "model_run":
                found.append((event, _outer(nodes)))
                nodes = []
        if len(found) == len(self.walls) - 1 and self.walls[-1] is None:
            self.walls.pop()
        return found

    def close(self) -> None:
        """Remove its folder."""
        if self._session is not None:
            self._session.end_profiling()
            self._session = None
        self._folder.cleanup()


@contextmanager
def _no_room() -> Iterator[None]:
    """Say so where a profile cannot be written whole.

    Raises:
        BackendError: instead of what came of it.
    """
    try:
        yield
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "what it wrote is not whole; is there room?"
        raise BackendError(f"onnxruntime cannot keep its profile in {tempfile.gettempdir()}: {reason}") from error


def _outer(nodes: Sequence[Event]) -> list[Event]:
    """Nodes in the order in which they began, without those that run inside others, as the body of a loop does."""
    found: list[Event] = []
    end = -1
    for event in sorted(nodes, key=lambda event: (event["ts"], -event["dur"])):
        if event["ts"] + event["dur"] > end or not found:
            found.append(event)
            end = event["ts"] + event["dur"]
    return found


def observed(run: Run, mapped: onnx_layers.Mapped | None, wall_s: float, recording_s: float) -> ObservedCall:
    """What one call is without what it cost to record it.

    Args:
        run: what the profile says of it.
        mapped: layers of its nodes.
        wall_s: what it took by the clock outside.
        recording_s: what is in the time of every node beside the node.
    """
    whole, nodes = run
    if not nodes:
        return ObservedCall(wall_s, ())
    own = [max(event["dur"] / 1e6 + _CUT_S - recording_s, 0.0) for event in nodes]
    spent = nodes[-1]["ts"] + nodes[-1]["dur"] - nodes[0]["ts"]
    around_s = (whole["dur"] - spent) / 1e6
    outside_s = max(wall_s - whole["dur"] / 1e6, 0.0)
    before_s = (nodes[0]["ts"] - whole["ts"]) / 1e6 + outside_s / 2
    names = [(event["name"].removesuffix(_NODE), event["args"]["op_name"]) for event in nodes]
    layers = mapped.of(names) if mapped is not None else [()] * len(nodes)
    calls: list[LayerCall] = []
    start = before_s
    for of, seconds in zip(layers, own, strict=True):
        calls.append(LayerCall(of, start, seconds, seconds))
        start += seconds
    return ObservedCall(sum(own) + around_s + outside_s, tuple(calls))


def recording_s(threads: int, clock: Clock) -> float:
    """Seconds that ONNX Runtime puts into the time of every node when it writes a profile.

    They are what nodes that do next to nothing take by the profile, above what they take without it.
    """
    import numpy
    import onnxruntime

    model = _chain()
    feed = {"0": numpy.ones((1, 8, 1, 1), numpy.float32)}
    plain = onnxruntime.InferenceSession(
        model, onnxruntime_network.options(threads), providers=[onnxruntime_network.PROVIDER]
    )
    profile = _Profile(Path(), None, threads, model)
    alone: list[float] = []
    try:
        for _ in range(50):
            start = clock.now()
            plain.run(None, feed)
            alone.append(clock.now() - start)
            profile.run(feed)
        nodes = [event["dur"] / 1e6 + _CUT_S for _, events in profile.runs()[5:] for event in events]
    finally:
        profile.close()
    return max(median(nodes) - median(alone[5:]) / _CHAIN, 0.0) if nodes else 0.0


def _chain() -> bytes:
    """Additions of a few numbers, each of what the last one made."""
    from onnx import TensorProto, helper

    one = helper.make_tensor("one", TensorProto.FLOAT, [1, 8, 1, 1], [1.0] * 8)
    names = [str(place) for place in range(_CHAIN + 1)]
    nodes = [
        helper.make_node("Add" if int(name) % 2 else "Sub", [name, "one"], [made], f"/network/chain.{name}")
        for name, made in pairwise(names)
    ]
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 8, 1, 1]) for name in (names[0], names[-1])]
    graph = helper.make_graph(nodes, "chain", ends[:1], ends[1:], [one])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    return bytes(model.SerializeToString())
