"""A network of ONNX Runtime on a CPU: its file, loaded and run."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # read at its import: else it reports names of models, unasked

PROVIDER = "CPUExecutionProvider"


class Network:
    """Runs on arrays, and gives back such."""

    def __init__(self, place: str | Path, dtype: str = "", threads: int = 1) -> None:
        """Load an ONNX file, or the one that lies in a folder."""
        import onnxruntime

        path = Path(place)
        (file,) = path.glob("*.onnx") if path.is_dir() else [path]
        self.session = onnxruntime.InferenceSession(str(file), options(threads), providers=[PROVIDER])

    def feed(self, arrays: Sequence[Any], names: Sequence[str] = ()) -> Mapping[str, Any]:
        """Name the inputs, in their order where no names are given.

        Raises:
            ValueError: nothing is given for an input.
        """
        wanted = [item.name for item in self.session.get_inputs()]
        given = dict(zip(names or wanted, arrays))  # noqa: B905 (Python 3.9)
        if missing := [name for name in wanted if name not in given]:
            raise ValueError(f"nothing is given for the graph's input {', '.join(missing)}")
        return {name: given[name] for name in wanted}

    def run(self, fed: Mapping[str, Any]) -> Sequence[Any]:
        """Run once."""
        return self.session.run(None, fed)  # type: ignore[no-any-return]

    def arrays(self, found: Sequence[Any]) -> Sequence[Any]:
        """What it gave back."""
        return given_back(found)

    def close(self) -> None:
        """Free what it holds."""
        del self.session


def options(threads: int) -> Any:
    """Options of a session, with all graph optimisations, which are its defaults."""
    import onnxruntime

    chosen = onnxruntime.SessionOptions()
    chosen.intra_op_num_threads = threads
    chosen.inter_op_num_threads = 1
    chosen.log_severity_level = 3
    chosen.add_session_config_entry("session.force_spinning_stop", "1")  # others run between our calls
    return chosen


def given_back(results: Iterable[Any]) -> list[Any]:
    """Every array that a session gave back, float16 as float32."""
    import numpy

    found: list[Any] = []
    for result in results:
        if isinstance(result, numpy.ndarray):
            found.append(result.astype(numpy.float32) if result.dtype == numpy.float16 else result)
        elif isinstance(result, (list, tuple)):
            found += given_back(result)
        elif isinstance(result, dict):
            found += given_back(result.values())
    return found


def unavailable(dtype: str) -> str | None:
    """Say why it does not compute in a dtype; ``None`` where it does."""
    return None
