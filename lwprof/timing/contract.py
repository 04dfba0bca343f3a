"""What a timing backend is, and what it is given and gives back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from lwprof.inputs import Values
    from lwprof.results.instructions import Instructions
    from lwprof.timing.boards.board import Board
    from lwprof.timing.portable.clock import Clock

CONTIGUOUS, CHANNELS_LAST = "contiguous", "channels_last"

FLOAT16_WEIGHTS = "float16-weights"
"""Weights in float16 on disk, everything computed in float32."""

ALL_CORES = "all"
"""Threads run wherever the system lets them."""

MOST_THREADS = 1024
"""Beyond the processors there are; far beyond it a thread pool cannot be made and ends the program."""


@dataclass(frozen=True, slots=True)
class Options:
    """How to run; the batch is that of the inputs."""

    device: str = "cpu"
    threads: int = 1
    seed: int = 0
    dtype: str = ""
    """What to compute in; empty for what the network is built in."""
    layout: str = CONTIGUOUS
    """How images lie in memory, in torch's words."""
    cold_l2: bool = False
    """Whether the GPU's L2 cache is emptied before every call."""
    cores: str = ALL_CORES
    """Which processors of the CPU its threads are pinned to: ``big``, ``little``, numbers such as ``0,2-3``."""


@dataclass(frozen=True, slots=True)
class Source:
    """A network to be converted and loaded: a module in ``eval()``, or an ONNX file."""

    label: str
    module: Any | None
    values: Values
    """What it is called with: tensors on the CPU, which nobody writes to."""
    file: Path | None = None
    content: str = ""
    """Hash of what it computes, for the cache of conversions; else empty."""


@dataclass(frozen=True, slots=True)
class Conversion:
    """How a network becomes files that a runtime loads; backends may share one."""

    name: str
    """Of the format, with what tells it from others: ``onnx-int8``."""
    versions: Mapping[str, str]
    """Of everything that writes the files: other versions write them anew."""
    write: Callable[[Source, Path], None]
    """Write the files into an empty folder.

    Raises:
        BackendError: an operator cannot be converted; the message names it and its module.
    """


class LayerCall(NamedTuple):
    """One call of a layer, within one call of its network."""

    layers: tuple[str, ...]
    """Qualified names of the modules that run as one, the one that leads first."""
    start_s: float
    """From the start of the network's call."""
    duration_s: float
    """With the layers that it calls."""
    own_s: float
    """Without them."""


class ObservedCall(NamedTuple):
    """One call of a network, looked into."""

    total_s: float
    layers: tuple[LayerCall, ...]
    """In the order in which they began."""


@dataclass(slots=True)
class Observed:
    """A loaded network whose calls are looked into."""

    run: Callable[[], object]
    """Run once, as the network's own ``run``."""
    before: Callable[[], object]
    """Called before every such call, outside of its time."""
    rest: Callable[[], object]
    """Called before every call of the network's own ``run``, so that nothing of the looking is left in it."""
    calls: Callable[[], Sequence[ObservedCall]]
    """All calls of ``run``, the oldest first; it ends the observation."""
    close: Callable[[], object] = lambda: None


@dataclass(slots=True)
class Loaded:
    """A network that is ready to run."""

    run: Callable[[], object]
    """Run once on the source's inputs, and return when the result is there."""
    outputs: Callable[[Values], Sequence[Any]]
    """Run on other inputs of the same shapes; every output as a NumPy array, float16 and bfloat16 as float32."""
    arrays: Callable[[Any], Sequence[Any]] | None = None
    """Turn what ``run`` gave back into such arrays; without it, it is ``outputs`` alone that is held against torch."""
    close: Callable[[], object] = lambda: None
    size_bytes: int | None = None
    """Of the model on disk, where that is not the size of the conversion's files."""
    before: Callable[[], object] | None = None
    """Called before every call, outside of the time."""
    events_s: list[float] = field(default_factory=list)
    """Every call adds the seconds between the device's own events around it; who times it takes them out."""
    peak_memory: Callable[[], int | None] = lambda: None
    """Most bytes of the device's memory that were in use while it ran."""
    count: Callable[[], Instructions] | None = None
    """Count what one run executes; such a network is not timed."""
    board: Board | None = None
    """Where it is loaded, if not here: it is timed there, under its ``number``."""
    number: int = 0
    runtime: str = ""
    """Name and version of what runs it there."""
    load_s: float | None = None
    """Seconds that loading, and the first call, took on the board."""
    first_call_s: float | None = None
    observe: Callable[[Clock], Observed] | None = None
    """Have its calls looked into, layer by layer, with times of that clock or of the runtime's own.

    Raises:
        BackendError: layers cannot be told apart.
    """


class Backend(Protocol):
    """A runtime that networks are timed on; those of lwprof inherit what it says for most of them."""

    @property
    def name(self) -> str:
        """Its name on the command line and in results."""

    @property
    def extra(self) -> str:
        """The extra of lwprof that installs it; empty where lwprof itself does."""

    @property
    def devices(self) -> tuple[str, ...]:
        """Kinds of devices that it runs on: :data:`lwprof.timing.devices.KINDS`."""

    @property
    def dtypes(self) -> tuple[str, ...]:
        """What it can compute in, ``float32`` first."""

    @property
    def layouts(self) -> tuple[str, ...]:
        """Layouts that somebody can choose."""

    @property
    def runs_files(self) -> bool:
        """Whether it takes ONNX files, too."""

    def unavailable(self, device: str) -> str | None:
        """Say in a sentence why it cannot run here; ``None`` where it can."""

    def versions(self) -> dict[str, str]:
        """Versions to record, by name."""

    def conversion(self, source: Source, options: Options) -> Conversion | None:
        """How a network is converted for it; ``None`` where it runs the module, or the ONNX file, as it is."""

    def is_reference(self, options: Options) -> bool:
        """Whether what it computes is what others are held against: torch, eager, in the network's own dtype."""
        return False

    def observes(self, device: str) -> bool:
        """Whether it tells layers apart on a device of that kind: whether what it loads has ``observe``."""
        return False

    def settings(self, options: Options) -> AbstractContextManager[object]:
        """Have settings of the whole process (threads, modes) as they must be while it loads and runs.

        Of most runtimes every loaded network has its own, and nothing is to be set.
        """
        return nullcontext()

    def load(self, source: Source, options: Options, folder: Path | None) -> Loaded:
        """Load a network; ``folder`` holds the files of its conversion."""
