"""Settings: what a project says of itself under ``[tool.lwprof]`` in its ``pyproject.toml``.

``[tool.lwprof.networks]`` gives networks names: a model spec, or a table with ``spec`` and what else
belongs to the network (``input_size``, ``inputs``, ``weights``). Paths are relative to the file.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lwprof import aliases, catalog, specs
from lwprof.errors import InputError

FILE = "pyproject.toml"
SETTINGS = ("networks",)
_NAME = re.compile(r"[^\W\d][\w-]*")
_KEYS = ("spec", "input_size", "inputs", "weights", "title")


@dataclass(frozen=True, slots=True)
class ProjectNetwork:
    """A network that a project has given a name."""

    name: str
    spec: str
    """As it is written; its paths are relative to ``folder``."""
    folder: Path
    """Where the project's file lies."""
    input_sizes: tuple[specs.Size, ...] = ()
    inputs: str = ""
    """The function that makes the inputs; empty where sizes describe them."""
    weights: str = ""
    """File of weights; empty for random ones."""
    title: str = ""

    def parsed(self) -> specs.Spec:
        """Its spec taken apart, the path of a file found from the current folder."""
        return specs.parse(self.spec).under(self.folder)


def networks(folder: Path | None = None) -> Mapping[str, ProjectNetwork]:
    """Networks by name of the project that ``folder``, by default the current one, belongs to.

    Raises:
        InputError: the file cannot be read, or says something impossible; the message names file and setting.
    """
    found = _project(folder)
    if found is None:
        return {}
    file, table = found
    where = _short(file)
    named = table.get("networks", {})
    if not isinstance(named, dict):
        raise InputError(f"{where}: [tool.lwprof.networks] must be a table of names")
    taken = _taken()
    networks: dict[str, ProjectNetwork] = {}
    for name, value in named.items():
        plain = specs.plain(name)
        label = f"{where}: network {name!r}"
        if not _NAME.fullmatch(name):
            raise InputError(f"{label}: a name is made of letters, digits, '_' and '-'")
        if plain in taken:
            raise InputError(f"{label}: that name is {taken[plain]}; choose another")
        taken[plain] = "given twice"
        networks[name] = _network(name, value, file.parent, label)
    return networks


def _project(folder: Path | None) -> tuple[Path, dict[str, Any]] | None:
    """The nearest file upwards that has settings for lwprof, and those."""
    try:
        start = Path.cwd() if folder is None else folder.resolve()
    except OSError:  # the folder is gone
        return None
    for place in (start, *start.parents):
        file = place / FILE
        try:
            text = file.read_text(encoding="utf-8") if file.is_file() else ""
            tool = tomllib.loads(text).get("tool", {}) if "lwprof" in text else {}
        except OSError as error:
            raise InputError(f"cannot read {_short(file)}: {error.strerror or error}") from error
        except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise InputError(f"{_short(file)} is not TOML: {error}") from error
        table = tool.get("lwprof") if isinstance(tool, dict) else None
        if table is None:
            continue
        if not isinstance(table, dict):
            raise InputError(f"{_short(file)}: [tool.lwprof] must be a table")
        _check_keys(table, SETTINGS, f"{_short(file)}: [tool.lwprof]")
        return file, table
    return None


def _taken() -> dict[str, str]:
    """Names that a project cannot give, and what they are already."""
    names = dict.fromkeys(map(specs.plain, catalog.names()), "a network of the catalogue already")
    names |= {name: f"{alias.spec} already" for name, alias in aliases.entries().items()}
    return names | dict.fromkeys(specs.LIBRARIES, "a library's")


def _network(name: str, value: Any, folder: Path, label: str) -> ProjectNetwork:
    table = {"spec": value} if isinstance(value, str) else value
    if not isinstance(table, dict) or not isinstance(table.get("spec"), str):
        raise InputError(f'{label}: write a model spec such as "net.py:TinyNet", or a table with spec = "…"')
    _check_keys(table, _KEYS, label)
    for key in ("inputs", "weights", "title"):
        if not isinstance(table.get(key, ""), str):
            raise InputError(f"{label}: {key} must be a string, not {table[key]!r}")
    try:
        specs.parse(table["spec"])
        sizes = _sizes(table.get("input_size", []))
    except InputError as error:
        raise InputError(f"{label}: {error}") from error
    rest = {key: table[key] for key in ("inputs", "weights", "title") if key in table}
    return ProjectNetwork(name, table["spec"], folder, sizes, **rest)


def _sizes(value: Any) -> tuple[specs.Size, ...]:
    """Sizes of inputs: one as a string or as numbers, or a list of those."""
    if isinstance(value, str):
        return (specs.input_size(value),)
    if isinstance(value, list) and value and all(isinstance(side, int) for side in value):
        return (specs.input_size(",".join(map(str, value))),)
    if isinstance(value, list):
        return tuple(size for item in value for size in _sizes(item))
    raise InputError(f'input_size must be written as "3x224x224", not {value!r}')


def _check_keys(table: Mapping[str, Any], known: Iterable[str], label: str) -> None:
    for key in table:
        if key not in known:
            hint = specs.near(key, known) or f"; there is {', '.join(known)}"
            raise InputError(f"{label}: unknown setting {key!r}{hint}")


def _short(file: Path) -> str:
    relative = os.path.relpath(file)
    return str(file) if relative.startswith("..") else relative
