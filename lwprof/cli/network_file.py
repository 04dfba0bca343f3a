"""Network file: what the Python file of a network says of itself, read without importing it (that imports torch)."""

from __future__ import annotations

import ast
import inspect
import re
from functools import cache
from pathlib import Path

from lwprof.models import catalog

PACKAGE = "lwprof.architectures."
_SECTION = re.compile(r"^([A-Z]\w+):[ \n]", re.MULTILINE)


def deviations(entry: catalog.Entry) -> list[str]:
    """Where the network is not what its paper prints, one sentence or more each."""
    return items(section(ast.get_docstring(_parsed(_file(entry))) or "", "Deviations"))


def block_summary(entry: catalog.Entry) -> str:
    """First paragraph of what the class of the building block says of itself; empty if it says nothing."""
    docstring = _class_docstring(_file(entry), entry.block)
    return _plain(docstring.partition("\n\n")[0]).rstrip(".")


def section(docstring: str, name: str) -> str:
    r"""Take one section out of the docstring of a network's file.

    >>> section("Net: a net.\n\nPaper: Who,\narXiv 1.\n\nDeviations:\n\n- none.", "Paper")
    'Who,\narXiv 1.'
    """
    parts = _SECTION.split(docstring)
    return dict(zip(parts[1::2], map(str.strip, parts[2::2]), strict=True)).get(name, "")


def items(text: str) -> list[str]:
    r"""Take a list apart; a text that is none is its only item.

    >>> items("- ReLU as in\n  the paper.\n- ``width`` is cut.")
    ['ReLU as in the paper.', 'width is cut.']
    >>> items("none known."), items("")
    (['none known.'], [])
    """
    return [_plain(item) for item in re.split(r"^[-*] ", text, flags=re.MULTILINE) if item.strip()]


def _plain(text: str) -> str:
    return " ".join(text.split()).replace("``", "")


def _class_docstring(file: Path, name: str) -> str:
    """Docstring of a class that ``file`` defines, or one of the networks' files that it imports from."""
    body = _parsed(file).body
    for item in body:
        if isinstance(item, ast.ClassDef) and item.name == name:
            return inspect.cleandoc(ast.get_docstring(item) or "")
    modules = [item.module or "" for item in body if isinstance(item, ast.ImportFrom)]
    files = [_path(module.removeprefix(PACKAGE)) for module in modules if module.startswith(PACKAGE)]
    return next(filter(None, (_class_docstring(file, name) for file in files)), "")


def _file(entry: catalog.Entry) -> Path:
    return _path(entry.builder.partition(":")[0])


def _path(module: str) -> Path:
    return catalog.folder() / f"{module.replace('.', '/')}.py"


@cache
def _parsed(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))
