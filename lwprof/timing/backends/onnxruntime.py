"""ONNX Runtime: networks are exported to ONNX; ONNX files run as they are."""

from __future__ import annotations

import importlib.metadata
import importlib.util
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lwprof.timing.contract import CONTIGUOUS, Conversion, Loaded, Options, Source
from lwprof.timing.conversions import onnx_export

if TYPE_CHECKING:
    from lwprof.inputs import Values


class OnnxRuntime:
    """ONNX Runtime on the CPU, with all its graph optimisations."""

    name = "onnxruntime"
    extra = "onnxruntime"
    devices = ("cpu",)
    dtypes = ("float32",)
    layouts = (CONTIGUOUS,)
    runs_files = True

    def unavailable(self, device: str) -> str | None:
        """Say that a package is missing, if one is."""
        missing = [package for package in ("onnxruntime", "onnx") if importlib.util.find_spec(package) is None]
        return f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not installed" if missing else None

    def versions(self) -> dict[str, str]:
        """Version of ONNX Runtime."""
        return {"onnxruntime": importlib.metadata.version("onnxruntime")}

    def conversion(self, source: Source, options: Options) -> Conversion | None:
        """Export modules to ONNX."""
        return None if source.module is None else onnx_export.conversion()

    def is_reference(self, options: Options) -> bool:
        """Never."""
        return False

    def settings(self, options: Options) -> AbstractContextManager[object]:
        """Every session has threads of its own: nothing to set."""
        return nullcontext()

    def load(self, source: Source, options: Options, folder: Path | None) -> Loaded:
        """Make a session, and the arrays that it is fed with."""
        import onnxruntime

        chosen = onnxruntime.SessionOptions()
        chosen.intra_op_num_threads = options.threads
        chosen.inter_op_num_threads = 1
        chosen.log_severity_level = 3
        chosen.add_session_config_entry("session.force_spinning_stop", "1")  # others run between our calls
        file = source.file if folder is None else folder / onnx_export.FILE
        session = onnxruntime.InferenceSession(str(file), chosen, providers=["CPUExecutionProvider"])
        names = [item.name for item in session.get_inputs()]
        feed = fed(names, source.values)

        def outputs(values: Values) -> Sequence[Any]:
            return [value for value in session.run(None, fed(names, values)) if value is not None]

        return Loaded(lambda: session.run(None, feed), outputs)


def fed(names: Sequence[str], values: Values) -> Mapping[str, Any]:
    """Arrays by the names of a graph's inputs, which keeps those of keywords and the order of positions."""
    from torch.utils._pytree import tree_leaves

    if isinstance(values, Mapping) and set(names) <= set(values):
        return {name: values[name].numpy() for name in names}
    arrays = [tensor.numpy() for tensor in tree_leaves(values) if hasattr(tensor, "numpy")]
    return dict(zip(names, arrays, strict=True))
