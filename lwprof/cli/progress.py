"""Progress: what is going on, on standard error and only on a terminal."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator

REFRESH_S = 0.2


@contextlib.contextmanager
def bar() -> Iterator[Callable[[str, float], None] | None]:
    """Give a function that shows what is done and which share of it; ``None`` off a terminal.

    It draws only when it is called: a thread that draws would disturb what is being timed.
    """
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True, auto_refresh=False) as drawn:
        task = drawn.add_task("loading", total=1.0)
        drawn.refresh()
        latest = time.monotonic()

        def show(what: str, share: float) -> None:
            nonlocal latest
            drawn.update(task, description=what, completed=share)
            if time.monotonic() - latest >= REFRESH_S:
                latest = time.monotonic()
                drawn.refresh()

        yield show


@contextlib.contextmanager
def status(what: str) -> Iterator[None]:
    """Say that something of unknown length is going on; nothing off a terminal."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console
    from rich.markup import escape

    with Console(stderr=True).status(escape(what)):
        yield
