"""Tool: another counter, how it is run, and the named terms that lead from our count to its."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from torch import nn

from lwprof.analyses import costed
from lwprof.analyses.traffic import Costed
from lwprof.capture import capture
from lwprof.graph import OpGraph


class Term(NamedTuple):
    """A named difference between a tool's count and ours."""

    name: str
    amount: int
    why: str
    wrong: bool = False
    """The tool misses, repeats or misjudges mult-adds; otherwise it only has another convention."""


class Subject(NamedTuple):
    """The network that everybody counts, and our own count of it."""

    module: nn.Module
    inputs: tuple[Any, ...]
    graph: OpGraph
    rows: tuple[Costed, ...]

    @classmethod
    def of(cls, module: nn.Module, inputs: tuple[Any, ...]) -> Subject:
        """Count ``module(*inputs)``."""
        graph = capture(module, inputs)
        return cls(module, inputs, graph, tuple(costed(graph)))

    @property
    def mult_adds(self) -> int:
        """Our count."""
        return sum(row.cost.mult_adds for row in self.rows)


class Count(NamedTuple):
    """What a tool says."""

    total: int
    found: tuple[Term, ...] = ()
    """Differences that show only while the tool runs."""


@dataclass(frozen=True, slots=True)
class Tool:
    """Another counter."""

    name: str
    package: str
    """The installed distribution that has its version."""
    count: Callable[[nn.Module, tuple[Any, ...]], Count]
    """Runs it on the network, which is in eval mode and put back afterwards."""
    terms: Callable[[Subject], Iterable[Term]]
    """Differences that follow from the operators of the network."""


_FAMILIES = {
    "pointwise": "convolutions",
    "depthwise": "convolutions",
    "grouped": "convolutions",
    "dense conv": "convolutions",
    "linear": "linear layers",
    "matmul": "matrix products",
    "recurrent": "recurrent layers",
}


def not_seen(rows: Iterable[Costed], why: Callable[[list[Costed]], str], per_mult_add: int = 1) -> Iterator[Term]:
    """One term for each family of the operators that a tool passes over, where they have mult-adds."""
    families: dict[str, list[Costed]] = {}
    for row in rows:
        if row.cost.mult_adds:
            families.setdefault(_FAMILIES.get(row.cost.kind, row.cost.kind), []).append(row)
    for family, missed in families.items():
        amount = -per_mult_add * sum(row.cost.mult_adds for row in missed)
        yield Term(f"{family} not seen", amount, why(missed), wrong=True)


def names(rows: Iterable[Costed]) -> str:
    """List the operators of ``rows``, each once.

    >>> from lwprof.graph import operator
    >>> names([Costed(operator("aten::mv", (3,)), None, 0, 0), Costed(operator("aten::dot", ()), None, 0, 0)])
    'mv and dot'
    """
    return listed(dict.fromkeys(row.operator.name.removeprefix("aten::") for row in rows))


def listed(words: Iterable[str]) -> str:
    """Join words as a sentence does.

    >>> listed(["a"]), listed(["a", "b", "c"])
    ('a', 'a, b and c')
    """
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last
