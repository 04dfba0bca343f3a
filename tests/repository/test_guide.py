"""The guide works as a newcomer follows it.

Each page of docs/guide is followed from top to bottom in a copy of docs/examples, as its first page says:

- a block that is to be saved (``Save this as `FILE`:`` stands before it) is written to that file;
- each line ``$ lwprof …`` of a ``console`` block is a command, and the lines after it are what it prints, as in
  tests/repository/test_docs.py; here all commands of a page follow each other in one folder;
- what a clock says is never compared: a command that times has ``…`` for it, and what is shown is a saved result of the
  same command, by ``lwprof report``. It is run all the same, with fewer seconds than the page's reader has.
"""

from __future__ import annotations

import contextlib
import io
import re
import shlex
import shutil
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from documented import agrees, blocks, commands, steps

from lwprof.cli import main

ROOT = Path(__file__).resolve().parents[2]
GUIDE = ROOT / "docs" / "guide"
EXAMPLES = ROOT / "docs" / "examples"
PAGES = sorted(GUIDE.glob("[1-9]*.md"))

BUDGET = "0.5"
"""Seconds for what has the page's reader wait for five, ten or more."""


def is_timed(arguments: list[str]) -> bool:
    """Tell whether a command measures time."""
    match arguments[0]:
        case "compare":
            return "--no-time" not in arguments
        case "profile":
            return "--time" in arguments
        case name:
            return name in ("roofline", "experiment")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Be in a copy of the examples, with a terminal that is 100 columns wide."""
    here = tmp_path / "try-lwprof"
    shutil.copytree(EXAMPLES, here, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.chdir(here)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("NO_COLOR", "1")
    for variable in ("FORCE_COLOR", "CI"):
        monkeypatch.delenv(variable, raising=False)
    path, modules = list(sys.path), set(sys.modules)
    yield here
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        if name.startswith("_lwprof_"):
            del sys.modules[name]


def run(command: str) -> tuple[int, str]:
    """Exit code and output of a command line, stdout and stderr together."""
    program, *arguments = shlex.split(command, comments=True)
    assert program == "lwprof", "only lwprof is run: show other commands in a `sh` block"
    if is_timed(arguments):
        assert "--budget" not in arguments, "a reader's budget is the default one"
        arguments += ["--budget", BUDGET]
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        code = main(arguments)
    return code, printed.getvalue()


def follow(page: Path, here: Path) -> None:
    """Do what a page says, and compare what is seen with what it shows."""
    for line, name, text in steps(page):
        if name:
            (here / name).write_text(text, encoding="utf-8")
            continue
        code = 0
        for command, documented in commands(text):
            where = f"{page.name}:{line}: {command}"
            if command == "echo $?":
                assert documented.strip() == str(code), where
                code = 0
                continue
            assert code == 0, f"{where}\nthe command before this one ended with {code}"
            code, printed = run(command)
            assert agrees(printed, documented), f"{where}\nprints:\n{printed}"
        assert code == 0, f"{page.name}:{line}: the last command ended with {code}"


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_page_can_be_followed(page, folder):
    follow(page, folder)


def test_pages_follow_each_other():
    """The index names the pages in order, and each leads to the next."""
    index = (GUIDE / "README.md").read_text(encoding="utf-8")
    assert re.findall(r"^\d\. \[.*\]\((.*)\)", index, re.MULTILINE) == [page.name for page in PAGES]
    assert [page.name[0] for page in PAGES] == ["1", "2", "3", "4"]
    for page, following in pairwise(PAGES):
        assert f"]({following.name})" in page.read_text(encoding="utf-8").split("\n## ")[-1]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_page_is_short_and_shows_no_time_of_its_own(page):
    text = page.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 160
    for _, block in blocks(page, "console"):
        for command, documented in commands(block):
            if command.startswith("lwprof") and is_timed(shlex.split(command, comments=True)[1:]):
                shown = [line for line in documented.split("\n") if line not in ("", "…")]
                assert all(line.startswith("wrote ") for line in shown), command


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("```console\n$ lwprof explain G1\nsomething else\n```\n", "prints:"),
        ("```console\n$ lwprof explain Q7\n…\n```\n", "ended with 2"),
        ("```console\n$ lwprof explain Q7\n…\n$ echo $?\n0\n```\n", "echo"),
        (
            "```console\n$ lwprof explain Q7\n…\n$ lwprof explain G1\n…\n```\n",
            "the command before this one ended with 2",
        ),
        ("Save this as `lwprof.toml`:\n\n```toml\n[odit]\n```\n\n```console\n$ lwprof audit\n…\n```\n", "ended with 2"),
    ],
)
def test_a_page_that_is_wrong_is_noticed(text, complaint, folder):
    page = folder / "page.md"
    page.write_text(text, encoding="utf-8")
    with pytest.raises(AssertionError, match=re.escape(complaint)):
        follow(page, folder)
