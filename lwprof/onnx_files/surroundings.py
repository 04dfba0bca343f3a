"""Surroundings: who makes and who reads each tensor, in the words that patterns are written in."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from lwprof.onnx_files.nodes import Node
from lwprof.onnx_files.tensors import Known


class Match(NamedTuple):
    """One operator, and the nodes that spelt it out besides the last one."""

    type: str
    inputs: tuple[str, ...]
    absorbed: tuple[Node, ...]
    continues: Node | None = None
    """The node whose name and attributes it keeps."""


class Surroundings:
    """Who makes and who reads each tensor."""

    def __init__(self, nodes: Sequence[Node], known: Mapping[str, Known], results: Sequence[str]) -> None:
        self.known = known
        self._results = set(results)
        self._maker = {name: node for node in nodes for name in node.outputs if name}
        self._readers: dict[str, list[Node]] = {}
        for node in nodes:
            for name in node.inputs:
                self._readers.setdefault(name, []).append(node)

    def made(self, name: str, type_: str) -> Node | None:
        """The node that makes ``name``, if it is of this type."""
        node = self._maker.get(name)
        return node if node is not None and node.type == type_ and not node.domain else None

    def number(self, name: str) -> float | None:
        """The number that ``name`` always is."""
        known = self.known.get(name)
        return known.number if known is not None and known.fixed else None

    def operands(self, node: Node) -> list[tuple[str, str]]:
        """The two inputs of a node, in both orders."""
        first, second = node.inputs
        return [(first, second), (second, first)]

    def plus(self, node: Node | None, number: float) -> str:
        """What a node adds ``number`` to; empty if it does not."""
        return next((x for x, n in self.operands(node) if self.is_(n, number)), "") if node else ""

    def times(self, node: Node | None) -> tuple[str, float]:
        """What a node multiplies with a number, and the number."""
        if node is None:
            return "", 0.0
        if node.type == "Div":
            divisor = self.number(node.inputs[1])
            return (node.inputs[0], 1 / divisor) if divisor else ("", 0.0)
        if node.type == "Mul":
            for operand, other in self.operands(node):
                factor = self.number(other)
                if factor is not None and self.number(operand) is None:
                    return operand, factor
        return "", 0.0

    def is_(self, name: str, number: float) -> bool:
        """Whether ``name`` is a number, as near as float16 tells."""
        found = self.number(name)
        return found is not None and math.isclose(found, number, rel_tol=1e-3)

    def clip(self, name: str, low: float, high: float) -> Node | None:
        """The node that makes ``name``, if it clips to these bounds."""
        node = self.made(name, "Clip")
        return node if node is not None and self.bounds(node) == (low, high) else None

    def bounds(self, node: Node) -> tuple[float | None, float | None]:
        """Lower and upper bound of a ``Clip``."""
        if "min" in node.attributes or "max" in node.attributes:
            return node.attributes.get("min"), node.attributes.get("max")
        return self.number(node.input(1)), self.number(node.input(2))

    def read_once(self, name: str) -> bool:
        """Whether one node alone reads ``name``."""
        return len(self._readers.get(name, ())) == 1 and name not in self._results

    def private(self, match: Match, last: Node) -> bool:
        """Whether nobody else reads what lies inside of a spelling."""
        inside = [*match.absorbed, last]
        names = [name for node in match.absorbed for name in node.outputs if name]
        return not self._results.intersection(names) and all(
            any(reader is node for node in inside) for name in names for reader in self._readers.get(name, ())
        )
