"""House rules that hold for the whole tree."""

from __future__ import annotations

import re
import types
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("lwprof", "architectures", "reports")
FOLDERS = (*PACKAGES, "tests", "benchmarks", "docs", ".ci")
TEXT = {".py", ".toml", ".md", ".txt", ".csv", ".json", ".html", ""}
LINKED = {
    "arxiv.org",
    "doi.org",
    "github.com",
    "docs.pytorch.org",
    "pytorch.org",
    "keepachangelog.com",
    "semver.org",
    "ui.perfetto.dev",
    "127.0.0.1",  # servers of the tests
    "docs.oasis-open.org",
    "ports.ubuntu.com",  # where Ubuntu keeps what the emulator runs
}


def files(*folders: str, suffixes: set[str] = TEXT) -> list[Path]:
    """Text files of the tree, those at its top included when no folder is named."""
    top = [] if folders else list(ROOT.iterdir())
    inside = [path for folder in folders or FOLDERS for path in (ROOT / folder).rglob("*")]
    return [
        path
        for path in sorted(top + inside)
        if path.is_file() and path.suffix in suffixes and "__pycache__" not in path.parts and path.name != "LICENSE"
    ]


def found(pattern: str, paths: list[Path]) -> list[str]:
    """Every match with its place."""
    return [
        f"{path.relative_to(ROOT)}:{number}: {match}"
        for path in paths
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        for match in re.findall(pattern, line)
    ]


def test_no_path_of_one_machine():
    assert found(r"(?<![\w./{}~-])/(?:home|root|Users|work|mnt|opt)/[\w.-]+", files()) == []


def test_links_lead_to_papers_and_documentation():
    hosts = found(r"https?://([\w-]+\.[\w.-]+)", files())
    assert [place for place in hosts if place.rpartition(" ")[2] not in LINKED] == []


def test_no_talk_of_tickets():
    assert found(r"(?i)\b(?:issue|ticket|pull request) #?\d+", files()) == []


def test_mult_adds_are_not_called_by_the_ambiguous_name():
    """MAC is memory access cost; multiply-accumulates are mult-adds."""
    assert found(r"(?i)\b\w*_?macs\b", files(*PACKAGES)) == []


def test_modules_are_named_after_what_is_in_them():
    names = {path.stem for path in files(*PACKAGES, "tests", "benchmarks", suffixes={".py"})}
    assert not names & {"utils", "util", "helpers", "helper", "common", "misc", "base", "core"}


def test_no_module_is_named_like_a_function_of_the_api():
    import lwprof

    functions = {name for name in lwprof.__all__ if isinstance(getattr(lwprof, name), types.FunctionType)}
    assert functions >= {"build", "compare", "profile"}
    modules = {path.stem for path in (ROOT / "lwprof").iterdir()} | {"architectures", "reports"}
    assert not functions & modules


@pytest.mark.parametrize("folder", ["lwprof", "architectures", "reports"])
def test_every_folder_of_modules_is_a_package(folder):
    modules = files(folder, suffixes={".py"})
    assert modules
    assert {path.parent for path in modules if not (path.parent / "__init__.py").exists()} == set()


def test_test_files_have_names_of_their_own():
    tests = [path for path in files("tests", suffixes={".py"}) if path.name.startswith("test_")]
    assert [name for name, count in Counter(path.name for path in tests).items() if count > 1] == []
    assert not list((ROOT / "tests").rglob("__init__.py"))
