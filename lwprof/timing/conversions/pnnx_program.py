"""The pnnx program: where it is, how it is run, and what it says when it fails."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import re
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from lwprof.errors import BackendError

LIMIT_S = 600.0
"""After which it is taken to hang; the largest networks take about a minute."""

_UNKNOWN = re.compile(r"Unknown builtin op: (\S+?)\.?$", re.MULTILINE)
_REASON = re.compile(
    r"(?:what\(\):|^\w*Error:|^ort CreateSession failed (?:\S+:\d+ .+?\) )?(?:Fatal error:)?)\s*(\S.*)$", re.MULTILINE
)


class UnknownOperatorError(BackendError):
    """A converter lacks an operator; ``operator`` is its name in torch."""

    def __init__(self, operator: str) -> None:
        super().__init__(f"pnnx does not know the operator {operator}")
        self.operator = operator


def program() -> Path:
    """The program that the Python package carries."""
    found = importlib.util.find_spec("pnnx")
    assert found is not None
    assert found.origin is not None
    return Path(found.origin).parent / ("pnnx.exe" if sys.platform == "win32" else "pnnx")


def run(arguments: Sequence[str], folder: Path, label: str, limit_s: float = LIMIT_S) -> str:
    """Run it in ``folder`` and give back what it printed; it ends with us, also at Ctrl-C.

    Raises:
        BackendError: it cannot be started, fails, is killed or hangs.
    """
    try:
        process = subprocess.Popen(
            [str(program()), *arguments],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C reaches us alone, and we end all that it started
            text=True,
            errors="replace",
        )
    except OSError as error:
        raise BackendError(f"pnnx cannot be started: {error.strerror or error}") from error
    with process:
        try:
            printed, _ = process.communicate(timeout=limit_s)
        except subprocess.TimeoutExpired as error:
            raise BackendError(
                f"pnnx did not finish converting {label} within {limit_s / 60:g} minutes and was ended"
            ) from error
        finally:
            _end(process)
    if process.returncode:
        raise _failure(process.returncode, printed, label)
    return printed


def _end(process: subprocess.Popen[str]) -> None:
    if process.poll() is not None:
        return
    if sys.platform == "win32":
        process.kill()
        return
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _failure(code: int, printed: str, label: str) -> BackendError:
    """What a failed run is reported as: its own reason, if it gave one."""
    if unknown := _UNKNOWN.search(printed):
        return UnknownOperatorError(unknown[1])
    if reasons := _REASON.findall(printed):
        return BackendError(f"pnnx cannot convert {label}: {reasons[-1].strip()}")
    if code < 0:
        return BackendError(f"pnnx was killed (signal {-code}) while it converted {label}")
    last = next((line.strip() for line in reversed(printed.splitlines()) if line.strip()), "")
    return BackendError(f"pnnx failed (exit code {code}) while it converted {label}{last and f': {last}'}")
