"""The cache of conversions: folders named by the hash of what was converted and by what, with hashes of their files."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from lwprof.timing.clock import Clock
from lwprof.timing.contract import Conversion, Source

VARIABLE = "LWPROF_CACHE"
MANIFEST = "manifest.json"
FOLDER = "conversions"


@dataclass(frozen=True, slots=True)
class Converted:
    """The files of a conversion."""

    folder: Path
    seconds: float
    """That the conversion took, when it was made."""
    cached: bool
    size_bytes: int
    warning: str = ""
    """Why it is not kept."""


def cache_folder() -> Path:
    """Where conversions are kept: ``$LWPROF_CACHE``, else lwprof's folder in the user's cache directory."""
    if given := os.environ.get(VARIABLE):
        return Path(given)
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "lwprof"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local")) / "lwprof" / "Cache"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lwprof"


@contextmanager
def converted(conversion: Conversion, source: Source, clock: Clock) -> Iterator[Converted]:
    """Give the files of a conversion until the context ends: those that are kept, or new ones, which then are.

    A kept entry that is not whole is made anew. Where nothing can be kept, the files are temporary, with a warning.

    Raises:
        BackendError: what :attr:`Conversion.write` raises.
    """
    key = hashlib.blake2b(
        json.dumps([conversion.name, sorted(conversion.versions.items()), source.content]).encode(), digest_size=20
    ).hexdigest()
    place = cache_folder() / FOLDER / key
    if (kept := _kept(place)) is not None:
        yield kept
        return
    with tempfile.TemporaryDirectory(prefix="lwprof-") as temporary:
        folder = Path(temporary)
        start = clock.now()
        conversion.write(source, folder)
        made = clock.now() - start
        try:
            _keep(folder, place, made)
        except OSError as error:
            size = sum(path.stat().st_size for path in folder.iterdir())
            reason = f"the conversion is not kept in {cache_folder()}: {error.strerror or error}"
            yield Converted(folder, made, False, size, reason)
            return
    kept = _kept(place)
    assert kept is not None
    yield Converted(kept.folder, made, False, kept.size_bytes)


def contents() -> tuple[int, int]:
    """Count the conversions that are kept, and their bytes."""
    entries = _entries()
    return len(entries), sum(_size(entry) for entry in entries)


def clear() -> tuple[int, int]:
    """Remove all conversions that are kept; how many those were, and their bytes."""
    found = contents()
    for entry in _entries():
        shutil.rmtree(entry, ignore_errors=True)
    left = contents()
    return found[0] - left[0], found[1] - left[1]


def _entries() -> list[Path]:
    with contextlib.suppress(OSError):
        return [path for path in (cache_folder() / FOLDER).iterdir() if path.is_dir()]
    return []


def _size(entry: Path) -> int:
    total = 0
    for path in entry.rglob("*"):
        with contextlib.suppress(OSError):
            total += path.stat().st_size
    return total


def _kept(place: Path) -> Converted | None:
    """An entry whose files are as they were written."""
    try:
        manifest = json.loads((place / MANIFEST).read_text(encoding="utf-8"))
        files = {str(name): str(digest) for name, digest in manifest["files"].items()}
        if any(_digest(place / name) != digest for name, digest in files.items()):
            return None
        size = sum((place / name).stat().st_size for name in files)
        return Converted(place, float(manifest["seconds"]), True, size)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _keep(folder: Path, place: Path, seconds: float) -> None:
    """Put new files in the place of an entry, whole or not at all."""
    place.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(prefix=".", dir=place.parent))
    try:
        files = {path.name: path for path in sorted(folder.iterdir())}
        for name, path in files.items():
            shutil.copyfile(path, beside / name)
        manifest = {"seconds": seconds, "files": {name: _digest(path) for name, path in files.items()}}
        (beside / MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(place)
        os.replace(beside, place)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _digest(path: Path) -> str:
    with path.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
