"""Locations: the file and line of the class that a finding is about, where people wrote it themselves."""

from __future__ import annotations

import ast
import inspect
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

from lwprof.files import INSTALLED, LIBRARIES
from lwprof.models import Network, names, specs, user_code
from lwprof.results.audit import Finding, Location


def located(findings: Sequence[Finding], network: Network) -> tuple[Finding, ...]:
    """Give each finding the place of the class that its module is of.

    Where that is a library's, it is the class of the module around it, and so on; where there is none up to the
    network, it is the function that builds it. Only files in the current folder or below have places, since others
    are not part of the project and lie elsewhere on every machine. Whatever cannot be found stays without a place.
    """
    try:
        modules = dict(network.module.named_modules(remove_duplicate=False)) if network.module is not None else {}
    except Exception:  # people's own classes may do anything here
        modules = {}
    if not modules or not findings:
        return tuple(findings)
    builder = _builder(network.spec)
    places: dict[type, Location | None] = {}
    return tuple(replace(finding, location=_place(finding.module, modules, places) or builder) for finding in findings)


def _place(name: str, modules: Mapping[str, Any], places: dict[type, Location | None]) -> Location | None:
    """The place of the innermost module around ``name`` that has one."""
    for around in _outwards(name):
        kind = type(modules[around]) if around in modules else None
        if kind is not None and kind not in places:
            own = kind.__module__.partition(".")[0] not in LIBRARIES
            places[kind] = _defined(kind) if own else None
        if kind is not None and places[kind] is not None:
            return places[kind]
    return None


def _outwards(name: str) -> Iterator[str]:
    """A module's name and those around it, the network's own last.

    >>> list(_outwards("a.b"))
    ['a.b', 'a', '']
    """
    while name:
        yield name
        name = name.rpartition(".")[0]
    yield ""


def _defined(found: Any) -> Location | None:
    """Where a class or function is defined, at its own line rather than that of a decorator."""
    try:
        found = inspect.unwrap(found)
        file = _own(inspect.getsourcefile(found))
        lines, start = inspect.findsource(found)
        if lines[start].lstrip().startswith("@"):
            start = next(n for n in range(start, len(lines)) if re.match(r"\s*(class|def|async\s+def)\b", lines[n]))
    except Exception:  # made while running, typed into a notebook, packed, or gone
        return None
    return Location(file, start + 1) if file else None


def _own(file: str | None) -> str:
    """The path of a file from the current folder, if it is part of what lies there; else nothing."""
    if file is None:
        return ""
    path, folder = Path(file).resolve(), Path.cwd().resolve()
    if not path.is_file() or not path.is_relative_to(folder):
        return ""
    relative = path.relative_to(folder)
    return "" if not INSTALLED.isdisjoint(relative.parts) else relative.as_posix()


def _builder(spec: str) -> Location | None:
    """Where the function, class or module stands that a spec names, without running anything."""
    try:
        target = names.meaning(specs.parse(spec)).target
        module = _imported(target)
        if module is None:
            return None
        return _defined(user_code.find(module, target.name, target.place)) or _assigned(module, target.name)
    except Exception:  # no spec at all, or settings that have changed
        return None


def _imported(target: specs.Spec) -> ModuleType | None:
    """The module that a spec was found in."""
    if target.kind == "module":
        return sys.modules.get(target.place)
    if target.kind == "file":
        path = str(Path(target.place).resolve())
        return next((module for module in _user_modules() if getattr(module, "__file__", None) == path), None)
    return None


def _user_modules() -> list[ModuleType]:
    """What was imported from a file that a spec names, the latest first."""
    return [module for name, module in reversed(list(sys.modules.items())) if name.startswith("_lwprof_")]


def _assigned(module: ModuleType, name: str) -> Location | None:
    """Where a module's file gives ``name`` a value."""
    file = _own(module.__file__)
    if not file:
        return None
    for statement in ast.parse(Path(file).read_bytes()).body:
        targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
        if any(isinstance(target, ast.Name) and target.id == name for target in targets):
            return Location(file, statement.lineno)
    return None
