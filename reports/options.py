"""Options: what a caller may decide about a report."""

from __future__ import annotations

from dataclasses import dataclass

from lwprof.errors import InputError

VIEWS = ("paper", "eager", "fused")
TIME = "time"
SORTS = ("params", "mult_adds", "paper_elements", "eager_elements", TIME)


@dataclass(frozen=True, slots=True)
class Options:
    """How to show a result; CSV and JSON are always whole and take none of these.

    Raises:
        InputError: a value that does not exist.
    """

    width: int | None = None
    """Columns of the terminal; ``None`` for as many as the text needs."""
    color: bool = False
    view: str = "paper"
    """Which view of memory access a comparison shows: "paper", "eager" or "fused"."""
    depth: int | None = 2
    """How deep the layer tree goes; ``None`` for all of it."""
    sort: str | None = None
    """List the layers by their own cost instead of the tree: one of ``SORTS``.
    Layers that were timed are listed by their time otherwise."""
    top: int | None = None
    """How many layers such a list has; without ``sort`` it is by mult-adds. Of an audit, how many lines of findings."""
    folder: str = ""
    """Where an audit ran, from the root of the repository: SARIF, JUnit and annotations name files from there."""

    def __post_init__(self) -> None:
        for value, allowed, name in ((self.view, VIEWS, "view"), (self.sort, (None, *SORTS), "sort")):
            if value not in allowed:
                raise InputError(f"unknown {name} {value!r}; choose one of {', '.join(filter(None, allowed))}")
        for number, name in ((self.depth, "depth"), (self.top, "top"), (self.width, "width")):
            if number is not None and number < 1:
                raise InputError(f"{name} {number} is too small; it starts at 1")
