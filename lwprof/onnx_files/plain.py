"""Plain nodes: quantised, fused and many-handed nodes as the ordinary ones that do the same work.

A quantised convolution counts as the convolution it is: its scales and zero points are no operands of the
product. What is left to say is the dtype of its result.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from onnx import TensorProto

from lwprof.onnx_files.nodes import DEFAULT_DOMAIN, Node

MICROSOFT = "com.microsoft"
_MICROSOFTS_OWN = ("channels_last", "opset")
"""Attributes of its quantised operators that the ordinary ones do not have."""


class Plain(NamedTuple):
    """An ordinary node, and how to tell the element type of its result where that is not its first input's."""

    node: Node
    type: int = 0
    """ONNX's number of the element type; 0 to leave it as inferred."""
    type_of: str = ""
    """Name of the tensor that has the result's element type."""


def _quantised(type_: str, places: tuple[int, ...], zero_point: int) -> Callable[[Node], Iterator[Plain]]:
    """An operator whose operands stand at ``places``, between their scales and zero points.

    One that has the channels behind the image stays what it is.
    """

    def plain(node: Node) -> Iterator[Plain]:
        given = tuple(node.input(place) for place in places)
        while given and not given[-1]:
            given = given[:-1]
        attributes = {name: value for name, value in node.attributes.items() if name not in _MICROSOFTS_OWN}
        made = node.changed(type=type_, inputs=given, attributes=attributes, domain=DEFAULT_DOMAIN)
        zero = node.input(zero_point) or node.input(places[0])
        yield Plain(node) if node.attributes.get("channels_last") else Plain(made, type_of=zero)

    return plain


def _integer(type_: str, places: tuple[int, ...]) -> Callable[[Node], Iterator[Plain]]:
    """An operator of integers whose sums are kept in 32 bits."""

    def plain(node: Node) -> Iterator[Plain]:
        inputs = tuple(node.input(place) for place in places)
        yield Plain(node.changed(type=type_, inputs=inputs, domain=DEFAULT_DOMAIN), type=TensorProto.INT32)

    return plain


def _concatenated(node: Node) -> Iterator[Plain]:
    """``QLinearConcat``: scale and zero point of the result, then three names for each tensor."""
    yield Plain(node.changed(type="Concat", inputs=node.inputs[2::3], domain=DEFAULT_DOMAIN))


def _activated(type_: str) -> Callable[[Node], Iterator[Plain]]:
    """A product with an activation behind it; a fourth input is added before that."""

    def plain(node: Node) -> Iterator[Plain]:
        attributes = dict(node.attributes)
        activation = str(attributes.pop("activation", ""))
        parameters = attributes.pop("activation_params", [])
        parts: list[tuple[str, tuple[str, ...]]] = [(type_, node.inputs[:3])]
        if node.input(3):
            parts.append(("Add", ("", node.input(3))))
        if activation:
            parts.append((activation, ("",)))
        made = ""
        for place, (kind, inputs) in enumerate(parts):
            before, made = made, node.outputs[0] if place == len(parts) - 1 else f"{node.outputs[0]}/{kind}"
            given = tuple(name or before for name in inputs) if place else inputs
            settings = attributes if place == 0 else {}
            if kind == "Clip" and len(parameters) == 2:
                settings = {"min": parameters[0], "max": parameters[1]}
            yield Plain(Node(kind, given, (made,), settings, node.name))

    return plain


def _chained(type_: str) -> Callable[[Node], Iterator[Plain]]:
    """An operator of any number of tensors, as steps of two."""

    def plain(node: Node) -> Iterator[Plain]:
        if len(node.inputs) == 1:
            yield Plain(node.changed(type="Identity"))
            return
        made = node.inputs[0]
        for place, name in enumerate(node.inputs[1:], 1):
            last = place == len(node.inputs) - 1
            before, made = made, node.outputs[0] if last else f"{node.outputs[0]}/{place}"
            yield Plain(node.changed(type=type_, inputs=(before, name), outputs=(made,)))

    return plain


def _multiplied(node: Node) -> Iterator[Plain]:
    """``FusedMatMul``; one that also transposes stays what it is."""
    same = any(node.attributes.get(name) for name in ("transA", "transB", "transBatchA", "transBatchB"))
    yield Plain(node if same else node.changed(type="MatMul", attributes={}, domain=DEFAULT_DOMAIN))


_RULES: dict[tuple[str, str], Callable[[Node], Iterator[Plain]]] = {
    ("", "QLinearConv"): _quantised("Conv", (0, 3, 8), 7),
    ("", "QLinearMatMul"): _quantised("MatMul", (0, 3), 7),
    ("", "ConvInteger"): _integer("Conv", (0, 1)),
    ("", "MatMulInteger"): _integer("MatMul", (0, 1)),
    ("", "Sum"): _chained("Add"),
    ("", "Max"): _chained("Max"),
    ("", "Min"): _chained("Min"),
    (MICROSOFT, "QGemm"): _quantised("Gemm", (0, 3, 6), 8),
    (MICROSOFT, "QLinearAdd"): _quantised("Add", (0, 3), 7),
    (MICROSOFT, "QLinearMul"): _quantised("Mul", (0, 3), 7),
    (MICROSOFT, "QLinearSigmoid"): _quantised("Sigmoid", (0,), 4),
    (MICROSOFT, "QLinearLeakyRelu"): _quantised("LeakyRelu", (0,), 4),
    (MICROSOFT, "QLinearSoftmax"): _quantised("Softmax", (0,), 4),
    (MICROSOFT, "QLinearGlobalAveragePool"): _quantised("GlobalAveragePool", (0,), 4),
    (MICROSOFT, "QLinearAveragePool"): _quantised("AveragePool", (0,), 4),
    (MICROSOFT, "QLinearConcat"): _concatenated,
    (MICROSOFT, "FusedConv"): _activated("Conv"),
    (MICROSOFT, "FusedGemm"): _activated("Gemm"),
    (MICROSOFT, "FusedMatMul"): _multiplied,
    (MICROSOFT, "Gelu"): _quantised("Gelu", (0,), 0),
}


def plain(node: Node) -> Iterator[Plain]:
    """Write a node as ordinary ones; most are already."""
    rule = _RULES.get((node.domain, node.type))
    if rule is None or (node.type in ("Max", "Min") and len(node.inputs) == 2):
        yield Plain(node)
    else:
        yield from rule(node)
