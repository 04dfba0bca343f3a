"""Rule: what a guideline is, and what it says of a place where it looked."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any, NamedTuple

from lwprof.graph import Operator
from lwprof.guidelines.evidence import Evidence
from lwprof.results.audit import Alternative

Thresholds = Mapping[str, float]
"""A rule's limits by name; most rules have one."""


class Case(NamedTuple):
    """One place that a rule looked at, whether it breaks the guideline or not."""

    module: str
    """Qualified name of the module; empty for the network itself."""
    measured: float | None
    threshold: float | None
    breaks: bool
    operators: tuple[Operator, ...]
    """Those whose memory access is the price."""
    detail: Any = None
    """What the rule wants to know again when it describes the case."""


class Step(NamedTuple):
    """One line of a rule's reckoning: what, by which formula, and what comes out."""

    what: str
    formula: str
    value: float


@dataclass(frozen=True, slots=True)
class Advice:
    """What a rule says of a case."""

    message: str
    """What is wrong, with the numbers; one sentence without a full stop."""
    suggestion: str
    """What to do instead; likewise."""
    steps: tuple[Step, ...] = ()
    """How ``measured`` came about, for ``lwprof explain CODE --on NETWORK``."""
    alternative: Alternative | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """A guideline. Its page is the docstring of the module that it stands in."""

    code: str
    slug: str
    severity: str
    quantity: str
    """What ``measured`` is a number of, for tables; empty where the rule measures nothing."""
    places: str
    """What the rule looks at, in the plural."""
    cases: Callable[[Evidence, Thresholds], Iterable[Case]]
    """Every place of a network that the rule looks at. Runs on every audit, so it only measures."""
    advice: Callable[[Evidence, Case], Advice]
    """What to say of one of them."""
    thresholds: Thresholds

    @property
    def page(self) -> str:
        """The rule's documentation, in Markdown."""
        module = inspect.getmodule(self.cases)
        assert isinstance(module, ModuleType)
        return inspect.cleandoc(module.__doc__ or "")

    @property
    def title(self) -> str:
        """The page's first line."""
        return self.page.partition("\n")[0]
