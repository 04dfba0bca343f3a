"""User code: import a person's own file or module and find a network in it."""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import importlib.util
import os
import sys
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

from lwprof.errors import BackendError, InputError, first_line, missing_memory, near, sentence
from lwprof.files import existing, shown
from lwprof.models import specs

_folders: list[Path] = []
"""Folders that user code was imported from, oldest first."""


def file_module(place: str) -> ModuleType:
    """Import a Python file under a name of its own, with its folder importable.

    A file that has not changed since it was last imported is not run again.

    Raises:
        InputError: the file is missing, or raises.
    """
    path = existing(place, "a Python file").resolve()
    try:
        status = path.stat()
        identity = f"{path}\0{status.st_mtime_ns}\0{status.st_size}".encode(errors="surrogateescape")
    except OSError as error:
        raise InputError(f"cannot read {place}: {error.strerror or error}") from error
    name = f"_lwprof_{path.stem}_{hashlib.sha256(identity).hexdigest()[:12]}"
    if name in sys.modules:
        return sys.modules[name]
    source = importlib.util.spec_from_file_location(name, path)
    if source is None or source.loader is None:
        raise InputError(f"{place} is not a Python file")
    module = importlib.util.module_from_spec(source)
    with _importable(path.parent), _import_errors(place, path):
        sys.modules[name] = module
        try:
            source.loader.exec_module(module)
        except BaseException:
            sys.modules.pop(name, None)
            raise
    return module


def named_module(name: str, folder: Path | None = None) -> ModuleType:
    """Import a module by its dotted name, with ``folder``, by default the current one, importable.

    Raises:
        InputError: there is no such module, or it raises.
    """
    folder = Path.cwd() if folder is None else folder
    with _importable(folder), _import_errors(f"module {name}", None):
        try:
            return importlib.import_module(name)
        except ModuleNotFoundError as error:
            if error.name is not None and (name == error.name or name.startswith(f"{error.name}.")):
                hint = "" if "." in name else f"; an option is written as {name}:NAME=VALUE"
                raise InputError(f"no module {error.name!r} here ({folder}) or installed{hint}") from error
            raise


def find(module: ModuleType, name: str, place: str) -> Any:
    """Look up a (dotted) name in a module.

    Raises:
        InputError: the module has no such name.
    """
    networks = _networks(module)
    listed = f"; it has {', '.join(networks)}" if networks else ""
    if not name:
        raise InputError(f"{place} is not a network by itself: write {place}:NAME{listed}")
    found: Any = module
    for part in name.split("."):
        try:
            found = getattr(found, part)
        except AttributeError:
            hint = near(name, [key for key in vars(module) if not key.startswith("_")])
            raise InputError(f"{place} has no {name!r}{hint or listed}") from None
    return found


def located(parsed: specs.Spec) -> Any:
    """Import what a spec names, be it in a file or in a module.

    Raises:
        InputError: it is not there, or its code raises when it is imported.
    """
    module = file_module(parsed.place) if parsed.kind == "file" else named_module(parsed.place, parsed.folder)
    return find(module, parsed.name, parsed.place)


def input_function(text: str, network: specs.Spec | None, folder: Path | None = None) -> tuple[Any, str]:
    """Find the function that makes inputs, and what to call it in a sentence.

    Args:
        text: its name in the file or module of ``network``, or FILE.py:NAME or pkg.mod:NAME.
        network: the spec whose inputs they are; ``None`` for a network without one.
        folder: what the path of a file is relative to; by default the current one.

    Raises:
        InputError: there is no such function.
    """
    own = network if network is not None and network.kind in ("file", "module") else None
    if ":" in text or text.endswith(".py"):
        parsed: specs.Spec | None = specs.parse(text) if folder is None else specs.parse(text).under(folder)
    else:
        parsed = None if own is None else replace(own, name=text, options={})
    if parsed is None or parsed.kind not in ("file", "module") or not parsed.name or parsed.options:
        here = "NAME, FILE.py:NAME" if own else "FILE.py:NAME"
        raise InputError(f"{text!r} names no function that makes inputs; write {here} or pkg.mod:NAME")
    function, label = located(parsed), f"{parsed.place}:{parsed.name}"
    if not callable(function):
        raise InputError(f"{label} is of type {type(function).__name__}, not a function that makes inputs")
    return function, label


def make(found: Any, options: Mapping[str, object], label: str) -> Any:
    """Make a network of a class, a function or a ready module.

    Raises:
        InputError: the code raises, or what comes out is not an ``nn.Module``.
    """
    from torch import nn

    if isinstance(found, nn.Module):
        if options:
            raise InputError(f"{label} is a ready module and takes no options such as {next(iter(options))!r}")
        return found
    if not callable(found):
        raise InputError(
            f"{label} is of type {type(found).__name__}, neither an nn.Module nor a function that makes one"
        )
    made = call(found, options, label)
    if not isinstance(made, nn.Module):
        raise InputError(f"{label} makes something of type {type(made).__name__}, not an nn.Module")
    return made


def call(builder: Any, options: Mapping[str, object], label: str, fails: str = "cannot be built") -> Any:
    """Call a builder; whatever it raises becomes a sentence, in which ``fails`` says what then does not happen.

    Raises:
        InputError: the builder refuses its options, or raises anything else.
    """
    try:
        return builder(**options)
    except (InputError, BackendError):
        raise
    except Exception as error:
        if wanted := missing_memory(error):
            raise InputError(f"{label} is too large for this machine's memory ({wanted})") from error
        if isinstance(error, TypeError | ValueError):
            told = [f"{key}={value!r}" for key, value in options.items()]
            given = f" with {', '.join(told)}" if told and not all(item in label for item in told) else ""
            why = sentence(error)
            for item in told:  # a value is named once
                why = why.removeprefix(f"{item}: ")
            raise InputError(f"{label} {fails}{given}: {why}") from error
        raise InputError(f"{label} {fails}: {first_line(error)}") from error
    except SystemExit as error:
        raise InputError(f"{label} {fails}: {first_line(error)}") from error


def _networks(module: ModuleType) -> list[str]:
    """Names of the networks that the module itself defines."""
    from torch import nn

    return [
        name
        for name, item in vars(module).items()
        if isinstance(item, nn.Module)
        or (isinstance(item, type) and issubclass(item, nn.Module) and item.__module__ == module.__name__)
    ]


@contextlib.contextmanager
def _import_errors(label: str, path: Path | None) -> Iterator[None]:
    """Turn whatever an import raises into one sentence with file and line."""
    try:
        yield
    except InputError:
        raise
    except SyntaxError as error:
        where = f"{shown(error.filename)}, line {error.lineno}" if error.filename else label
        raise InputError(f"cannot import {label}: {where}: {type(error).__name__}: {error.msg}") from error
    except (Exception, SystemExit) as error:
        frames = [frame for frame in traceback.extract_tb(error.__traceback__) if _foreign(frame.filename)]
        own = [frame for frame in frames if path is not None and frame.filename == str(path)]
        last = (own or frames)[-1:]
        where = "".join(f"{shown(frame.filename)}, line {frame.lineno}: " for frame in last)
        raise InputError(f"cannot import {label}: {where}{first_line(error)}") from error


def _foreign(filename: str) -> bool:
    return not filename.startswith("<") and filename != __file__


@contextlib.contextmanager
def _importable(folder: Path) -> Iterator[None]:
    """Put ``folder`` first on the import path, and last when done: late imports still find it.

    Modules of the same name that came from another user's folder make room first, so that two
    networks with a ``layers.py`` each get their own.
    """
    held: set[str] = set()
    with contextlib.suppress(OSError):  # what cannot be listed is not imported from either
        held.update(os.listdir(folder))
    for name, module in list(sys.modules.items()):
        top = name.partition(".")[0]
        if top == "lwprof" or held.isdisjoint((top, f"{top}.py")):
            continue
        if not ((folder / f"{top}.py").is_file() or (folder / top).is_dir()):
            continue
        origin = Path(getattr(module, "__file__", None) or "/")
        for other in _folders:
            if other != folder and (origin == other / f"{top}.py" or origin.is_relative_to(other / top)):
                sys.modules.pop(name, None)
    if folder not in _folders:
        _folders.append(folder)
    entry = str(folder)
    known = entry in sys.path
    sys.path.insert(0, entry)
    importlib.invalidate_caches()
    try:
        yield
    finally:
        with contextlib.suppress(ValueError):
            sys.path.remove(entry)
        if not known:
            sys.path.append(entry)
