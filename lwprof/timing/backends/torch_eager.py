"""PyTorch in eager mode: ``eval()`` and ``inference_mode``, threads pinned."""

from __future__ import annotations

import importlib.metadata
import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lwprof.timing.contract import CONTIGUOUS, Loaded, Options, Source


class TorchEager:
    """Eager PyTorch. Networks are timed in place."""

    name = "torch"
    extra = ""
    devices = ("cpu",)
    dtypes = ("float32", "bfloat16", "float16")
    layouts = (CONTIGUOUS,)
    runs_files = False

    def unavailable(self, device: str) -> str | None:
        """Say that torch is missing, if it is."""
        return None if importlib.util.find_spec("torch") else "torch is not installed: pip install torch"

    def versions(self) -> dict[str, str]:
        """Version of torch."""
        return {"torch": importlib.metadata.version("torch")}

    def conversion(self, source: Source, options: Options) -> None:
        """Nothing is converted."""

    def is_reference(self, options: Options) -> bool:
        """On the CPU in the network's own dtype and layout."""
        return options.device == "cpu" and not options.dtype and options.layout == CONTIGUOUS

    @contextmanager
    def settings(self, options: Options) -> Iterator[None]:
        """Pin the threads and enter ``inference_mode``."""
        import torch

        threads = torch.get_num_threads()
        torch.set_num_threads(options.threads)
        try:
            with torch.inference_mode():
                yield
        finally:
            torch.set_num_threads(threads)

    def load(self, source: Source, options: Options, folder: Path | None) -> Loaded:
        """Allocate the inputs: copies of the source's."""
        from lwprof.timing.forwards import called, outputs

        module = source.module
        assert module is not None
        args, kwargs = called(source.values)
        return Loaded(lambda: module(*args, **kwargs), lambda values: outputs(module, values))
