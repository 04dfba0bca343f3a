"""Settings: what a project says of itself in ``lwprof.toml``, or under ``[tool.lwprof]`` in its ``pyproject.toml``."""

from __future__ import annotations

import contextlib
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lwprof.errors import InputError, near
from lwprof.files import existing, shown

FILE = "lwprof.toml"
PYPROJECT = "pyproject.toml"
TABLES = ("networks", "audit")


@dataclass(frozen=True, slots=True)
class Settings:
    """What one file says."""

    file: Path
    table: Mapping[str, Any]

    def name(self, *keys: str) -> str:
        """A table's name in the file.

        >>> Settings(Path("pyproject.toml"), {}).name("audit"), Settings(Path("lwprof.toml"), {}).name("audit")
        ('tool.lwprof.audit', 'audit')
        """
        above = ("tool", "lwprof") if self.file.name == PYPROJECT else ()
        return ".".join(map(_key, (*above, *keys)))

    def heading(self, *keys: str) -> str:
        """File and table, as sentences begin with them: ``pyproject.toml: [tool.lwprof.audit]``."""
        name = self.name(*keys)
        return f"{shown(self.file)}: [{name}]" if name else shown(self.file)

    def section(self, name: str, what: str = "a table") -> Mapping[str, Any]:
        """One of the tables; empty where the file has none.

        Raises:
            InputError: it is no table; the message says ``what`` it should be.
        """
        found = self.table.get(name, {})
        if not isinstance(found, dict):
            raise InputError(f"{self.heading(name)} must be {what}")
        return found


_chosen: ContextVar[Settings | None] = ContextVar("chosen", default=None)


@contextlib.contextmanager
def choose(settings: Settings | None) -> Iterator[None]:
    """Let the project be what these settings say, wherever the current folder is; with ``None`` nothing changes."""
    token = _chosen.set(settings or _chosen.get())
    try:
        yield
    finally:
        _chosen.reset(token)


def project(folder: Path | None = None) -> Settings | None:
    """The settings that were chosen, else those of the nearest file upwards that has some.

    Args:
        folder: where to begin; by default what was chosen counts, and then the current folder.

    Raises:
        InputError: the file cannot be read, has a setting that does not exist, or is one of two in a folder.
    """
    if folder is None and (chosen := _chosen.get()) is not None:
        return chosen
    try:
        start = Path.cwd() if folder is None else folder.resolve()
    except OSError:  # the folder is gone
        return None
    for place in (start, *start.parents):
        found = [settings for name in (FILE, PYPROJECT) if (settings := _settings(place / name)) is not None]
        if len(found) == 2:
            own, other = found
            raise InputError(f"both {shown(own.file)} and {other.heading()} have settings; keep one of the two")
        if found:
            return found[0]
    return None


def read(file: str | Path) -> Settings:
    """The settings in a certain file: below ``[tool.lwprof]`` if it is a ``pyproject.toml``, else at its top.

    Raises:
        InputError: the file is missing, cannot be read, has no settings, or one that does not exist.
    """
    path = existing(file, "a file of settings")
    found = _settings(path)
    if found is None:
        raise InputError(f"{shown(path)} has no [tool.lwprof]")
    return found


def check_keys(table: Mapping[str, object], known: Iterable[str], label: str) -> None:
    """Refuse what is not among the ``known`` settings of a table, which messages call ``label``.

    Raises:
        InputError: there is such a setting; the message names it.
    """
    for key in table:
        if key not in known:
            hint = near(key, known) or f"; there is {', '.join(known)}"
            raise InputError(f"{label}: unknown setting {key!r}{hint}")


def _settings(file: Path) -> Settings | None:
    """What a file says; ``None`` if it is not there, or a ``pyproject.toml`` that is not about lwprof."""
    shared = file.name == PYPROJECT
    try:
        if not file.is_file():
            return None
        content = file.read_bytes()
        if shared and b"lwprof" not in content:
            return None
        table: Any = tomllib.loads(content.decode())
    except OSError as error:
        raise InputError(f"cannot read {shown(file)}: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:  # not text, not TOML, or a number or brackets without end
        raise InputError(f"{shown(file)} is not TOML: {error}") from error
    if shared:
        tool = table.get("tool")
        table = tool.get("lwprof") if isinstance(tool, dict) else None
        if table is None:
            return None
    settings = Settings(file, table)
    if not isinstance(table, dict):
        raise InputError(f"{settings.heading()} must be a table")
    if not shared and "tool" in table:
        raise InputError(f"{shown(file)}: write [audit] for [tool.lwprof.audit]; only {PYPROJECT} has [tool]")
    check_keys(table, TABLES, settings.heading())
    return settings


def _key(key: str) -> str:
    """A part of a table's name as TOML writes it."""
    return key if re.fullmatch(r"[\w-]+", key, re.ASCII) else f'"{key}"'
