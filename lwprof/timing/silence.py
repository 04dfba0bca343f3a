"""Silence: what libraries write while they convert and load is held back, from native code, too."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

STREAMS = (1, 2)
"""File descriptors of standard output and standard error."""


@contextmanager
def silence() -> Iterator[None]:
    """Hold back warnings, log records, and all that is written to standard output and error."""
    disabled = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings(), _nowhere(), contextlib.redirect_stdout(io.StringIO()):  # a notebook has its own
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(disabled)


@contextmanager
def _nowhere() -> Iterator[None]:
    """Lead the streams of the process nowhere."""
    kept: dict[int, int] = {}
    _flush()
    sink = os.open(os.devnull, os.O_WRONLY)
    try:
        for stream in STREAMS:
            with contextlib.suppress(OSError):  # a closed one stays closed
                kept[stream] = os.dup(stream)
                os.dup2(sink, stream)
        yield
    finally:
        _flush()
        for stream, copy in kept.items():
            os.dup2(copy, stream)
            os.close(copy)
        os.close(sink)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, OSError, ValueError):
            stream.flush()
