"""Crosscheck: our count beside other tools', and what turns one into the other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from lwprof.results.document import Document
from lwprof.results.networks import Model


@dataclass(frozen=True, slots=True)
class CrosscheckTerm:
    """A named difference between a tool's convention and ours."""

    name: str
    amount: int
    why: str


@dataclass(frozen=True, slots=True)
class CrosscheckRow:
    """One tool's count beside ours: ``ours + sum of terms + unexplained = theirs``."""

    tool: str
    version: str
    ours: int
    theirs: int | None
    """``None`` where the tool could not count the network; ``verdict`` says why."""
    terms: tuple[CrosscheckTerm, ...]
    unexplained: int
    verdict: str
    """In plain words: the same, different by convention, or wrong and where."""


@dataclass(frozen=True, slots=True)
class CrosscheckResult(Document):
    """Our count beside other tools', and the terms that turn one into the other."""

    schema: ClassVar[str] = "lwprof.crosscheck/1"
    model: Model
    rows: tuple[CrosscheckRow, ...]
