"""OpenVINO on the CPU: it reads the ONNX files that ONNX Runtime reads, too.

Its own converter of modules gives the same numbers, takes longer than the export, and could share it with nobody.
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lwprof.errors import BackendError
from lwprof.timing.backends.presence import missing
from lwprof.timing.contract import CONTIGUOUS, FLOAT16_WEIGHTS, Backend, Conversion, Loaded, Options, Source
from lwprof.timing.conversions import onnx_export, openvino_files
from lwprof.timing.conversions.onnx_feeds import fed, given_back

if TYPE_CHECKING:
    from lwprof.inputs import Values

PRECISIONS = {"float32": "f32", "bfloat16": "bf16", "float16": "f16", FLOAT16_WEIGHTS: "f32"}
"""What to compute in, in OpenVINO's words; left alone, it chooses the fastest that the CPU has."""


class OpenVino(Backend):
    """OpenVINO's CPU plugin, set for latency: one stream, threads bound to no core."""

    name = "openvino"
    extra = "openvino"
    devices = ("cpu",)
    dtypes = tuple(PRECISIONS)
    layouts = (CONTIGUOUS,)
    runs_files = True

    def unavailable(self, device: str) -> str | None:
        """Say that a package is missing, or does not import."""
        with openvino_files.no_telemetry():
            reason = missing({"openvino": "openvino", "onnx": "onnx"}, "openvino", "onnx")
        if reason is None:
            openvino_files.count_processors()
        return reason

    def versions(self) -> dict[str, str]:
        """Version of OpenVINO."""
        return {"openvino": importlib.metadata.version("openvino")}

    def conversion(self, source: Source, options: Options) -> Conversion | None:
        """Export modules to ONNX, and have OpenVINO write float16 weights."""
        if options.dtype in ("float16", FLOAT16_WEIGHTS):
            return openvino_files.float16()
        return None if source.module is None else onnx_export.conversion()

    def load(self, source: Source, options: Options, folder: Path | None) -> Loaded:
        """Compile a network for the shapes of its inputs, and hand it the inputs.

        Raises:
            BackendError: it has an operator that OpenVINO lacks, or this CPU computes in another dtype.
        """
        openvino = openvino_files.runtime()
        dtype = options.dtype or _own_dtype(source)
        if dtype not in PRECISIONS:
            raise BackendError(f"openvino does not compute in {dtype}")
        model = openvino_files.read(source, folder)
        names = [port.any_name for port in model.inputs]

        def arrays(values: Values) -> dict[str, Any]:
            return fed(names, values, exported=source.module is not None)

        feed = arrays(source.values)
        if model.is_dynamic():
            model.reshape({name: list(array.shape) for name, array in feed.items()})
        wanted = {
            "INFERENCE_PRECISION_HINT": PRECISIONS[dtype],
            "INFERENCE_NUM_THREADS": options.threads,
            "NUM_STREAMS": 1,
            "PERFORMANCE_HINT": "LATENCY",
            "ENABLE_CPU_PINNING": False,  # others run between our calls, on the same cores
        }
        try:
            compiled = openvino.Core().compile_model(model, "CPU", wanted)
        except RuntimeError as error:
            raise BackendError(f"openvino cannot load {source.label}: {openvino_files.said(error)}") from error
        _check(compiled, dtype)
        request = compiled.create_infer_request()
        for name, array in feed.items():
            request.set_tensor(name, openvino.Tensor(array))  # a copy: it does not keep the array alive

        def results(found: Any) -> Sequence[Any]:
            return given_back(found.to_tuple())

        def outputs(values: Values) -> Sequence[Any]:
            return results(compiled.create_infer_request().infer(arrays(values)))

        size = source.file.stat().st_size if folder is None and source.file is not None else None
        return Loaded(request.infer, outputs, results, size_bytes=size)


def _check(compiled: Any, dtype: str) -> None:
    """Refuse what computes in another dtype: where a CPU lacks one, OpenVINO takes another without a word.

    Raises:
        BackendError: it does.
    """
    computes = compiled.get_property("INFERENCE_PRECISION_HINT").to_string()
    if computes != PRECISIONS[dtype]:
        other = next((name for name, word in PRECISIONS.items() if word == computes), computes)
        advice = f"; {FLOAT16_WEIGHTS} stores float16 and computes in float32" if dtype == "float16" else ""
        raise BackendError(f"openvino computes in {other} on this CPU where {dtype} is asked for{advice}")


def _own_dtype(source: Source) -> str:
    """What a network is built in: the dtype of its first input with fractions, else of its first such weight."""
    from lwprof.inputs import floating_dtype, tensors

    given = (tensor.dtype for tensor in tensors(source.values) if tensor.is_floating_point())
    found = next(given, None) or ("float32" if source.module is None else floating_dtype(source.module))
    return str(found).removeprefix("torch.")
