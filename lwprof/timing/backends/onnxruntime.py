"""ONNX Runtime: networks are exported to ONNX; ONNX files run as they are.

On the CPU the inputs are NumPy arrays, and so are the outputs that every call makes anew. On CUDA inputs and outputs
stay on the device: no copy to or from it is timed, and a call returns when the device is done. There are no events
around it, and nobody counts its memory. float32 is float32: tf32 is switched off unless it is asked for. int8 is
quantised anew, on the CPU alone.
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lwprof.errors import BackendError, sentence
from lwprof.timing import cuda
from lwprof.timing.backends import onnxruntime_profile
from lwprof.timing.backends.presence import missing
from lwprof.timing.contract import CONTIGUOUS, Backend, Conversion, Loaded, Observed, Options, Source
from lwprof.timing.conversions import onnx_errors, onnx_export, onnx_layers, onnx_quantisation
from lwprof.timing.conversions.onnx_feeds import fed, given_back
from lwprof.timing.conversions.onnx_parts import parts
from lwprof.timing.portable import onnxruntime_network
from lwprof.timing.portable.clock import Clock
from lwprof.timing.silence import silence

if TYPE_CHECKING:
    from lwprof.inputs import Values

CPU, CUDA = onnxruntime_network.PROVIDER, "CUDAExecutionProvider"
DISTRIBUTIONS = ("onnxruntime", "onnxruntime-gpu")


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

    def observes(self, device: str) -> bool:
        """Where its profile has times of nodes: on the CPU."""
        return device == "cpu"

    def load(self, source: Source, options: Options, folder: Path | None) -> Loaded:
        """Make a session, and what it is fed with."""
        file, exported = source.file if folder is None else folder / onnx_export.FILE, source.module is not None
        assert file is not None
        try:
            session = _session(file, options)
        except Exception as error:
            reason = onnx_errors.reason(sentence(error), exported)
            raise BackendError(f"onnxruntime cannot load {source.label}: {reason}") from error
        names = [item.name for item in session.get_inputs()]

        def outputs(values: Values) -> Sequence[Any]:
            return given_back(session.run(None, fed(names, values, exported=exported)))

        feed = fed(names, source.values, exported=exported)
        run = _on_device(session, feed) if options.device == "cuda" else lambda: session.run(None, feed)
        size = sum(path.stat().st_size for path in parts(file)) if folder is None else None
        arrays = None if options.device == "cuda" else given_back

        def observe(clock: Clock) -> Observed:
            model = onnx_layers.read(file)
            graph = (
                onnx_layers.of_file(model)
                if source.module is None
                else onnx_layers.of_module(model, source.module, source.values)
            )
            return onnxruntime_profile.observe(file, graph, feed, options.threads, clock, source.label)

        return Loaded(
            run,
            outputs,
            arrays,
            size_bytes=size,
            before=cuda.flushing(options),
            observe=observe if self.observes(options.device) else None,
        )


def _check(source: Source, options: Options) -> None:
    """Refuse what does not go together.

    Raises:
        BackendError: a dtype that the device, or the network, is not run in; an L2 cache that torch cannot empty.
    """
    if options.cold_l2 and (reason := cuda.unavailable()) is not None:
        raise BackendError(f"it is torch that empties the L2 cache before calls of onnxruntime, and has {reason}")
    if options.dtype == "tf32" and options.device != "cuda":
        raise BackendError("onnxruntime computes in tf32 on cuda alone")
    if options.dtype == "int8" and options.device == "cuda":
        raise BackendError("onnxruntime computes in int8 on CPUs alone")
    if not options.dtype:
        return
    for name, tensor in onnx_export.named(source.values).items():
        dtype = str(tensor.dtype).removeprefix("torch.")
        if tensor.is_floating_point() and dtype != "float32":
            raise BackendError(
                f"onnxruntime runs {source.label} in {dtype}, that of its input {name}, and not in {options.dtype}"
            )


def _session(file: Path, options: Options) -> Any:
    if options.device != "cuda":
        return onnxruntime_network.Network(file, options.dtype, options.threads).session
    import onnxruntime

    if hasattr(onnxruntime, "preload_dlls"):
        with silence():
            onnxruntime.preload_dlls()  # CUDA and cuDNN as torch brings them
    chosen = onnxruntime_network.options(options.threads)
    chosen.log_severity_level = 4
    settings = {"use_tf32": str(int(options.dtype == "tf32"))}
    providers = [(CUDA, settings), CPU]
    session = onnxruntime.InferenceSession(str(file), chosen, providers=providers)
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
