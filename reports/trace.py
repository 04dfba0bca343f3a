"""Trace: the layers of one call on a time line, as Chrome's tracing and Perfetto open it."""

from __future__ import annotations

from lwprof.reports.formats import Content, Format
from lwprof.reports.options import Options


def write(content: Content, options: Options) -> str:
    """Write the observed call of a profile.

    Raises:
        InputError: it is something else, or was not timed.
    """
    raise NotImplementedError


FORMAT = Format("trace", (".trace",), write)
