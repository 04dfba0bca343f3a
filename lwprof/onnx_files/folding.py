"""Folding: the content of small tensors that are the same in every call, by ONNX's own reference operators."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy
import onnx

from lwprof.onnx_files.nodes import Node
from lwprof.onnx_files.tensors import SMALL, Array, Known

_UNREPEATABLE = ("RandomNormal", "RandomUniform", "RandomNormalLike", "RandomUniformLike", "Bernoulli", "Multinomial")


def repeatable(node: Node) -> bool:
    """Whether a node makes the same of the same in every call."""
    return node.type not in _UNREPEATABLE


def size_of(node: Node, known: Known) -> Array | None:
    """What ``Shape`` or ``Size`` of a tensor gives, where every size that it asks for is known."""
    if node.type == "Size":
        return None if known.sizes is None else numpy.array(known.elements, numpy.int64)
    if known.shape is None:
        return None
    asked = known.shape[slice(node.attributes.get("start", 0), node.attributes.get("end"))]
    return None if None in asked else numpy.array(asked, numpy.int64)


def computed(
    node: Node, given: Sequence[Known | None], made: Sequence[Known], opsets: Mapping[str, int]
) -> list[Array] | None:
    """Compute what a node makes, if its inputs are known and it is small."""
    if any(known is not None and known.data is None for known in given):
        return None
    if any(known.sizes is None or known.elements > SMALL for known in made):
        return None
    from onnx.reference import ReferenceEvaluator

    feeds = {name: known.data for name, known in zip(node.inputs, given, strict=True) if known is not None and name}
    inputs = [onnx.helper.make_tensor_value_info(name, known.type, known.shape)
              for name, known in dict(zip(node.inputs, given, strict=True)).items() if known is not None]  # fmt: skip
    outputs = [onnx.helper.make_empty_tensor_value_info(name) for name in node.outputs if name]
    graph = onnx.helper.make_graph([node.proto()], "folded", inputs, outputs)
    imports = [onnx.helper.make_opsetid(domain, version) for domain, version in opsets.items()]
    try:
        result = ReferenceEvaluator(onnx.helper.make_model(graph, opset_imports=imports)).run(None, feeds)
    except Exception:  # not every operator has a reference; then only the shape is known
        return None
    return [numpy.asarray(array) for array in result]
