"""What runs on boards: old Pythons read it, and it stands on nothing but itself and the runtimes."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import lwprof.timing.portable
from lwprof.timing.boards import connection

FOLDER = Path(lwprof.timing.portable.__file__).parent
PACKAGE = "lwprof.timing.portable"
MODULES = sorted(path.stem for path in FOLDER.glob("*.py") if path.stem != "__init__")
RUNTIMES = {"ncnn", "onnxruntime", "numpy"}

NEWER = {
    # Names of the standard library that Python 3.9 lacks.
    "tomllib", "pairwise", "StrEnum", "Self", "TypeAlias", "ParamSpec", "assert_never", "override", "batched",
    "ExceptionGroup", "chdir", "file_digest", "UTC", "add_note", "is_junction", "walk", "bit_count",
}  # fmt: skip

every_module = pytest.mark.parametrize("module", MODULES)


def tree(module: str) -> ast.Module:
    source = (FOLDER / f"{module}.py").read_text(encoding="utf-8")
    return ast.parse(source, feature_version=connection.OLDEST)


def imports(found: ast.AST) -> Iterator[str]:
    """What is imported anywhere, but for annotations."""
    if isinstance(found, ast.If) and ast.unparse(found.test) == "TYPE_CHECKING":
        return
    if isinstance(found, ast.Import):
        yield from (item.name for item in found.names)
    elif isinstance(found, ast.ImportFrom):
        assert found.level == 0
        base = str(found.module)
        yield from (f"{base}.{item.name}" for item in found.names) if base == PACKAGE else [base]
    for child in ast.iter_child_nodes(found):
        yield from imports(child)


def test_modules_are_found() -> None:
    assert {"agent", "blocks", "clock", "ncnn_network", "onnxruntime_network"} <= set(MODULES)


@every_module
def test_module_is_python_3_9(module: str) -> None:
    found = tree(module)
    assert connection.OLDEST == (3, 9)
    assert any(isinstance(node, ast.ImportFrom) and node.module == "__future__" for node in found.body)
    names = {getattr(node, "attr", getattr(node, "id", "")) for node in ast.walk(found)} | set(imports(found))
    assert names & NEWER == set()
    for node in ast.walk(found):
        if isinstance(node, ast.Call):
            keywords = {keyword.arg for keyword in node.keywords}
            called = ast.unparse(node.func)
            assert not (called == "zip" and "strict" in keywords), f"line {node.lineno}: strict is of Python 3.10"
            slots = keywords & {"slots", "kw_only"}
            assert not (called.endswith("dataclass") and slots), f"line {node.lineno}: {slots} is of Python 3.10"


@every_module
def test_unions_stand_in_annotations_only(module: str) -> None:
    """``int | None`` is evaluated by Python 3.9 everywhere else."""
    types = {"int", "str", "float", "bytes", "bool", "dict", "list", "tuple", "Path", "None"}
    found = tree(module)
    annotations = {
        id(part)
        for node in ast.walk(found)
        for kept in (getattr(node, "annotation", None), getattr(node, "returns", None))
        if kept is not None
        for part in ast.walk(kept)
    }
    unions = [
        node.lineno
        for node in ast.walk(found)
        if isinstance(node, ast.BinOp)
        and isinstance(node.op, ast.BitOr)
        and id(node) not in annotations
        and {ast.unparse(node.left).partition("[")[0], ast.unparse(node.right).partition("[")[0]} & types
    ]
    assert unions == []


@every_module
def test_module_stands_on_the_standard_library_its_siblings_and_runtimes(module: str) -> None:
    found = set(imports(tree(module))) - {"__future__"}
    siblings = {name for name in found if name.startswith(PACKAGE)}
    assert siblings <= {f"{PACKAGE}.{name}" for name in MODULES}
    outside = {name.partition(".")[0] for name in found - siblings}
    assert outside - sys.stdlib_module_names - RUNTIMES == set()


@every_module
def test_runtimes_are_imported_where_they_are_used(module: str) -> None:
    at_once = {name for node in tree(module).body if not isinstance(node, ast.FunctionDef | ast.ClassDef)
               for name in imports(node)}  # fmt: skip
    assert at_once & RUNTIMES == set()


@pytest.mark.slow
def test_siblings_do_not_import_each_other_in_circles() -> None:
    on = {
        name: {item.rpartition(".")[2] for item in imports(tree(name)) if item.startswith(PACKAGE)} for name in MODULES
    }
    while ends := [name for name, below in on.items() if not below & set(on)]:
        for name in ends:
            del on[name]
    assert on == {}


@pytest.mark.slow
def test_agent_comes_with_all_that_it_imports() -> None:
    """In a Python that sees nothing of lwprof, every module is there."""
    program = connection.source().decode().replace("agent.serve(sys.stdin.buffer)", "")
    assert "serve" in connection.source().decode()
    lines = [f"import {PACKAGE}.{name}" for name in MODULES]
    check = f"assert all(name.startswith({PACKAGE!r}) or name in ('lwprof', 'lwprof.timing') " \
        "for name in sys.modules if name.startswith('lwprof'))"  # fmt: skip
    script = "\n".join([program, *lines, check, "print('all there')"])
    done = subprocess.run([sys.executable, "-I", "-S", "-"], input=script, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("all there\n", "")
