"""ncnn: networks, and ONNX files, are converted by pnnx."""

from __future__ import annotations

import importlib.metadata
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lwprof.errors import BackendError
from lwprof.timing.backends.presence import again, missing
from lwprof.timing.contract import CONTIGUOUS, FLOAT16_WEIGHTS, Backend, Conversion, Loaded, Options, Source
from lwprof.timing.conversions import pnnx_export, pnnx_program
from lwprof.timing.silence import silence

if TYPE_CHECKING:
    from lwprof.inputs import Values


class Ncnn(Backend):
    """ncnn on the CPU.

    In float16 it stores and computes in float16, which takes ARM's half precision (ARMv8.2): on other CPUs, x86
    included, ncnn would compute in float32 all the same, so there it is refused.
    """

    name = "ncnn"
    extra = "ncnn"
    devices = ("cpu",)
    dtypes = ("float32", "float16", FLOAT16_WEIGHTS)
    layouts = (CONTIGUOUS,)
    runs_files = True

    def unavailable(self, device: str) -> str | None:
        """Say that ncnn or pnnx is missing, or cannot be loaded."""
        if reason := missing({"ncnn": "ncnn", "pnnx": "pnnx"}, "ncnn"):
            return reason
        program = pnnx_program.program()
        if os.access(program, os.X_OK):
            return None
        return f"pnnx has no program that can be run ({program}): {again('pnnx')}"

    def versions(self) -> dict[str, str]:
        """Versions of ncnn and pnnx."""
        return {package: importlib.metadata.version(package) for package in ("ncnn", "pnnx")}

    def conversion(self, source: Source, options: Options) -> Conversion | None:
        """Convert modules and ONNX files with pnnx.

        Raises:
            BackendError: this CPU does not compute in float16.
        """
        import ncnn

        if options.dtype == "float16" and not ncnn.cpu_support_arm_asimdhp():
            raise BackendError(f"ncnn computes in float32 on this CPU; {FLOAT16_WEIGHTS} stores its weights in float16")
        return pnnx_export.conversion(source, half=options.dtype in ("float16", FLOAT16_WEIGHTS))

    def load(self, source: Source, options: Options, folder: Path | None) -> Loaded:
        """Load a network, and the matrices that it is fed with."""
        import ncnn

        assert folder is not None
        interface = pnnx_export.Interface.read(folder)
        net = ncnn.Net()
        configure(net.opt, options)
        with silence():
            failed = net.load_param(str(folder / pnnx_export.PARAM)) or net.load_model(str(folder / pnnx_export.BIN))
        if failed:
            raise BackendError(f"ncnn cannot load {source.label}")

        def infer(fed: Sequence[tuple[str, Any]]) -> list[Any]:
            extractor = net.create_extractor()
            for name, matrix in fed:
                extractor.input(name, matrix)
            found = []
            for blob in interface.outputs:
                failed, matrix = extractor.extract(blob.name)
                if failed:
                    raise BackendError(f"ncnn cannot run {source.label}: {failure(net, fed)} fails (code {failed})")
                found.append(matrix)
            return found

        def arrays(found: Sequence[Any]) -> Sequence[Any]:
            return [array(matrix, blob) for matrix, blob in zip(found, interface.outputs, strict=True)]

        def outputs(values: Values) -> Sequence[Any]:
            return arrays(infer(matrices(interface, values)))

        given = matrices(interface, source.values)
        return Loaded(lambda: infer(given), outputs, arrays, net.clear)


def failure(net: Any, fed: Sequence[tuple[str, Any]]) -> str:
    """Name the first layer that does not run."""
    blobs = net.blobs()
    for layer in net.layers():
        for top in layer.tops:
            extractor = net.create_extractor()
            for name, matrix in fed:
                extractor.input(name, matrix)
            if extractor.extract(blobs[top].name)[0]:
                return f"layer {layer.name} ({layer.type})"
    return "the network as a whole"


def configure(chosen: Any, options: Options) -> None:
    """Set what ncnn's defaults leave to the CPU that it finds: float32 is to mean float32."""
    half = options.dtype == "float16"
    chosen.num_threads = options.threads
    chosen.lightmode = True
    chosen.use_vulkan_compute = False
    chosen.use_fp16_packed = chosen.use_fp16_storage = chosen.use_fp16_arithmetic = half
    chosen.use_bf16_packed = chosen.use_bf16_storage = False


def matrices(interface: pnnx_export.Interface, values: Values) -> list[tuple[str, Any]]:
    """Copy inputs to matrices of ncnn, by the names of the blobs that they go to."""
    import ncnn

    from lwprof.inputs import tensors

    given = tensors(values)
    found = []
    for blob in interface.inputs:
        tensor = given[blob.position].detach().contiguous()
        held = (tensor.int() if blob.dtype == "int64" else tensor).numpy()  # a matrix alone does not keep it alive
        found.append((blob.name, ncnn.Mat(held, batch_index=blob.batch_index).clone()))
    return found


def array(matrix: Any, blob: pnnx_export.Blob) -> Any:
    """Copy a matrix to an array, in the shape that torch gives it."""
    import numpy

    found = numpy.array(matrix.numpy(batch_index=blob.batch_index))
    if blob.shape is not None and found.size == numpy.prod(blob.shape, dtype=int):
        return found.reshape(blob.shape)
    return found
