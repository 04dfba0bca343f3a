"""A network of ncnn: its files, loaded and run."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

PARAM, BIN, INTERFACE = FILES = ("model.param", "model.bin", "interface.json")
"""The layers, as text; their weights; and names, shapes and dtypes of inputs and outputs."""

HALF = "float16"


class Network:
    """Runs on arrays; what it gives back are matrices of ncnn."""

    def __init__(self, folder: str | Path, dtype: str = "", threads: int = 1) -> None:
        """Load the files that lie in ``folder``.

        Raises:
            RuntimeError: ncnn cannot load them.
        """
        import ncnn

        folder = Path(folder)
        kept = json.loads((folder / INTERFACE).read_text(encoding="utf-8"))
        self.inputs, self.outputs = ([SimpleNamespace(**blob) for blob in kept[side]] for side in ("inputs", "outputs"))
        self.net = ncnn.Net()
        configure(self.net.opt, dtype, threads)
        if self.net.load_param(str(folder / PARAM)) or self.net.load_model(str(folder / BIN)):
            raise RuntimeError("ncnn cannot load it")

    def feed(self, arrays: Sequence[Any], names: Sequence[str] = ()) -> list[tuple[str, Any]]:
        """Copy arrays to matrices, by the names of their blobs; ``names`` of the network's inputs play no part."""
        import ncnn

        found = []
        for blob in self.inputs:
            held = arrays[blob.position]  # a matrix alone does not keep it alive
            held = held.astype("int32") if blob.dtype == "int64" else held
            found.append((blob.name, ncnn.Mat(held, batch_index=blob.batch_index).clone()))
        return found

    def run(self, fed: Sequence[tuple[str, Any]]) -> list[Any]:
        """Run once.

        Raises:
            RuntimeError: a layer does not run; the message names it.
        """
        extractor = self.net.create_extractor()
        for name, matrix in fed:
            extractor.input(name, matrix)
        found = []
        for blob in self.outputs:
            failed, matrix = extractor.extract(blob.name)
            if failed:
                raise RuntimeError(f"{self._failing(fed)} fails (code {failed})")
            found.append(matrix)
        return found

    def arrays(self, found: Sequence[Any]) -> list[Any]:
        """Copy matrices to arrays, in the shapes that torch gives them."""
        return [_array(matrix, blob) for matrix, blob in zip(found, self.outputs)]  # noqa: B905 (Python 3.9)

    def close(self) -> None:
        """Let go of what it holds; an extractor, which an error may still refer to, keeps that alive until it goes."""
        self.net = None

    def _failing(self, fed: Sequence[tuple[str, Any]]) -> str:
        """Name the first layer that does not run."""
        blobs = self.net.blobs()
        for layer in self.net.layers():
            for top in layer.tops:
                extractor = self.net.create_extractor()
                for name, matrix in fed:
                    extractor.input(name, matrix)
                if extractor.extract(blobs[top].name)[0]:
                    return f"layer {layer.name} ({layer.type})"
        return "the network as a whole"


def unavailable(dtype: str) -> str | None:
    """Say why this CPU does not compute in a dtype; ``None`` where it does."""
    import ncnn

    if dtype == HALF and not ncnn.cpu_support_arm_asimdhp():
        return "ncnn computes in float32 on this CPU; float16-weights stores its weights in float16"
    return None


def configure(chosen: Any, dtype: str, threads: int) -> None:
    """Set what ncnn's defaults leave to the CPU that it finds: float32 is to mean float32."""
    half = dtype == HALF
    chosen.num_threads = threads
    chosen.lightmode = True
    chosen.use_vulkan_compute = False
    chosen.use_fp16_packed = chosen.use_fp16_storage = chosen.use_fp16_arithmetic = half
    chosen.use_bf16_packed = chosen.use_bf16_storage = False


def _array(matrix: Any, blob: Any) -> Any:
    import numpy

    found = numpy.array(matrix.numpy(batch_index=blob.batch_index))
    if blob.shape is not None and found.size == numpy.prod(blob.shape, dtype=int):
        return found.reshape(blob.shape)
    return found
