"""Nodes and weights of ONNX files, for tests: ``from onnx_nodes import node, weights``."""

from __future__ import annotations

from typing import Any

import numpy
import onnx
from onnx import helper


def node(type_: str, inputs: str, outputs: str, attributes: dict[str, Any] | None = None) -> onnx.NodeProto:
    """Make a node; a domain stands before the type, and ``-`` for an input that is left out."""
    domain, _, name = type_.rpartition("::")
    given = ["" if word == "-" else word for word in inputs.split()]
    return helper.make_node(name, given, outputs.split(), domain=domain, **(attributes or {}))


def weights(*shape: int, dtype: str = "float32") -> numpy.ndarray:
    """An array of numbers that are all different."""
    return numpy.arange(1, 1 + int(numpy.prod(shape))).reshape(shape).astype(dtype)
