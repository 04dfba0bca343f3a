"""Formats: what a report format is."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from lwprof.reports.contents import Page, Table
from lwprof.reports.options import Options

if TYPE_CHECKING:
    from lwprof.results.loading import Result

Content: TypeAlias = "Result | Page | Table"
"""A name alone at run time, when results are not imported."""

Named: TypeAlias = tuple[str, Content]
"""A report among others, under the name that tells it from them, such as its file's."""

Illustrated: TypeAlias = tuple[str, Mapping[str, bytes]]
"""A text, and the contents of the files that it shows, by their names."""


@dataclass(frozen=True, slots=True)
class Writer:
    """How a format is written: ``write`` gets a result, or a page that a command put together."""

    write: Callable[[Content, Options], str]
    write_all: Callable[[Sequence[Named], Options], str] | None = None
    """Writes several as one document; without it they are written one after the other."""
    illustrate: Callable[[Sequence[Named], Options, str], Illustrated] | None = None
    """Writes several, with charts in a folder of that name; of formats whose texts show files beside them."""


@dataclass(frozen=True, slots=True)
class Format:
    """A way to write a report, in the module of this package that has its name."""

    name: str
    suffixes: tuple[str, ...] = ()
    """Of files, in lower case with the dot."""
    only: str = ""
    """What it shows, where that is one kind of result alone: "audits" or "profiles"."""

    @property
    def writer(self) -> Writer:
        """The module's, which is imported when somebody asks for the format."""
        found: Writer = importlib.import_module(f"lwprof.reports.{self.name}").WRITER
        return found
