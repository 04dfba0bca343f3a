"""What the crosscheck tests share: a network made of one function, and every tool's row by its name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from function_networks import Calling
from torch import nn

from lwprof.crosscheck import crosscheck
from lwprof.results.crosscheck import CrosscheckRow


@pytest.fixture
def calling() -> type[Calling]:
    return Calling


@pytest.fixture
def rows() -> Callable[..., dict[str, CrosscheckRow]]:
    def checked(module: nn.Module, *inputs: Any) -> dict[str, CrosscheckRow]:
        return {row.tool: row for row in crosscheck(module, inputs=inputs).rows}

    return checked


@pytest.fixture
def terms(rows) -> Callable[..., dict[str, int]]:
    """The named terms of one tool, which must close to the unit, and the reasons in plain words."""

    def closed(tool: str, module: nn.Module, *inputs: Any) -> dict[str, int]:
        row = rows(module, *inputs)[tool]
        assert row.theirs is not None, row.verdict
        assert row.unexplained == 0, row
        assert row.theirs == row.ours + sum(term.amount for term in row.terms)
        assert all(term.why.startswith(tool) for term in row.terms)
        assert row.verdict.startswith(("agrees", "differs by convention", "wrong: "))
        assert row.verdict.startswith("agrees") == (not row.terms)
        return {term.name: term.amount for term in row.terms}

    return closed
