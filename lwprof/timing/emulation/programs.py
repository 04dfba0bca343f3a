"""Programs of the system: they are run one at a time, and say in one sentence why they failed."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from lwprof.errors import BackendError

FULL = re.compile("no space left on device|not enough free space|have enough free space|disk quota", re.IGNORECASE)
OFFLINE = re.compile(
    "temporary failure resolving|could not resolve|name resolution|newconnectionerror|failed to establish|"
    "connection refused|connection timed out|connecttimeout|could not connect|cannot initiate the connection|"
    "network is unreachable|no route to host|max retries exceeded",
    re.IGNORECASE,
)
TOLD = re.compile(r"(?:E|W|ERROR|error|\w*Error|dpkg[\w-]*: error|/bin/sh): *(?P<reason>.+)")

AGAIN = "the same command goes on from where it was"


def run(
    arguments: Sequence[str | Path],
    *,
    environment: Mapping[str, str] | None = None,
    line: Callable[[str], None] | None = None,
) -> str:
    """Run a program to its end and return what it wrote, on standard error as well.

    Args:
        arguments: the program and what it is given.
        environment: all variables that it gets; by default ours, but for the language.
        line: is called with every line as it comes.

    Raises:
        BackendError: it cannot be run, or it failed.
    """
    name = Path(arguments[0]).name
    try:
        process = subprocess.Popen(
            [str(argument) for argument in arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env=untranslated() if environment is None else environment,
        )
    except OSError as error:
        raise BackendError(f"{name} cannot be run: {error.strerror or error}") from error
    lines = []
    assert process.stdout is not None
    with process.stdout:
        try:
            for text in process.stdout:
                lines.append(text)
                if line is not None:
                    line(text.rstrip("\n"))
            code = process.wait()
        except BaseException:
            process.terminate()
            process.wait()
            raise
    written = "".join(lines)
    if code:
        raise BackendError(reason(name, code, written))
    return written


def untranslated() -> dict[str, str]:
    """Our variables, with which programs say in English what they have to say."""
    return os.environ | {"LC_ALL": "C"}


def reason(name: str, code: int, written: str) -> str:
    r"""Say in one sentence why a program failed.

    >>> reason("apt-get", 100, "W: Failed to fetch http://a/b  Temporary failure resolving 'a'\nE: Some index files")
    "there is no connection (Temporary failure resolving 'a'); the same command goes on from where it was"
    >>> reason("dpkg", 2, "dpkg-deb: error: failed to write (No space left on device)")
    'there is no space left (failed to write (No space left on device))'
    >>> reason("pip", 1, "ERROR: No matching distribution found for ncnn==7"), reason("dpkg", -9, "")
    ('pip failed: No matching distribution found for ncnn==7', 'dpkg failed: it was ended by signal 9')
    """
    lines = [text.strip() for text in written.splitlines() if text.strip()]
    for pattern, meaning, advice in (
        (FULL, "there is no space left", ""),
        (OFFLINE, "there is no connection", f"; {AGAIN}"),
    ):
        if found := next((text for text in lines if pattern.search(text)), None):
            return f"{meaning} ({_plain(found)}){advice}"
    told = [text for text in lines if TOLD.match(text)]
    if told:
        return f"{name} failed: {_plain(told[-1])}"
    if code < 0:
        return f"{name} failed: it was ended by signal {-code}"
    return f"{name} failed: {lines[-1] if lines else f'exit code {code}'}"


def _plain(text: str) -> str:
    """Leave out of a line who says it, and of which address; what the system says is enough."""
    if system := re.search(r"\[Errno -?\d+\] ([\w ,.-]+)", text):
        return system[1].strip()
    found = TOLD.match(text)
    return re.sub(r"^Failed to fetch \S+ +", "", found["reason"] if found else text).strip()
