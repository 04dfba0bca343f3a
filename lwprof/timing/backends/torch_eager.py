"""PyTorch in eager mode: ``eval()`` and ``inference_mode``, threads pinned.

On the CPU in its own dtype and layout a network is timed in place; else a copy of it is. On a GPU float32 is
multiplied as float32, and ``tf32`` is the same network with TF32 allowed; cuDNN tries its algorithms at the first
call, and convolutions, once tried, keep theirs.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lwprof.timing import cuda
from lwprof.timing.contract import CHANNELS_LAST, CONTIGUOUS, Backend, Loaded, Options, Source

if TYPE_CHECKING:
    from lwprof.inputs import Values
    from lwprof.timing.placement import Placed


class TorchEager(Backend):
    """Eager PyTorch."""

    name = "torch"
    extra = ""
    devices: tuple[str, ...] = ("cpu", "cuda")
    dtypes: tuple[str, ...] = ("float32", "bfloat16", "float16", cuda.TF32)
    layouts = (CONTIGUOUS, CHANNELS_LAST)
    runs_files = False

    def unavailable(self, device: str) -> str | None:
        """Say that torch, or its device, is missing."""
        if importlib.util.find_spec("torch") is None:
            return "torch is not installed: pip install torch"
        if device == "cuda" and (reason := cuda.unavailable()) is not None:
            return f"backend {self.name} has {reason}"
        return None

    def versions(self) -> dict[str, str]:
        """Version of torch."""
        return {"torch": importlib.metadata.version("torch")}

    def conversion(self, source: Source, options: Options) -> None:
        """Nothing is converted."""

    def is_reference(self, options: Options) -> bool:
        """On the CPU in the network's own dtype and layout."""
        return options.device == "cpu" and not options.dtype and options.layout == CONTIGUOUS

    def observes(self, device: str) -> bool:
        """On the CPU, where a call of a module returns when its work is done."""
        return device == "cpu"

    @contextmanager
    def settings(self, options: Options) -> Iterator[None]:
        """Pin the threads and enter ``inference_mode``; on a GPU let cuDNN try its algorithms."""
        import torch

        threads = torch.get_num_threads()
        with ExitStack() as stack:
            stack.callback(torch.set_num_threads, threads)
            torch.set_num_threads(options.threads)
            if options.device == "cuda":
                stack.enter_context(cuda.settings())
            stack.enter_context(torch.inference_mode())
            yield

    def load(self, source: Source, options: Options, folder: Path | None) -> Loaded:
        """Place the network, or a copy, and copies of its inputs."""
        network, held = placed(source, options)
        found = loaded(network, held, options)
        if options.device == "cpu":
            from lwprof.timing.backends import torch_layers

            found.observe = partial(torch_layers.observed, network)
        return found


def placed(source: Source, options: Options) -> tuple[Placed, int]:
    """Place a network and its inputs; with the bytes of a GPU's memory that they take.

    Raises:
        BackendError: the network cannot be copied.
    """
    from lwprof.timing.placement import Placed

    if options.device != "cuda":
        return Placed.of(source, options), 0
    import torch

    before = torch.cuda.memory_allocated()
    found = Placed.of(source, options)
    return found, torch.cuda.memory_allocated() - before


def loaded(network: Placed, held: int, options: Options) -> Loaded:
    """Have a placed network called; on a GPU with events around every call."""
    if options.device != "cuda":
        from lwprof.timing.forwards import arrays

        return Loaded(network.run, network.outputs, arrays)
    import torch

    tf32 = options.dtype == cuda.TF32

    def launch() -> None:
        cuda.multiply(tf32)
        network.run()

    def outputs(values: Values) -> Sequence[Any]:
        cuda.multiply(tf32)
        return network.outputs(values)

    return cuda.loaded(cuda.Calls(launch, torch.cuda, held), outputs, options)
