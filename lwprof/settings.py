"""Settings: what a project says of itself under ``[tool.lwprof]`` in its ``pyproject.toml``."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from lwprof.errors import InputError, near
from lwprof.files import shown

FILE = "pyproject.toml"
SETTINGS = ("networks",)


def project(folder: Path | None = None) -> tuple[Path, Mapping[str, Any]] | None:
    """The nearest file upwards from ``folder``, by default the current one, that has settings, and those.

    Raises:
        InputError: the file cannot be read, or has a setting that does not exist.
    """
    try:
        start = Path.cwd() if folder is None else folder.resolve()
    except OSError:  # the folder is gone
        return None
    for place in (start, *start.parents):
        file = place / FILE
        try:
            content = file.read_bytes() if file.is_file() else b""
            tool = tomllib.loads(content.decode()).get("tool", {}) if b"lwprof" in content else {}
        except OSError as error:
            raise InputError(f"cannot read {shown(file)}: {error.strerror or error}") from error
        except (ValueError, RecursionError) as error:  # not text, not TOML, or a number or brackets without end
            raise InputError(f"{shown(file)} is not TOML: {error}") from error
        table = tool.get("lwprof") if isinstance(tool, dict) else None
        if table is None:
            continue
        if not isinstance(table, dict):
            raise InputError(f"{shown(file)}: [tool.lwprof] must be a table")
        check_keys(table, SETTINGS, f"{shown(file)}: [tool.lwprof]")
        return file, table
    return None


def check_keys(table: Mapping[str, object], known: Iterable[str], label: str) -> None:
    """Refuse what is not among the ``known`` settings of a table, which messages call ``label``.

    Raises:
        InputError: there is such a setting; the message names it.
    """
    for key in table:
        if key not in known:
            hint = near(key, known) or f"; there is {', '.join(known)}"
            raise InputError(f"{label}: unknown setting {key!r}{hint}")
