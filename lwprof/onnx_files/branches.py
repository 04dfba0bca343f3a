"""Branches: the graph inside an ``If``, with names that do not clash with those around it."""

from __future__ import annotations

from collections.abc import Mapping

import onnx


def renamed(branch: onnx.GraphProto, prefix: str) -> tuple[onnx.GraphProto, tuple[str, ...]]:
    """Copy a branch so that every name it defines begins with ``prefix``; return it and its results' names."""
    copy = onnx.GraphProto()
    copy.CopyFrom(branch)
    _rename(copy, {}, prefix)
    return copy, tuple(value.name for value in copy.output)


def reads(graph: onnx.GraphProto) -> set[str]:
    """Names that the nodes of a graph read, and those of the graphs inside them."""
    found = {name for node in graph.node for name in node.input}
    for attribute in (attribute for node in graph.node for attribute in node.attribute):
        for inner in (*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs):
            found |= reads(inner) | {value.name for value in inner.output}
    return found


def _rename(graph: onnx.GraphProto, outer: Mapping[str, str], prefix: str) -> None:
    defined = [tensor.name for tensor in graph.initializer]
    defined += [sparse.values.name for sparse in graph.sparse_initializer]
    defined += [value.name for value in graph.input]
    defined += [name for node in graph.node for name in node.output if name]
    names = {**outer, **{name: prefix + name for name in defined}}
    for tensor in graph.initializer:
        tensor.name = names[tensor.name]
    for sparse in graph.sparse_initializer:
        sparse.values.name = names[sparse.values.name]
    for value in (*graph.input, *graph.output, *graph.value_info):
        value.name = names.get(value.name, value.name)
    for node in graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]
        node.output[:] = [names.get(name, name) for name in node.output]
        for attribute in node.attribute:
            if attribute.HasField("g"):
                _rename(attribute.g, names, prefix)
            for inner in attribute.graphs:
                _rename(inner, names, prefix)
