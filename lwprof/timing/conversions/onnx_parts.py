"""Parts of an ONNX file: itself, and what holds its weights."""

from __future__ import annotations

from pathlib import Path


def parts(file: Path) -> list[Path]:
    """An ONNX file, and those beside it that hold its weights."""
    try:
        import onnx

        initializers = onnx.load(str(file), load_external_data=False).graph.initializer
    except Exception:  # not installed, or no ONNX file: whoever converts it says so
        return [file]
    entries = (entry for tensor in initializers for entry in tensor.external_data if entry.key == "location")
    found = (file.parent / name for name in sorted({entry.value for entry in entries}))
    return [file, *(path for path in found if path.is_file())]
