"""Loading: read an ONNX file without its weights' content where that is kept beside it."""

from __future__ import annotations

import os

import onnx
from onnx import inliner

from lwprof.errors import InputError, sentence


def load(path: str) -> onnx.ModelProto:
    """Read a file, its local functions written out.

    Raises:
        InputError: there is no such file, or it is no ONNX file.
    """
    if os.path.isdir(path):
        raise InputError(f"{path} is a folder, not an ONNX file")
    try:
        model = onnx.load(path, load_external_data=False)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from error
    except Exception as error:  # what protobuf raises depends on its build
        raise InputError(f"{path} is not an ONNX file ({sentence(error)})") from error
    if not model.opset_import or not model.graph.node:
        raise InputError(f"{path} is not an ONNX file, or has no operators")
    if model.functions:
        try:
            model = inliner.inline_local_functions(model)
        except Exception as error:
            raise InputError(f"{path}: its functions cannot be written out ({sentence(error)})") from error
    return model


def opsets(model: onnx.ModelProto) -> dict[str, int]:
    """Versions of the operator sets that a model uses, by domain."""
    found = {"" if entry.domain == "ai.onnx" else entry.domain: entry.version for entry in model.opset_import}
    return {"": 1} | found
