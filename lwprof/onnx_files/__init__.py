"""ONNX files: a second capture. A file becomes the same operator graph as a live network, without torch.

This package imports the package ``onnx`` only when a file is read.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from lwprof.errors import BackendError, InputError
from lwprof.graph import OpGraph

if TYPE_CHECKING:
    from lwprof.onnx_files.binding import Sizes
    from lwprof.onnx_files.inference import Inference

__all__ = ["capture_file", "inferred"]


def capture_file(path: str, sizes: Sizes = (), batch: int | None = 1) -> OpGraph:
    """Return the operator graph of an ONNX file.

    Args:
        sizes: of each input, in the file's order or by name, without the batch; needed where the file leaves them open.
        batch: the first size of inputs that leave it open; ``None`` where all ``sizes`` begin with their own.

    Raises:
        InputError: it is no ONNX file, or a size is open or wrong.
        BackendError: the package ``onnx`` is not installed.
    """
    inference = inferred(path, sizes, batch)
    from lwprof.onnx_files.building import Building
    from lwprof.onnx_files.patterns import recognised

    nodes = recognised(inference.nodes, inference.known, inference.results)
    return Building(inference, nodes).graph()


def inferred(path: str, sizes: Sizes = (), batch: int | None = 1) -> Inference:
    """Return what is known of a file's tensors, and the nodes that every call runs; as for :func:`capture_file`."""
    try:
        import onnx  # noqa: F401
    except ImportError as error:
        raise BackendError(f"reading {path} needs the package onnx: pip install 'lwprof[onnx]'") from error
    from lwprof.onnx_files.binding import bind
    from lwprof.onnx_files.inference import Inference
    from lwprof.onnx_files.loading import load, opsets

    model = load(path)
    inputs, bound = bind(path, model.graph, sizes, batch)
    inference = Inference(path, str(Path(path).parent), opsets(model), inputs, bound)
    inference.walk(model.graph)
    inference.results = tuple(inference.handed_on.get(value.name, value.name) for value in model.graph.output)
    for name in inference.results:
        if name not in inference.known:
            raise InputError(f"{path} returns {name!r}, which nothing makes")
    return inference
