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
from lwprof.timing.portable import ncnn_network
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
    devices = ("cpu", "arm-emulated", "ssh")
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
        if options.device == "cpu" and (reason := ncnn_network.unavailable(options.dtype)):
            raise BackendError(reason)
        return pnnx_export.conversion(source, half=options.dtype in ("float16", FLOAT16_WEIGHTS))

    def load(self, source: Source, options: Options, folder: Path | None) -> Loaded:
        """Load a network, and the matrices that it is fed with."""
        assert folder is not None
        with silence():
            try:
                network = ncnn_network.Network(folder, options.dtype, options.threads)
            except RuntimeError as error:
                raise BackendError(f"ncnn cannot load {source.label}") from error

        def infer(fed: Sequence[tuple[str, Any]]) -> list[Any]:
            try:
                return network.run(fed)
            except RuntimeError as error:
                raise BackendError(f"ncnn cannot run {source.label}: {error}") from error

        def outputs(values: Values) -> Sequence[Any]:
            return network.arrays(infer(network.feed(_arrays(values))))

        given = network.feed(_arrays(source.values))
        return Loaded(lambda: infer(given), outputs, network.arrays, network.close)


def _arrays(values: Values) -> list[Any]:
    from lwprof.inputs import tensors

    return [tensor.detach().contiguous().numpy() for tensor in tensors(values)]
