"""ExecuTorch: networks are exported, and lowered to XNNPACK as far as it goes."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lwprof.timing.backends.presence import missing
from lwprof.timing.contract import CONTIGUOUS, Backend, Conversion, Loaded, Options, Source
from lwprof.timing.conversions import executorch_export

if TYPE_CHECKING:
    from lwprof.inputs import Values

LIBRARY = "executorch.extension.pybindings.portable_lib"


class ExecuTorch(Backend):
    """ExecuTorch on the CPU, with the kernels of XNNPACK."""

    name = "executorch"
    extra = "executorch"
    devices = ("cpu",)
    dtypes = ("float32",)
    layouts = (CONTIGUOUS,)
    runs_files = False

    def unavailable(self, device: str) -> str | None:
        """Say that the package is missing or does not load."""
        return missing({"executorch": "executorch"}, LIBRARY)

    def versions(self) -> dict[str, str]:
        """Version of ExecuTorch."""
        return {"executorch": importlib.metadata.version("executorch")}

    def conversion(self, source: Source, options: Options) -> Conversion:
        """Export modules to programs."""
        return executorch_export.conversion()

    @contextmanager
    def settings(self, options: Options) -> Iterator[None]:
        """Set the size of the pool of threads: it is the process's own, and every program is bound to it."""
        from lwprof.timing.silence import silence

        with silence():
            from executorch.extension.pybindings import portable_lib

            threads = portable_lib._threadpool_get_thread_count()
            portable_lib._unsafe_reset_threadpool(options.threads)
        try:
            yield
        finally:
            with silence():
                portable_lib._unsafe_reset_threadpool(threads)

    def load(self, source: Source, options: Options, folder: Path | None) -> Loaded:
        """Load the program, and the tensors that it is fed with."""
        from lwprof.timing.conversions.tensors import tensors_of
        from lwprof.timing.silence import silence

        assert folder is not None
        with silence():
            from executorch.runtime import Runtime

            method = Runtime.get().load_program(folder / executorch_export.FILE).load_method("forward")
        feed = tensors_of(source.values)

        def arrays(found: Sequence[Any]) -> Sequence[Any]:
            return [tensor.numpy() for tensor in found]

        def outputs(values: Values) -> Sequence[Any]:
            return arrays(method.execute(tensors_of(values)))

        return Loaded(lambda: method.execute(feed), outputs, arrays)
