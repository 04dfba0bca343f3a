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
from typing import TextIO

DESCRIPTORS = (1, 2)
"""Of standard output and standard error."""


@contextmanager
def silence() -> Iterator[None]:
    """Hold back warnings, log records, and all that is written to standard output and error."""
    disabled = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings(), _descriptors_held(), _streams_held():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(disabled)


@contextmanager
def _descriptors_held() -> Iterator[None]:
    """Lead what native code and other processes write nowhere."""
    kept: dict[int, int] = {}
    _flush()
    sink = os.open(os.devnull, os.O_WRONLY)
    try:
        for descriptor in DESCRIPTORS:
            with contextlib.suppress(OSError):  # a closed one stays closed
                kept[descriptor] = os.dup(descriptor)
                os.dup2(sink, descriptor)
        yield
    finally:
        _flush()
        for descriptor, copy in kept.items():
            os.dup2(copy, descriptor)
            os.close(copy)
        os.close(sink)


@contextmanager
def _streams_held() -> Iterator[None]:
    """Hold back what is written in Python: in a notebook its streams lead elsewhere than to the descriptors."""
    output, error = _Held(sys.stdout), _Held(sys.stderr)
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(error):
        try:
            yield
        finally:
            output.holds = error.holds = False


class _Held(io.TextIOBase):
    """Drops what is written, and later hands it on: a logger that a library makes meanwhile keeps this stream."""

    def __init__(self, stream: TextIO | None) -> None:
        self.holds = True
        self._stream = stream  # there is none in a program without a console

    def write(self, text: str) -> int:
        return len(text) if self.holds or self._stream is None else self._stream.write(text)

    def flush(self) -> None:
        if not self.holds and self._stream is not None:
            self._stream.flush()

    def fileno(self) -> int:
        return super().fileno() if self._stream is None else self._stream.fileno()

    def writable(self) -> bool:
        return True


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, OSError, ValueError):
            stream.flush()
