"""CUDA devices: whether there is one, what it runs with, and calls that are waited for and timed by its events.

A call is launched, then waited for: the wall clock has both. Events right before and after it on the device's own
stream have what the device did; where the two differ much, launching is what takes the time. The first call of a
network has cuDNN try its algorithms (``cudnn.benchmark``) and the allocator fill its cache: it is not sampled.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from lwprof.results.document import Scalar
from lwprof.timing import nvml
from lwprof.timing.contract import Loaded, Options

if TYPE_CHECKING:
    from lwprof.inputs import Values

TF32 = "tf32"
"""Of the dtypes the one that is float32 but for how a GPU multiplies."""

FLUSHED = 2
"""Times the L2 cache is written over to empty it."""


def unavailable() -> str | None:
    """Say why torch has no CUDA device here; ``None`` where it has."""
    import torch

    with warnings.catch_warnings(action="ignore"):  # of a driver that is too old: said below
        if torch.cuda.is_available():
            return None
    if not torch.backends.cuda.is_built():
        return f"no CUDA device here: torch {torch.__version__} is built without CUDA"
    return f"no CUDA device here: torch {torch.__version__} finds no NVIDIA GPU with a driver for CUDA {_version()}"


def description() -> dict[str, Scalar]:
    """Record the GPU and its libraries, as far as torch and the driver know them."""
    import torch

    known = reading()
    record: dict[str, Scalar] = {
        "gpu_driver": known.driver if known else None,
        "gpu_clock_mhz": known.clock_mhz if known else None,
        "gpu_most_mhz": known.most_mhz if known else None,
    }
    if unavailable() is not None:  # another runtime uses it
        return record
    return record | {
        "gpu": str(torch.cuda.get_device_name()),
        "cuda": _version(),
        "cudnn": str(torch.backends.cudnn.version()),
        "cudnn_benchmark": True,
    }


def reading() -> nvml.Reading | None:
    """Ask the driver about the device that torch uses; about the first where it uses none."""
    import torch

    if unavailable() is not None:
        return nvml.reading(None)
    return nvml.reading(f"GPU-{torch.cuda.get_device_properties(torch.cuda.current_device()).uuid}")


def _version() -> str:
    import torch

    return str(torch.version.cuda)


@contextmanager
def settings(backends: Any = None) -> Iterator[None]:
    """Have cuDNN try its algorithms at a first call; put that and the use of TF32 back afterwards.

    Args:
        backends: ``torch.backends``, or what stands in for it.
    """
    import torch

    backends = backends or torch.backends
    autotuned, kept = backends.cudnn.benchmark, _kept_precision(backends)
    backends.cudnn.benchmark = True
    _Multiplication.tf32 = None
    try:
        yield
    finally:
        backends.cudnn.benchmark = autotuned
        _Multiplication.tf32 = None
        _restore_precision(backends, kept)


class _Multiplication:
    """What the switches stand at; ``None`` where that is not known."""

    tf32: bool | None = None


def multiply(tf32: bool, backends: Any = None) -> None:
    """Have float32 multiplied as TF32, or as what it is; networks of both kinds run in turns."""
    if _Multiplication.tf32 is tf32:
        return
    import torch

    backends = backends or torch.backends
    # torch has newer switches; these set them, too, and can be read where the newer ones are used.
    backends.cuda.matmul.allow_tf32 = tf32
    backends.cudnn.allow_tf32 = tf32
    _Multiplication.tf32 = tf32


def _switches(backends: Any) -> Sequence[Any]:
    return backends.cuda.matmul, backends.cudnn.conv, backends.cudnn.rnn


def _kept_precision(backends: Any) -> tuple[bool | None, bool | None, list[str]]:
    older: list[bool | None] = []
    for holder in (backends.cuda.matmul, backends.cudnn):
        try:
            older.append(bool(holder.allow_tf32))
        except RuntimeError:  # the older switch cannot say what the newer ones were set to
            older.append(None)
    return older[0], older[1], [switch.fp32_precision for switch in _switches(backends)]


def _restore_precision(backends: Any, kept: tuple[bool | None, bool | None, list[str]]) -> None:
    matmul, cudnn, newer = kept
    for holder, before in ((backends.cuda.matmul, matmul), (backends.cudnn, cudnn)):
        holder.allow_tf32 = False if before is None else before
    for switch, precision in zip(_switches(backends), newer, strict=True):
        if switch.fp32_precision != precision:
            switch.fp32_precision = precision


class Calls:
    """Calls of one network: each is waited for, and timed by a pair of events."""

    def __init__(self, launch: Callable[[], object], cuda: Any, held: int = 0, peak: int | None = None) -> None:
        """Take what to launch.

        Args:
            launch: starts the network on the current stream.
            cuda: ``torch.cuda``, or what stands in for it.
            held: bytes of the device that its weights and inputs take.
            peak: most bytes in use, where that is known already.
        """
        self.events_s: list[float] = []
        self.peak = peak
        self._launch, self._cuda, self._held = launch, cuda, held
        self._start, self._end = cuda.Event(enable_timing=True), cuda.Event(enable_timing=True)
        self._first = True

    def __call__(self) -> None:
        """Run the network once, and return when the device has done it."""
        if self._first:
            self._first = False
            self._call()
        elif self.peak is None:  # the second call: a first one tries algorithms that take memory
            self._cuda.synchronize()
            self._cuda.reset_peak_memory_stats()
            others = self._cuda.memory_allocated()
            self._call()
            self.peak = self._held + self._cuda.max_memory_allocated() - others
        else:
            self._call()

    def _call(self) -> None:
        self._start.record()
        self._launch()
        self._end.record()
        self._cuda.synchronize()
        self.events_s.append(self._start.elapsed_time(self._end) / 1000)


def loaded(calls: Calls, outputs: Callable[[Values], Sequence[Any]], options: Options) -> Loaded:
    """Give calls what the contract asks for."""
    return Loaded(
        calls,
        outputs,
        before=flushing(options),
        events_s=calls.events_s,
        peak_memory=lambda: calls.peak,
    )


def flushing(options: Options) -> Callable[[], None] | None:
    """What is called before every call where the L2 cache is to be cold."""
    if not options.cold_l2:
        return None
    import torch

    return flush(torch.cuda, lambda size: torch.empty(size, dtype=torch.uint8, device="cuda"))


def flush(cuda: Any, allocate: Callable[[int], Any]) -> Callable[[], None]:
    """Make what empties the L2 cache: a buffer larger than it is written, and waited for."""
    kept: list[Any] = []

    def flushed() -> None:
        if not kept:
            size = cuda.get_device_properties(cuda.current_device()).L2_cache_size
            kept.append(allocate(FLUSHED * size))
        kept[0].zero_()
        cuda.synchronize()

    return flushed
