"""The operator graph: one plain, frozen picture of a network, whatever it was captured from.

Nothing here knows torch. A capture fills a :class:`GraphBuilder` in execution order; costs and
analyses read the :class:`OpGraph` that comes out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import prod
from typing import Any, TypeVar, dataclass_transform

from lwprof.units import dtype_bytes

T = TypeVar("T")


@dataclass_transform(frozen_default=True)
def row(kind: type[T]) -> type[T]:
    """Make a class a dataclass of which a graph has thousands: frozen for the type checker alone.

    One that is frozen when it runs takes three times as long to make.
    """
    return dataclass(slots=True, unsafe_hash=True)(kind)


PACKED = "packed_"
"""How the names of weights begin that were found inside a packed (quantised) argument."""


@row
class Value:
    """One tensor at one moment: writing a tensor in place makes a new value of the same root."""

    number: int
    shape: tuple[int, ...]
    dtype: str
    elements: int
    """Distinct elements: a broadcast (stride 0) dimension counts once."""
    bytes: int
    """Bytes of the distinct elements."""
    source: str
    """"input", "parameter", "buffer", "constant", "operator", or "unseen" (no seen operator made it)."""
    root: int
    """Number of the value whose memory this one shares; its own number if it has memory of its own."""
    producer: int
    """Index of the operator that made it, -1 if none did."""


@row
class Weight(Value):
    """A tensor that the network stores, listed once however often it is shared.

    ``source`` is "parameter", "buffer" or "constant" (a weight that is no parameter: frozen, quantised).
    """

    name: str
    module: str
    trainable: bool


@row
class Operator:
    """One executed operator."""

    index: int
    name: str
    """Qualified name without the overload, such as ``aten::conv2d``."""
    arguments: Mapping[str, Any]
    """By schema name; tensors are :class:`Value`, lists of tensors tuples of them. Arguments left at
    their defaults may be absent."""
    inputs: tuple[Value, ...]
    """Every tensor that it reads, in argument order."""
    outputs: tuple[Value, ...]
    call: int
    """Index of the module call that ran it."""
    after: tuple[int, ...]
    """Operators that must run before it: producers of its inputs, and in-place writers of their memory."""
    effect: str
    """"new" (fresh memory), "view" (no memory touched) or "inplace" (the first output overwrites an input)."""
    pointwise: bool
    """Each output element depends only on the input elements at its own place."""
    elements: int
    """Distinct elements of everything that it reads and writes."""
    bytes: int


@row
class Call:
    """One call of a module."""

    parent: int
    """Index of the call it was made from; -1 for the network itself."""
    module: str
    """Qualified name; "" for the network itself."""
    start: int
    """Index of its first operator; those inside it run from ``start`` up to, not including, ``stop``."""
    stop: int
    inputs: tuple[tuple[int, ...], ...]
    """Shapes of the tensors given."""
    outputs: tuple[tuple[int, ...], ...]
    """Shapes of the tensors returned."""


@row
class Module:
    """A module of the network; flat networks and ONNX files have only the root."""

    name: str
    type: str
    container: bool
    """A Sequential, ModuleList or ModuleDict: it holds modules and computes nothing itself."""


@dataclass(frozen=True, slots=True)
class OpGraph:
    """A network's operators in execution order, with their data flow."""

    operators: tuple[Operator, ...]
    values: tuple[Value, ...]
    """Every value, at the index of its number."""
    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]
    weights: tuple[Weight, ...]
    modules: tuple[Module, ...]
    calls: tuple[Call, ...]
    input_dependent: bool = False
    """The network's control flow needed values, so another input may give other counts."""


class GraphBuilder:
    """Collects values and operators in execution order and keeps the data flow right."""

    def __init__(self) -> None:
        self.operators: list[Operator] = []
        self.values: list[Value] = []
        self.weights: list[Weight] = []
        self._last_writer: dict[int, int] = {}

    def value(self, shape: tuple[int, ...], dtype: str, source: str, elements: int | None = None) -> Value:
        """Add a value that no operator made."""
        number = len(self.values)
        if elements is None:
            elements = prod(shape)
        size = elements * dtype_bytes(dtype)
        value = Value(number, shape, dtype, elements, size, source, number, -1)
        self.values.append(value)
        return value

    def weight(
        self,
        name: str,
        module: str,
        shape: tuple[int, ...],
        dtype: str,
        source: str,
        trainable: bool = False,
        elements: int | None = None,
    ) -> Value:
        """Add the value of a tensor that the network stores."""
        number = len(self.values)
        if elements is None:
            elements = prod(shape)
        size = elements * dtype_bytes(dtype)
        value = Weight(number, shape, dtype, elements, size, source, number, -1, name, module, trainable)
        self.values.append(value)
        self.weights.append(value)
        return value

    def operator(
        self,
        name: str,
        arguments: Mapping[str, Any],
        inputs: tuple[Value, ...],
        outputs: Iterable[tuple[tuple[int, ...], str, int, Value | None]],
        effect: str = "new",
        call: int = 0,
        pointwise: bool = False,
    ) -> tuple[Value, ...]:
        """Append an operator and return the values it makes.

        Each output is ``(shape, dtype, distinct elements, base)``: ``base`` is the input whose memory
        the output shares (a view, or the operand that is written in place), ``None`` for fresh memory.
        """
        values, writers = self.values, self._last_writer
        index, number = len(self.operators), len(values)
        after: list[int] = []
        total = total_bytes = 0
        for value in inputs:
            total += value.elements
            total_bytes += value.bytes
            producer, writer = value.producer, writers.get(value.root, -1)
            if producer >= 0 and producer not in after:
                after.append(producer)
            if writer >= 0 and writer not in after:
                after.append(writer)
        for shape, dtype, elements, base in outputs:
            root = len(values) if base is None else base.root
            size = elements * dtype_bytes(dtype)
            total += elements
            total_bytes += size
            values.append(Value(len(values), shape, dtype, elements, size, "operator", root, index))
            if effect == "inplace" and base is not None:
                writers[root] = index
        made = tuple(values[number:])
        before = tuple(sorted(after)) if after else ()
        self.operators.append(
            Operator(index, name, arguments, inputs, made, call, before, effect, pointwise, total, total_bytes)
        )
        return made


def operator(name: str, outputs: tuple[int, ...] | list[tuple[int, ...]], **arguments: Any) -> Operator:
    """Make one operator by hand, for examples and tests: tuples of ints are tensor shapes of float32.

    Anything that is not a shape stays as it is; a list of shapes is a list of tensors. Arguments named
    ``weight`` or ``bias`` are parameters, all others inputs.

    >>> operator("aten::add", (2, 3), self=(2, 3), other=(1, 3)).inputs[1].elements
    3
    """
    builder = GraphBuilder()

    def is_shape(item: Any) -> bool:
        return isinstance(item, tuple) and all(isinstance(size, int) for size in item)

    given: dict[str, Any] = {}
    inputs: list[Value] = []
    for key, item in arguments.items():
        source = "parameter" if key in ("weight", "bias", "params") else "input"
        if is_shape(item):
            given[key] = builder.value(item, "float32", source)
            inputs.append(given[key])
        elif isinstance(item, list) and item and all(is_shape(shape) for shape in item):
            given[key] = tuple(builder.value(shape, "float32", source) for shape in item)
            inputs.extend(given[key])
        else:
            given[key] = item
    shapes = [outputs] if isinstance(outputs, tuple) else outputs
    builder.operator(name, given, tuple(inputs), [(shape, "float32", prod(shape), None) for shape in shapes])
    return builder.operators[0]
