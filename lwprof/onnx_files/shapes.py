"""Shapes: ONNX's own rules for what one node makes, given what is known of its inputs."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence

import onnx
from onnx import shape_inference

from lwprof.errors import sentence
from lwprof.onnx_files.nodes import Node
from lwprof.onnx_files.tensors import Known

Given = Sequence[Known | None]
"""What is known of a node's inputs; ``None`` for one that was left out."""

_FLOAT = onnx.TensorProto.FLOAT
_QUANTISED = (onnx.TensorProto.INT8, onnx.TensorProto.UINT8, onnx.TensorProto.INT32)
_WINDOWED = ("Conv", "ConvTranspose", "MaxPool", "AveragePool", "LpPool")


class Shapes:
    """ONNX's rules, for a file's versions of its operator sets."""

    def __init__(self, opsets: Mapping[str, int]) -> None:
        self._opsets = opsets
        self._imports = [onnx.helper.make_opsetid(domain, version) for domain, version in opsets.items()]

    def infer(self, node: Node, given: Given) -> tuple[Mapping[str, onnx.TypeProto], str]:
        """What ONNX infers of a node's results by name, and what it says where that fails."""
        present = {name: known for name, known in zip(node.inputs, given, strict=True) if known is not None}
        if not all(known.type for known in present.values()):
            return {}, ""
        schema = self._schema(node)
        if schema is None:
            return {}, ""
        try:
            return self._outputs(node, schema, present), ""
        except Exception as error:
            failure = sentence(error)
        # ordinary operators on quantised numbers: the rules for shapes are the same
        floats = {
            name: Known(_FLOAT, known.shape) if known.type in _QUANTISED else known for name, known in present.items()
        }
        if floats == present:
            return {}, failure
        try:
            types = self._outputs(node, schema, floats)
        except Exception as error:
            return {}, sentence(error)
        first = next(iter(present.values())).type
        for kind in types.values():
            kind.tensor_type.elem_type = first
        return types, ""

    def _schema(self, node: Node) -> onnx.defs.OpSchema | None:
        """ONNX's description of an operator: of the file's version, or a later one that has it at all."""
        for version in (self._opsets.get(node.domain, 1), onnx.defs.onnx_opset_version()):
            with contextlib.suppress(Exception):  # its own error type is no public name
                return onnx.defs.get_schema(node.type, version, node.domain)
        return None

    def _outputs(
        self, node: Node, schema: onnx.defs.OpSchema, given: Mapping[str, Known]
    ) -> Mapping[str, onnx.TypeProto]:
        types = {name: known.proto() for name, known in given.items()}
        data = {
            name: onnx.numpy_helper.from_array(known.data, name)
            for name, known in given.items()
            if known.data is not None
        }
        return shape_inference.infer_node_outputs(
            schema, node.proto(), types, input_data=data, opset_imports=self._imports
        )


def misfit(node: Node, given: Given, made: Sequence[Known]) -> str:
    """Say what ONNX's rules let pass: a window that does not fit, channels that do not match; empty if all is well."""
    if node.type in _WINDOWED and made and min(made[0].sizes or (1,)) < 1:
        return "the input is too small"
    if node.type == "Conv" and given[0] and given[1] and given[0].sizes and given[1].sizes:
        channels, wanted = given[0].sizes[1], given[1].sizes[1] * node.attributes.get("group", 1)
        if channels != wanted:
            return f"it takes {wanted} channels, not {channels}"
    return ""
