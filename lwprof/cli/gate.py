"""Gates: what makes a finished command exit with 1."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Protocol

import click

if TYPE_CHECKING:
    from lwprof.results import Coverage, Model

FOUND = 1


class Covered(Protocol):
    """A result that says what its counts cover."""

    @property
    def model(self) -> Model:
        """The network that was counted."""

    @property
    def coverage(self) -> Coverage:
        """What the counts cover."""


def coverage(results: Iterable[Covered], strict: bool) -> int:
    """Exit code of ``--strict``: 1 if an operator of a network is unknown."""
    if not strict:
        return 0
    code = 0
    for result in results:
        unknown = result.coverage.unknown
        if unknown:
            names = ", ".join(f"{item.op} ({item.count}x)" for item in unknown)
            click.echo(f"error: {result.model.name}: no rule counts {names} (--strict)", err=True)
            code = FOUND
    return code
