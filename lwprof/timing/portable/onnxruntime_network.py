"""A network of ONNX Runtime on a CPU: its file, loaded and run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


class Network:
    """Runs on arrays, and gives back such."""

    def __init__(self, folder: str | Path, dtype: str = "", threads: int = 1) -> None:
        """Load the ONNX file that lies in ``folder``."""
        import onnxruntime

        chosen = onnxruntime.SessionOptions()
        chosen.intra_op_num_threads = threads
        chosen.inter_op_num_threads = 1
        chosen.log_severity_level = 3
        chosen.add_session_config_entry("session.force_spinning_stop", "1")  # others run between our calls
        (file,) = Path(folder).glob("*.onnx")
        self.session = onnxruntime.InferenceSession(str(file), chosen, providers=["CPUExecutionProvider"])

    def feed(self, arrays: Sequence[Any]) -> Mapping[str, Any]:
        """Name the inputs."""
        return {item.name: array for item, array in zip(self.session.get_inputs(), arrays)}  # noqa: B905 (Python 3.9)

    def run(self, fed: Mapping[str, Any]) -> Sequence[Any]:
        """Run once."""
        return self.session.run(None, fed)  # type: ignore[no-any-return]

    def arrays(self, found: Sequence[Any]) -> Sequence[Any]:
        """What it gave back."""
        return found

    def close(self) -> None:
        """Free what it holds."""
        del self.session


def unavailable(dtype: str) -> str | None:
    """Say why it does not compute in a dtype; ``None`` where it does."""
    return None
