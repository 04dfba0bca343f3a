"""PyTorch with ``torch.compile``: Inductor, in its default mode, for the shapes at hand.

Compiling takes place while a network is loaded, and is part of that time; Inductor keeps what it made in lwprof's
cache folder, from which a second time is quicker. The first call is the first of the compiled network. Where the
compiler cannot see through a module (a graph break) the interpreter runs in between, as it would elsewhere.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from lwprof.timing import cuda
from lwprof.timing.backends.torch_eager import TorchEager, loaded, placed
from lwprof.timing.contract import Loaded, Options, Source
from lwprof.timing.conversions.cache import compiled_folder
from lwprof.timing.environment import usable_cores

CACHE = "TORCHINDUCTOR_CACHE_DIR"

NETWORKS = 10_000
"""So many may be compiled whose modules are of one class."""


class TorchCompile(TorchEager):
    """PyTorch, compiled."""

    name = "torch-compile"

    def unavailable(self, device: str) -> str | None:
        """Say that torch, its device or the compiler that Inductor needs is missing."""
        if (reason := super().unavailable(device)) is not None:
            return reason
        if device == "cuda":
            missing = importlib.util.find_spec("triton") is None
            return "torch-compile needs triton for a GPU: pip install triton" if missing else None
        compiler = os.environ.get("CXX") or {"darwin": "clang++", "win32": "cl"}.get(sys.platform, "g++")
        if shutil.which(compiler) is None:
            return (
                f"torch-compile needs a C++ compiler, and there is no {compiler}: install one "
                "(on Debian or Ubuntu: apt install g++), or name yours in CXX"
            )
        return None

    def is_reference(self, options: Options) -> bool:
        """Never."""
        return False

    def observes(self, device: str) -> bool:
        """Never: what it compiles runs across layers."""
        return False

    @contextmanager
    def settings(self, options: Options) -> Iterator[None]:
        """Set what eager has, too; compile in this process alone, and into lwprof's cache folder."""
        with ExitStack() as stack:
            stack.enter_context(super().settings(options))  # compiled code is for so many threads
            stack.enter_context(_cache())  # before Inductor is imported, which makes a folder of its own
            from torch._dynamo import config as dynamo
            from torch._inductor import config as inductor

            with inductor.patch(compile_threads=1):
                importlib.import_module("torch._inductor.compile_fx")  # starts processes where it may
            # Only triton compiles in other processes; C++ has threads for it.
            stack.enter_context(inductor.patch(compile_threads=1 if options.device == "cuda" else usable_cores()))
            stack.enter_context(dynamo.patch(accumulated_recompile_limit=NETWORKS))
            yield

    def load(self, source: Source, options: Options, folder: Path | None) -> Loaded:
        """Compile the network, or a copy, with a first call.

        Raises:
            BackendError: it cannot be copied.
        """
        import torch

        network, held = placed(source, options)
        if options.device == "cuda":
            cuda.multiply(options.dtype == cuda.TF32)
        module = network.module

        def forward(*args: Any, **kwargs: Any) -> Any:  # a module would be given an attribute
            return module(*args, **kwargs)

        # isolated: networks of one class would else use up each other's limit, and run uncompiled
        compiled = torch.compile(forward, dynamic=False, isolate_recompiles=True)  # type: ignore[call-overload]
        network = replace(network, module=compiled)
        network.run()
        return loaded(network, held, options)


@contextmanager
def _cache() -> Iterator[None]:
    """Have Inductor's files in lwprof's cache folder; where nothing can be kept, in a temporary one."""
    folder, emptied = compiled_folder()
    if emptied and "torch._inductor.utils" in sys.modules:
        _forget_files()
    before = os.environ.get(CACHE)
    with ExitStack() as stack:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            tempfile.TemporaryFile(dir=folder).close()
        except OSError:
            temporary = tempfile.TemporaryDirectory(prefix="lwprof-", ignore_cleanup_errors=True)
            folder = Path(stack.enter_context(temporary))
            stack.callback(_forget_files)
        os.environ[CACHE] = str(folder)
        try:
            yield
        finally:
            if before is None:
                os.environ.pop(CACHE, None)
            else:
                os.environ[CACHE] = before


def _forget_files() -> None:
    from torch._inductor.utils import clear_caches

    clear_caches()
