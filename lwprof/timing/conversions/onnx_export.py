"""Export of modules to ONNX, through torch's own exporter."""

from __future__ import annotations

import contextlib
import importlib.metadata
import io
import warnings
from pathlib import Path
from typing import Any

from lwprof.timing.contract import Conversion, Source

FILE = "model.onnx"
OPSET = 18


def conversion() -> Conversion:
    """How modules become ONNX files."""
    versions = {package: importlib.metadata.version(package) for package in ("torch", "onnx")}
    return Conversion("onnx", versions, write)


def write(source: Source, folder: Path) -> None:
    """Export a module in ``eval()``."""
    import torch

    from lwprof.timing.forwards import called

    args, kwargs = called(source.values)
    module: Any = source.module
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        torch.onnx.export(module, args, str(folder / FILE), kwargs=kwargs, opset_version=OPSET, dynamo=False)
