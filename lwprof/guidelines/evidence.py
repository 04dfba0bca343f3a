"""Evidence: everything that rules look at in one network, reckoned once for all of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property

from lwprof.analyses import Costed, Group, PlacedBlock
from lwprof.graph import Operator, OpGraph, Value
from lwprof.results.profile import ProfileResult


class Evidence:
    """One network: its graph, what each operator costs, its blocks and its totals."""

    def __init__(
        self,
        graph: OpGraph,
        rows: Sequence[Costed],
        parameters: Mapping[int, int],
        groups: Sequence[Group],
        blocks: Sequence[PlacedBlock],
        result: ProfileResult,
    ) -> None:
        self.graph = graph
        self.rows = rows
        """Every operator with its cost, at its index."""
        self.parameters = parameters
        """Elements of every parameter, by the number of its value."""
        self.groups = groups
        """What an inference runtime would launch as one."""
        self.blocks = blocks
        """In running order."""
        self.result = result

    @cached_property
    def types(self) -> Mapping[str, str]:
        """The class of every module."""
        return {module.name: module.type for module in self.graph.modules}

    @cached_property
    def base(self) -> Mapping[int, int]:
        """For the number of every value that is a view: that of the value which it is a view of."""
        base: dict[int, int] = {}
        for operator in self.graph.operators:
            if operator.effect == "view" and operator.inputs:
                source = operator.inputs[0].number
                for output in operator.outputs:
                    base[output.number] = base.get(source, source)
        return base

    @cached_property
    def readers(self) -> Mapping[int, Sequence[Operator]]:
        """For the number of every value: the operators that read it, through views too; views are no readers."""
        readers: dict[int, list[Operator]] = {}
        for row in self.rows:
            operator, cost = row.operator, row.cost
            if operator.effect != "view" and cost.state != "free":
                for value in operator.inputs:
                    readers.setdefault(self.base.get(value.number, value.number), []).append(operator)
        return readers

    @cached_property
    def last_readers(self) -> Mapping[int, int]:
        """For the number of every value that comes from the input, not from weights alone: its last reader's index.

        What the network returns is read after all of them; a value that nobody reads, never (-1).
        """
        last = {value.number: -1 for value in self.graph.values if value.source in ("input", "unseen")}
        for operator in self.graph.operators:
            index, inputs, outputs = operator.index, operator.inputs, operator.outputs
            derived = False
            for value in inputs:
                if value.number in last:
                    last[value.number] = index
                    derived = True
            if derived:
                for value in outputs:
                    last[value.number] = -1
        for value in self.graph.outputs:
            if value.number in last:
                last[value.number] = len(self.graph.operators)
        return last

    @cached_property
    def returned(self) -> frozenset[int]:
        """Numbers of the values that the network returns, views followed to what they are views of."""
        return frozenset(self.base.get(value.number, value.number) for value in self.graph.outputs)

    @cached_property
    def feeding(self) -> frozenset[int]:
        """Indices of the operators whose results go, directly or not, into a later one with mult-adds."""
        found: set[int] = set()
        for row in reversed(self.rows):
            operator, cost = row.operator, row.cost
            if cost.mult_adds or cost.additions or operator.index in found:
                found.update(operator.after)
        return frozenset(found)

    def module_of(self, operator: Operator) -> str:
        """Qualified name of the module that ran ``operator``."""
        return self.graph.calls[operator.call].module if operator.call >= 0 else ""

    def maker(self, value: Value) -> Operator | None:
        """The operator that made ``value``, views and free operators followed to what they pass on."""
        while value.producer >= 0:
            operator = self.rows[value.producer].operator
            if self.rows[value.producer].cost.state != "free" or not operator.inputs:
                return operator
            value = operator.inputs[0]
        return None

    def elements(self, operators: Iterable[Operator]) -> int:
        """Memory access of operators in the eager view, in elements."""
        return sum(self.rows[operator.index].elements for operator in operators)
