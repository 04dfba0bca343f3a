"""What can go wrong, and the exit code that each kind of failure has on the command line."""

from __future__ import annotations

INTERRUPTED = 130
"""Exit code of a command that Ctrl-C ended, as shells have it."""


class LwprofError(Exception):
    """An expected failure: its text is one line that names the value and says what to do."""

    exit_code = 4


class InputError(LwprofError):
    """The request or the input was wrong: an unknown network, a bad file, an impossible option."""

    exit_code = 2


class BackendError(LwprofError):
    """A backend or device is not available, or computes something else than torch."""

    exit_code = 3


def first_line(error: BaseException) -> str:
    r"""Describe a foreign exception in one line.

    >>> first_line(ValueError("too small\n(details)"))
    'ValueError: too small'
    """
    text = str(error).strip()
    return f"{type(error).__name__}: {text.splitlines()[0]}" if text else type(error).__name__
