"""Files: written whole or not at all, and named as briefly as can be."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import tempfile
from collections.abc import Mapping
from pathlib import Path

from lwprof.errors import InputError

LIBRARIES = frozenset({"lwprof", "torch"})
"""Packages whose code nobody who looks at a network has written."""
INSTALLED = frozenset({"site-packages", "dist-packages"})
"""Folders of packages; code in them is not to be changed."""


def write_whole(path: str | Path, text: str) -> None:
    r"""Write ``text`` beside ``path`` and move it there, so that no half-written file is ever seen.

    What is no text, as in names of files in another encoding, is written as ``\udcff``, which JSON reads back.

    Raises:
        InputError: the place cannot be written.
    """
    target = Path(path)
    temporary = None
    try:
        if target.is_dir():
            raise IsADirectoryError(21, "Is a directory")
        if target.exists() and not target.is_file():  # a device or pipe cannot be replaced
            target.write_text(text, encoding="utf-8", errors="backslashreplace")
            return
        place = Path(os.path.realpath(target))  # a link stays a link: what it points to is replaced
        handle, temporary = tempfile.mkstemp(dir=place.parent, prefix=f".{place.name}.")
        with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace", newline="") as file:
            file.write(text)
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(temporary, (target.stat().st_mode & 0o777) if target.exists() else 0o666 & ~umask)
        os.replace(temporary, place)
        temporary = None
    except OSError as error:
        raise InputError(f"cannot write {target}: {error.strerror or error}") from error
    finally:
        if temporary is not None:
            with contextlib.suppress(OSError):
                os.unlink(temporary)


def write_folder(path: str | Path, contents: Mapping[str, bytes]) -> None:
    """Write files by their names into a folder, made where it is missing; all are whole before the first is seen there.

    Raises:
        InputError: the place cannot be written.
    """
    target = Path(path)
    temporary = None
    try:
        temporary = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}."))
        for name, content in contents.items():
            (temporary / name).write_bytes(content)
        if target.exists():
            for name in contents:
                os.replace(temporary / name, target / name)
        else:
            umask = os.umask(0)
            os.umask(umask)
            os.chmod(temporary, 0o777 & ~umask)
            os.rename(temporary, target)
    except OSError as error:
        raise InputError(f"cannot write {target}: {error.strerror or error}") from error
    finally:
        if temporary is not None:
            shutil.rmtree(temporary, ignore_errors=True)


def existing(path: str | Path, what: str) -> Path:
    """Find a file that is to be read; ``what`` says in a message which kind of file it should be.

    Raises:
        InputError: there is none, it is a folder, or its folder cannot be read.
    """
    found = Path(path)
    try:
        folder = stat.S_ISDIR(found.stat().st_mode)
    except (FileNotFoundError, NotADirectoryError, ValueError) as error:  # a null byte is a wrong value
        raise InputError(f"no file {path}") from error
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from error
    if folder:
        raise InputError(f"{path} is a folder, not {what}")
    return found


def folder_bytes(folder: Path) -> int:
    """Bytes of all that lies in a folder; of a link, its own."""
    total = 0
    for path in folder.rglob("*"):
        with contextlib.suppress(OSError):
            total += path.lstat().st_size
    return total


def shown(path: str | Path) -> str:
    """A path as sentences name it: from the current folder where it lies in that, else in full."""
    try:
        relative = os.path.relpath(path)
    except (OSError, ValueError):  # the current folder is gone, or on another drive
        return str(path)
    return str(path) if relative.startswith("..") else relative
