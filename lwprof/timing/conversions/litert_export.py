"""Conversion of modules to LiteRT's flat buffers."""

from __future__ import annotations

import importlib.metadata
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lwprof.errors import BackendError, first_line, missing_memory
from lwprof.timing.contract import Conversion, Source

FILE = "model.tflite"
PROGRESS = "LITERT_TORCH_SHOW_PROGRESS"

_OPERATOR = re.compile(r"Lowering not found: (\w+)\.(\w+)")


def conversion() -> Conversion:
    """How modules become flat buffers."""
    packages = ("torch", "litert-torch", "litert-converter")
    return Conversion("litert", {package: importlib.metadata.version(package) for package in packages}, write)


def write(source: Source, folder: Path) -> None:
    """Convert a module in ``eval()``; images stay channels-first where it takes and gives them.

    Raises:
        BackendError: torch cannot export it, or LiteRT lacks an operator.
    """
    import torch

    from lwprof.timing.conversions import locating
    from lwprof.timing.conversions.tensors import tensors_only
    from lwprof.timing.silence import silence

    with silence(), _no_progress(), torch.inference_mode(False), torch.no_grad():
        try:
            import litert_torch

            litert_torch.convert(*tensors_only(source)).export(str(folder / FILE))
        except Exception as error:
            if missing_memory(error) or isinstance(error, ImportError | OSError):
                raise
            if (found := _OPERATOR.search(str(error))) is None:
                raise BackendError(f"LiteRT cannot convert {source.label}: {first_line(error)}") from error
            operator = locating.named(source.module, source.values, "::".join(found.groups()))
            raise BackendError(f"LiteRT cannot run {operator}") from error


@contextmanager
def _no_progress() -> Iterator[None]:
    """Have the converter draw nothing, wherever standard output leads."""
    before = os.environ.get(PROGRESS)
    os.environ[PROGRESS] = "n"
    try:
        yield
    finally:
        if before is None:
            del os.environ[PROGRESS]
        else:
            os.environ[PROGRESS] = before
