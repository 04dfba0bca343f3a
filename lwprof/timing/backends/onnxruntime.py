"""ONNX Runtime: networks are exported to ONNX; ONNX files run as they are.

On the CPU the inputs are NumPy arrays, and so are the outputs that every call makes anew. On CUDA inputs and outputs
stay on the device: no copy to or from it is timed, and a call returns when the device is done. There are no events
around it, and nobody counts its memory. float32 is float32: tf32 is switched off unless it is asked for. int8 is
quantised anew, on the CPU alone.
"""

from __future__ import annotations

import importlib.metadata
import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lwprof.errors import BackendError, sentence
from lwprof.timing import cuda
from lwprof.timing.backends.presence import missing
from lwprof.timing.contract import CONTIGUOUS, Backend, Conversion, Loaded, Options, Source
from lwprof.timing.conversions import onnx_export, onnx_quantisation
from lwprof.timing.conversions.onnx_feeds import fed, given_back
from lwprof.timing.silence import silence

if TYPE_CHECKING:
    from lwprof.inputs import Values

CPU, CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"
DISTRIBUTIONS = ("onnxruntime", "onnxruntime-gpu")

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # read at its import: else it reports names of models, unasked

_LACKING = re.compile(r"Could not find an implementation for (\w+)\(\d+\) node with name '([^']*)'")
"""What a session says of an operator that it cannot run with these types."""


_PLACE = re.compile(
    r"^\[ONNXRuntimeError\] : \d+ : \w+ : (?:Load model from .+? failed: ?)?"
    r"(?:Fatal error: )?(?:/\S+:\d+ .+?\) (?=\w))?"
)
"""What stands before it: a code, the file, and the function in its source."""


class OnnxRuntime(Backend):
    """ONNX Runtime, with all its graph optimisations."""

    name = "onnxruntime"
    extra = "onnxruntime"
    devices = ("cpu", "cuda", "ssh")
    dtypes = ("float32", "tf32", "int8")
    layouts = (CONTIGUOUS,)
    runs_files = True

    def unavailable(self, device: str) -> str | None:
        """Say that a package is missing or broken, or that there is no CUDA."""
        if reason := missing({"onnxruntime": "onnxruntime", "onnx": "onnx"}, "onnxruntime", "onnx"):
            return reason
        import onnxruntime

        if device == "cuda" and CUDA not in onnxruntime.get_available_providers():
            return "onnxruntime here has no CUDA provider; replace it: pip install onnxruntime-gpu"
        return None

    def versions(self) -> dict[str, str]:
        """Version of ONNX Runtime."""
        for distribution in DISTRIBUTIONS:
            try:
                return {"onnxruntime": importlib.metadata.version(distribution)}
            except importlib.metadata.PackageNotFoundError:
                continue
        return {}

    def conversion(self, source: Source, options: Options) -> Conversion | None:
        """Export modules to ONNX; quantise what is to run in int8."""
        _check(source, options)
        if options.dtype == "int8":
            return onnx_quantisation.conversion(source)
        return None if source.module is None else onnx_export.conversion()

    def load(self, source: Source, options: Options, folder: Path | None) -> Loaded:
        """Make a session, and what it is fed with."""
        import onnxruntime

        chosen = onnxruntime.SessionOptions()
        chosen.intra_op_num_threads = options.threads
        chosen.inter_op_num_threads = 1
        chosen.log_severity_level = 4 if options.device == "cuda" else 3
        chosen.add_session_config_entry("session.force_spinning_stop", "1")  # others run between our calls
        file = source.file if folder is None else folder / onnx_export.FILE
        try:
            session = _session(str(file), chosen, options)
        except Exception as error:
            raise BackendError(
                f"onnxruntime cannot load {source.label}: {_reason(error, source.module is not None)}"
            ) from error
        names = [item.name for item in session.get_inputs()]
        exported = source.module is not None

        def outputs(values: Values) -> Sequence[Any]:
            return given_back(session.run(None, fed(names, values, exported=exported)))

        feed = fed(names, source.values, exported=exported)
        run = _on_device(session, feed) if options.device == "cuda" else lambda: session.run(None, feed)
        size = source.file.stat().st_size if folder is None and source.file is not None else None
        arrays = None if options.device == "cuda" else given_back
        return Loaded(run, outputs, arrays, size_bytes=size, before=cuda.flushing(options))


def _check(source: Source, options: Options) -> None:
    """Refuse what does not go together.

    Raises:
        BackendError: a dtype that the device, or the network, is not run in; an L2 cache that torch cannot empty.
    """
    if options.cold_l2 and (reason := cuda.unavailable()) is not None:
        raise BackendError(f"it is torch that empties the L2 cache before calls of onnxruntime, and has {reason}")
    if options.dtype == "tf32" and options.device != "cuda":
        raise BackendError("onnxruntime computes in tf32 on cuda alone")
    if options.dtype == "int8" and options.device != "cpu":
        raise BackendError("onnxruntime computes in int8 on the cpu alone")
    if not options.dtype:
        return
    for name, tensor in onnx_export.named(source.values).items():
        dtype = str(tensor.dtype).removeprefix("torch.")
        if tensor.is_floating_point() and dtype != "float32":
            raise BackendError(
                f"onnxruntime runs {source.label} in {dtype}, that of its input {name}, and not in {options.dtype}"
            )


def _session(file: str, chosen: Any, options: Options) -> Any:
    import onnxruntime

    if options.device != "cuda":
        return onnxruntime.InferenceSession(file, chosen, providers=[CPU])
    if hasattr(onnxruntime, "preload_dlls"):
        with silence():
            onnxruntime.preload_dlls()  # CUDA and cuDNN as torch brings them
    settings = {"use_tf32": str(int(options.dtype == "tf32"))}
    session = onnxruntime.InferenceSession(file, chosen, providers=[(CUDA, settings), CPU])
    if CUDA not in session.get_providers():  # it goes on without a word
        raise BackendError("its CUDA provider does not start; is there a GPU, and are CUDA and cuDNN installed?")
    return session


def _on_device(session: Any, feed: dict[str, Any]) -> Callable[[], object]:
    """Bind inputs and outputs to memory of the device."""
    import onnxruntime

    binding = session.io_binding()
    for name, array in feed.items():
        binding.bind_ortvalue_input(name, onnxruntime.OrtValue.ortvalue_from_numpy(array, "cuda", 0))
    for item in session.get_outputs():
        binding.bind_output(item.name, "cuda")

    def run() -> None:
        session.run_with_iobinding(binding)
        binding.synchronize_outputs()

    return run


def _reason(error: Exception, exported: bool) -> str:
    """What a session says of a graph, without its codes."""
    if lacking := _LACKING.search(str(error)):
        if exported:
            where = onnx_export.module_path(lacking[2]) or "the network itself"
        else:
            where = lacking[2] or "a node without a name"
        return f"it has no {lacking[1]} for numbers of this type, which {where} runs"
    return _PLACE.sub("", sentence(error))
