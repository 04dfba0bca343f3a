"""Nodes of a file, with their attributes as plain values."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import onnx

DEFAULT_DOMAIN = ""
RECURRENT = ("LSTM", "GRU", "RNN")
"""Operators that make all their results, whether they are read or not."""


@dataclass(frozen=True, slots=True)
class Node:
    """One node: an operator, what it reads and what it makes."""

    type: str
    inputs: tuple[str, ...]
    """Names; an empty one is an input that was left out."""
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any] = field(default_factory=dict)
    name: str = ""
    domain: str = DEFAULT_DOMAIN

    @classmethod
    def of(cls, proto: onnx.NodeProto) -> Node:
        """Read a node of a file."""
        domain = DEFAULT_DOMAIN if proto.domain == "ai.onnx" else proto.domain
        attributes = {attribute.name: _plain(attribute) for attribute in proto.attribute}
        return cls(proto.op_type, tuple(proto.input), tuple(proto.output), attributes, proto.name, domain)

    def proto(self) -> onnx.NodeProto:
        """The node as ONNX writes it; attributes that are empty lists are left out."""
        given = {name: value for name, value in self.attributes.items() if not (isinstance(value, list) and not value)}
        return onnx.helper.make_node(self.type, self.inputs, self.outputs, self.name, domain=self.domain, **given)

    def wanted(self, read: Collection[str]) -> Node:
        """The node without the last outputs that nothing reads; the first one stays."""
        if self.type in RECURRENT:
            return self
        last = max((place for place, name in enumerate(self.outputs) if name in read), default=0)
        return self.changed(outputs=self.outputs[: last + 1])

    def input(self, place: int) -> str:
        """Name of an input, empty where it was left out."""
        return self.inputs[place] if place < len(self.inputs) else ""

    def changed(self, **changes: Any) -> Node:
        """The node with some of it replaced."""
        return replace(self, **changes)

    @property
    def label(self) -> str:
        """What errors call it."""
        return f"node {self.name!r} ({self.type})" if self.name else f"the {self.type} that makes {self.outputs[0]!r}"

    @property
    def qualified(self) -> str:
        """Domain and type, such as ``com.microsoft::FusedConv``."""
        return f"{self.domain or 'onnx'}::{self.type}"


def _plain(attribute: onnx.AttributeProto) -> Any:
    value = onnx.helper.get_attribute_value(attribute)
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if attribute.type in (onnx.AttributeProto.INTS, onnx.AttributeProto.FLOATS):
        return list(value)
    if attribute.type == onnx.AttributeProto.STRINGS:
        return [item.decode("utf-8", "replace") for item in value]
    return value
