"""What can go wrong, and the exit code that each kind of failure has on the command line."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from numbers import Real

INTERRUPTED = 130
"""Exit code of a command that Ctrl-C ended, as shells have it."""


_TOO_LARGE = re.compile(
    "allocate memory|out of memory|bad_alloc|Storage size calculation overflowed|Overflow when unpacking"
)
"""What torch says where a tensor fits into no memory, or its size into no number."""


class LwprofError(Exception):
    """An expected failure: its text is one line that names the value and says what to do."""

    exit_code = 4


class InputError(LwprofError):
    """The request or the input was wrong: an unknown network, a bad file, an impossible option."""

    exit_code = 2


class BackendError(LwprofError):
    """A backend, device or library is not available, or computes something else than torch."""

    exit_code = 3


def check_positive(**given: object) -> None:
    """Refuse what is no number above 0; ``None`` stands for a default.

    Raises:
        InputError: it names the first.
    """
    for name, value in given.items():
        number = isinstance(value, Real) and not isinstance(value, bool)
        if value is not None and not (number and 0 < value < float("inf")):  # type: ignore[operator]
            raise InputError(f"{name} must be more than 0, not {f'{value:g}' if number else repr(value)}")


def check_share(name: str, value: object) -> None:
    """Refuse what is no number from 0 to 1.

    Raises:
        InputError: it names it.
    """
    number = isinstance(value, Real) and not isinstance(value, bool)
    if not (number and 0 <= value <= 1):  # type: ignore[operator]
        raise InputError(f"{name} must be a share from 0 to 1, not {f'{value:g}' if number else repr(value)}")


@contextmanager
def about(label: str) -> Iterator[None]:
    """Say in front of an error of the input what it is about.

    >>> with about("--select"):
    ...     raise InputError("unknown guideline 'H'")
    Traceback (most recent call last):
    lwprof.errors.InputError: --select: unknown guideline 'H'
    """
    try:
        yield
    except InputError as error:
        raise InputError(f"{label}: {error}") from error


def missing_memory(error: BaseException) -> str | None:
    """Say how much memory there was not; ``None`` if the error is about something else.

    >>> missing_memory(RuntimeError("can't allocate memory: you tried to allocate 60211200000 bytes."))
    'a tensor of 60 GB'
    """
    if not isinstance(error, MemoryError) and not _TOO_LARGE.search(_text(error)):
        return None
    asked = re.search(r"tried to allocate (\d+) bytes", _text(error))
    return f"a tensor of {int(asked[1]) / 1e9:,.0f} GB" if asked else sentence(error)


def described(error: BaseException) -> tuple[str, int]:
    """What to say of an error, and the exit code that it stands for.

    >>> described(InputError("no file net.py"))
    ('no file net.py', 2)
    >>> described(KeyError("width"))
    ("internal error: KeyError: 'width'", 4)
    """
    if isinstance(error, LwprofError):
        return str(error), error.exit_code
    if isinstance(error, SystemExit):
        return f"a network's own code ended the program: {first_line(error)}", InputError.exit_code
    if wanted := missing_memory(error):
        return f"network or input is too large for this machine's memory ({wanted})", InputError.exit_code
    return f"internal error: {first_line(error)}", LwprofError.exit_code


def first_line(error: BaseException) -> str:
    r"""Describe a foreign exception in one line.

    >>> first_line(ValueError("too small\n(details)"))
    'ValueError: too small'
    """
    return f"{type(error).__name__}: {sentence(error)}" if _text(error) else type(error).__name__


def sentence(error: BaseException) -> str:
    """The first line of what a foreign exception says, or its type where it says nothing."""
    text = _text(error)
    return text.splitlines()[0] if text else type(error).__name__


def _text(error: BaseException) -> str:
    try:
        return str(error).strip()
    except Exception:  # a class of somebody's own
        return ""


def near(word: str, known: Iterable[str]) -> str:
    """Say which of the ``known`` names ``word`` may mean; empty if none is close.

    In a mapping the values are the names to offer instead of its keys.

    >>> near("widht", ["width", "groups"])
    "; did you mean 'width'?"
    >>> near("mobilnet", {"mobilenet": "mbv1"})
    "; did you mean 'mbv1'?"
    """
    found = difflib.get_close_matches(word, list(known), n=1, cutoff=0.65)
    if not found:
        return ""
    return f"; did you mean {(known[found[0]] if isinstance(known, Mapping) else found[0])!r}?"
