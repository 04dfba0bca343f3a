"""Gates: what makes a finished command exit with something else than 0."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Protocol

import click

from lwprof.errors import INTERRUPTED, BackendError

if TYPE_CHECKING:
    from lwprof.results.latency import Untimed
    from lwprof.results.networks import Model
    from lwprof.results.structure import Coverage

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


def interrupted(measured: object) -> int:
    """Say that Ctrl-C ended it, and whether anything had been ``measured``; its exit code."""
    shown = "what was measured until then is shown" if measured else "nothing had been measured yet"
    click.echo(f"error: interrupted; {shown}", err=True)
    return INTERRUPTED


def timed(missing: Iterable[Untimed]) -> None:
    """Refuse what is not whole.

    Raises:
        BackendError: something failed; the message has the first reason.
    """
    reasons = list(dict.fromkeys(item.reason for item in missing if item.failed))
    if reasons:
        raise BackendError(f"{reasons[0]}{f' (and {len(reasons) - 1} more, in the report)' if reasons[1:] else ''}")
