"""Parts of an installation: each is there whole or not at all, and says which versions it holds."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from lwprof.errors import BackendError

RECORD = "installed.json"
"""In each part: the versions of what it holds."""
LOCK = ".lock"
"""How the name of a file ends that stands beside the folder: whoever installs there holds it."""


@contextlib.contextmanager
def part(place: Path, name: str) -> Iterator[tuple[Path, dict[str, str]]]:
    """Give a folder for a part and the versions to fill in; it takes its place when all went well."""
    new, versions = place / f".{name}", dict[str, str]()
    new.mkdir()
    yield new, versions
    (new / RECORD).write_text(json.dumps(versions), encoding="utf-8")
    if (place / name).exists():
        os.replace(place / name, place / f".{name}-before")
    os.replace(new, place / name)
    shutil.rmtree(place / f".{name}-before", ignore_errors=True)


def record(folder: Path) -> dict[str, str]:
    """Versions of what a part holds; none if it is not there."""
    try:
        found = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


@contextlib.contextmanager
def alone(place: Path, report: Callable[[str], None] | None) -> Iterator[None]:
    """Hold the folder; wait for whoever holds it, and say so.

    Raises:
        BackendError: somebody holds it, and nobody is to be told of waiting.
    """
    import fcntl

    place.parent.mkdir(parents=True, exist_ok=True)
    with open(place.with_name(place.name + LOCK), "a", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if report is None:
                raise BackendError(f"somebody is installing in {place} at the moment") from error
            report(f"another process is installing in {place}; waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
