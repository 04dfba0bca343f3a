"""LiteRT, formerly TensorFlow Lite: networks are converted to flat buffers and run by XNNPACK's delegate."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lwprof.timing.backends.presence import missing
from lwprof.timing.contract import CONTIGUOUS, Backend, Conversion, Loaded, Options, Source
from lwprof.timing.conversions import litert_export

if TYPE_CHECKING:
    from lwprof.inputs import Values

LIBRARY = "ai_edge_litert.interpreter"


class LiteRt(Backend):
    """LiteRT on the CPU."""

    name = "litert"
    extra = "litert"
    devices = ("cpu",)
    dtypes = ("float32",)
    layouts = (CONTIGUOUS,)
    runs_files = False

    def unavailable(self, device: str) -> str | None:
        """Say that a package is missing or does not load."""
        return missing({"ai-edge-litert": "ai_edge_litert", "litert-torch": "litert_torch"}, LIBRARY)

    def versions(self) -> dict[str, str]:
        """Version of LiteRT."""
        return {"litert": importlib.metadata.version("ai-edge-litert")}

    def conversion(self, source: Source, options: Options) -> Conversion:
        """Convert modules to flat buffers."""
        return litert_export.conversion()

    def load(self, source: Source, options: Options, folder: Path | None) -> Loaded:
        """Make an interpreter, and put the inputs into it."""
        from lwprof.timing.conversions.tensors import tensors_of
        from lwprof.timing.silence import silence

        assert folder is not None
        with silence():
            from ai_edge_litert.interpreter import Interpreter

            interpreter = Interpreter(str(folder / litert_export.FILE), num_threads=options.threads)
            interpreter.allocate_tensors()
        signature = interpreter.get_signature_runner()
        inputs, results = signature.get_input_details(), signature.get_output_details()
        indices = [results[f"output_{place}"]["index"] for place in range(len(results))]

        def feed(values: Values) -> None:
            for place, tensor in enumerate(tensors_of(values)):
                if (kind := inputs.get(f"args_{place}")) is not None:  # what has no effect is converted away
                    interpreter.set_tensor(kind["index"], tensor.numpy().astype(kind["dtype"], copy=False))

        def run() -> Sequence[Any]:
            interpreter.invoke()
            return [interpreter.get_tensor(index) for index in indices]

        def outputs(values: Values) -> Sequence[Any]:
            feed(values)
            try:
                return run()
            finally:
                feed(source.values)

        feed(source.values)
        return Loaded(run, outputs, list)
