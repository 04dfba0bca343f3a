"""Projects: the networks that ``[networks]`` in a project's :mod:`settings <lwprof.settings>` gives names.

A name stands for a model spec, or for a table with ``spec`` and what else belongs to the network
(``input_size``, ``inputs``, ``weights``, ``title``). Paths are relative to the file.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lwprof import settings
from lwprof.errors import InputError, about
from lwprof.files import shown
from lwprof.models import aliases, catalog, specs

_NAME = re.compile(r"[^\W\d][\w-]*")
_TEXTS = ("inputs", "weights", "title")
_KEYS = ("spec", "input_size", *_TEXTS)


@dataclass(frozen=True, slots=True)
class ProjectNetwork:
    """A network that a project has given a name."""

    name: str
    spec: str
    """As it is written; its paths are relative to ``folder``."""
    label: str
    """What a sentence about it begins with."""
    file: Path
    """The file that names it."""
    input_sizes: tuple[specs.Size, ...] = ()
    inputs: str = ""
    """The function that makes the inputs; empty where sizes describe them."""
    weights: str = ""
    """File of weights; empty for random ones."""
    title: str = ""

    @property
    def folder(self) -> Path:
        """Where that file lies."""
        return self.file.parent

    def parsed(self) -> specs.Spec:
        """Its spec taken apart, the path of a file found from the current folder."""
        return specs.parse(self.spec).under(self.folder)


def networks(folder: Path | None = None) -> Mapping[str, ProjectNetwork]:
    """Networks by name of the project that ``folder`` belongs to; by default of the current project.

    Raises:
        InputError: the file cannot be read, or says something impossible; the message names file and setting.
    """
    found = settings.project(folder)
    if found is None:
        return {}
    named = found.section("networks", "a table of names")
    taken = _taken()
    networks: dict[str, ProjectNetwork] = {}
    for name, value in named.items():
        plain = specs.plain(name)
        label = f"{shown(found.file)}: network {name!r}"
        if not _NAME.fullmatch(name):
            raise InputError(f"{label}: a name is made of letters, digits, '_' and '-'")
        if plain in taken:
            raise InputError(f"{label}: that name is {taken[plain]}; choose another")
        taken[plain] = "given twice"
        networks[name] = _network(name, value, label, found.file)
    return networks


def _taken() -> dict[str, str]:
    """Names that a project cannot give, and what they are already."""
    names = dict.fromkeys(map(specs.plain, catalog.names()), "a network of the catalogue already")
    names |= {name: f"{alias.spec} already" for name, alias in aliases.entries().items()}
    return names | dict.fromkeys(specs.LIBRARIES, "a library's")


def _network(name: str, value: Any, label: str, file: Path) -> ProjectNetwork:
    table = {"spec": value} if isinstance(value, str) else value
    if not isinstance(table, dict) or not isinstance(table.get("spec"), str):
        raise InputError(f'{label}: write a model spec such as "net.py:TinyNet", or a table with spec = "…"')
    settings.check_keys(table, _KEYS, label)
    texts = {key: table[key] for key in _TEXTS if key in table}
    for key, text in texts.items():
        if not isinstance(text, str):
            raise InputError(f"{label}: {key} must be a string, not {text!r}")
    if texts.get("inputs") and table.get("input_size"):
        raise InputError(f"{label}: give either inputs or input_size, not both")
    with about(label):
        specs.parse(table["spec"])
        sizes = _sizes(table.get("input_size", []))
    return ProjectNetwork(name, table["spec"], label, file, sizes, **texts)


def _sizes(value: Any) -> tuple[specs.Size, ...]:
    """Sizes of inputs: one as a string or as numbers, or a list of those."""
    if isinstance(value, list) and not (value and all(isinstance(side, int) for side in value)):
        return tuple(map(_size, value))
    return (_size(value),)


def _size(value: Any) -> specs.Size:
    if isinstance(value, list) and all(isinstance(side, int) for side in value):
        return specs.input_size(",".join(map(str, value)))
    if isinstance(value, str):
        return specs.input_size(value)
    raise InputError(f'input_size must be written as "3x224x224", or a list of such, not {value!r}')
