"""The command line: it parses the request, calls the parts that do the work, and writes what comes back."""

from lwprof.cli.entry import main

__all__ = ["main"]
