"""Networks written as ONNX files: by torch's exporters, or node by node."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from onnx_nodes import node
from torch import nn

Export = Callable[..., str]
Write = Callable[..., str]


@pytest.fixture
def export(tmp_path: Path) -> Export:
    """Export a module with one of torch's two exporters, and say where."""

    def write(module: nn.Module, inputs: tuple[torch.Tensor, ...], name: str = "net", **options: Any) -> str:
        path = str(tmp_path / f"{name}.onnx")
        before = logging.root.manager.disable
        logging.disable(logging.CRITICAL)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                torch.onnx.export(module.eval(), inputs, path, **{"dynamo": False, "verbose": False, **options})
        finally:
            logging.disable(before)
        return path

    return write


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a file of these nodes, and say where.

    Nodes are ``(type, inputs, outputs, attributes)`` with names separated by spaces; arrays are initializers;
    inputs and outputs are shapes of float32 by name.
    """

    def file(
        nodes: Sequence[tuple[Any, ...]],
        inputs: dict[str, Sequence[int | str | None] | None],
        outputs: Sequence[str],
        arrays: dict[str, Any] | None = None,
        opset: int = 17,
        domains: dict[str, int] | None = None,
        name: str = "net",
        functions: Sequence[onnx.FunctionProto] = (),
    ) -> str:
        graph = helper.make_graph(
            [node(*item) for item in nodes],
            name,
            [helper.make_tensor_value_info(key, TensorProto.FLOAT, shape) for key, shape in inputs.items()],
            [helper.make_empty_tensor_value_info(key) for key in outputs],
            [numpy_helper.from_array(numpy.asarray(array), key) for key, array in (arrays or {}).items()],
        )
        imports = [helper.make_opsetid(domain, version) for domain, version in {"": opset, **(domains or {})}.items()]
        model = helper.make_model(graph, opset_imports=imports, functions=list(functions))
        path = tmp_path / f"{name}.onnx"
        path.write_bytes(model.SerializeToString())
        return str(path)

    return file
