"""The command line: it parses the request, calls the parts that do the work, and writes what comes back."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from lwprof import collector
from lwprof.errors import INTERRUPTED

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code; Ctrl-C may come while it is still being imported."""
    try:
        with collector.paused():
            from lwprof.cli import entry
    except KeyboardInterrupt:
        print("error: interrupted", file=sys.stderr)
        return INTERRUPTED
    return entry.main(arguments)
