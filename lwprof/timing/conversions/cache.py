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
from dataclasses import dataclass, replace
from pathlib import Path

from lwprof import __version__
from lwprof.files import folder_bytes
from lwprof.timing.contract import Conversion, Source
from lwprof.timing.portable.clock import Clock

VARIABLE = "LWPROF_CACHE"
MANIFEST = "manifest.json"
FOLDER = "conversions"
UNFINISHED = "."
"""How the name of an entry begins that is being written; a process that was killed leaves such."""

COMPILED = "inductor"
"""Folder in which torch's compiler keeps what it made."""

CEILINGS = "ceilings.json"
"""File of what machines attain at best."""

MOST_BYTES = 2 * 10**9
"""That are kept; a MobileNetV2 takes 14 million."""


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
    """Where conversions are kept: ``$LWPROF_CACHE``, else lwprof's folder in the user's cache directory.

    That is ``~/Library/Caches`` on macOS, ``%LOCALAPPDATA%`` on Windows, elsewhere ``$XDG_CACHE_HOME`` or ``~/.cache``.
    Nobody has to make the folder, and it can be removed at any time.
    """
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
        json.dumps([__version__, conversion.name, sorted(conversion.versions.items()), source.content]).encode(),
        digest_size=20,
    ).hexdigest()
    place = cache_folder() / FOLDER / key
    if (kept := _kept(place)) is not None:
        yield kept
        return
    with tempfile.TemporaryDirectory(prefix="lwprof-", ignore_cleanup_errors=True) as temporary:
        folder = Path(temporary)
        start = clock.now()
        conversion.write(source, folder)
        made = clock.now() - start
        try:
            if (kept := _kept(place)) is None:  # else another process was quicker
                kept = _keep(folder, place, made)
        except OSError as error:
            reason = f"the conversion is not kept in {cache_folder()}: {error.strerror or error}"
            yield Converted(folder, made, False, folder_bytes(folder), reason)
            return
        yield replace(kept, seconds=made, cached=False)


def contents() -> tuple[int, int]:
    """Count the conversions that are kept, and the bytes of all that is."""
    entries = _entries()
    return len(entries), sum(folder_bytes(entry) for entry in [*entries, cache_folder() / COMPILED]) + _ceilings_bytes()


def clear() -> tuple[int, int]:
    """Remove all that is kept; how many conversions those were, and the bytes of everything."""
    found = contents()
    for entry in [*_entries(), cache_folder() / COMPILED]:
        shutil.rmtree(entry, ignore_errors=True)
    with contextlib.suppress(OSError):
        (cache_folder() / CEILINGS).unlink()
    left = contents()
    return found[0] - left[0], found[1] - left[1]


def compiled_folder() -> tuple[Path, bool]:
    """The folder for torch's compiler; also whether it had grown beyond :data:`MOST_BYTES` and was emptied."""
    folder = cache_folder() / COMPILED
    if full := folder_bytes(folder) > MOST_BYTES:
        shutil.rmtree(folder, ignore_errors=True)
    return folder, full


def _entries() -> list[Path]:
    with contextlib.suppress(OSError):
        return [path for path in (cache_folder() / FOLDER).iterdir() if path.is_dir()]
    return []


def _ceilings_bytes() -> int:
    with contextlib.suppress(OSError):
        return (cache_folder() / CEILINGS).stat().st_size
    return 0


def _kept(place: Path) -> Converted | None:
    """An entry whose files are as they were written."""
    try:
        manifest = json.loads((place / MANIFEST).read_text(encoding="utf-8"))
        files = {str(name): str(digest) for name, digest in manifest["files"].items()}
        if any(_digest(place / name) != digest for name, digest in files.items()):
            return None
        found = Converted(place, float(manifest["seconds"]), True, sum((place / name).stat().st_size for name in files))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    with contextlib.suppress(OSError):
        os.utime(place)  # it is used
    return found


def _keep(folder: Path, place: Path, seconds: float) -> Converted:
    """Put new files in the place of an entry, whole or not at all.

    Raises:
        OSError: they cannot be written there, or are not what was written.
    """
    place.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=place.parent))
    try:
        files = {path.name: path for path in sorted(folder.iterdir())}
        for name, path in files.items():
            shutil.copyfile(path, beside / name)
        manifest = {"seconds": seconds, "files": {name: _digest(path) for name, path in files.items()}}
        (beside / MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")
        if place.is_dir():
            shutil.rmtree(place)
        else:
            place.unlink(missing_ok=True)
        os.replace(beside, place)
    except OSError:
        if (kept := _kept(place)) is not None:  # by another process at the same time
            return kept
        raise
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    if (kept := _kept(place)) is None:
        raise OSError("the disk gives back something else than was written")
    _make_room(place)
    return kept


def _make_room(latest: Path) -> None:
    """Remove entries until the others take no more than :data:`MOST_BYTES`, those first that were used longest ago."""
    with contextlib.suppress(OSError):
        sizes = {entry: folder_bytes(entry) for entry in sorted(_entries(), key=lambda entry: entry.stat().st_mtime)}
        room = MOST_BYTES - sizes.pop(latest, 0)
        for entry, size in reversed(sizes.items()):
            room -= size
            if room < 0:
                shutil.rmtree(entry, ignore_errors=True)


def _digest(path: Path) -> str:
    with path.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
