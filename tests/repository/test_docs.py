"""The documentation shows what really happens.

In README.md and docs/*.md

- a ``console`` block is run: each line ``$ lwprof …`` is a command, and the lines after it are exactly
  what it prints, to stdout and stderr together, where ``COLUMNS`` is 100; a line that is only ``…``
  stands for any lines;
- a ``pycon`` block is run as a doctest, all blocks of a page in one session;
- anything else (``text``, ``sh``) is not run: use it for what depends on the machine, such as latency.
"""

from __future__ import annotations

import doctest
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)


def blocks(page: Path, language: str) -> list[tuple[int, str]]:
    """Line number and text of each block of ``language``."""
    text = page.read_text(encoding="utf-8")
    return [
        (text.count("\n", 0, match.start(3)) + 1, match[3]) for match in FENCE.finditer(text) if match[2] == language
    ]


def commands(text: str) -> list[tuple[str, str]]:
    """Split a console block into commands and what each prints."""
    parts = re.split(r"^\$ (.*)\n?", text, flags=re.MULTILINE)
    assert not parts[0].strip(), "a console block begins with a command"
    return list(zip(parts[1::2], parts[2::2], strict=True))


def agrees(printed: str, documented: str) -> bool:
    """Compare line by line, ends of lines and blank lines at the end aside."""
    lines = [line.rstrip() for line in documented.rstrip().splitlines()]
    pattern = "\n".join("(?:.*\n)*?.*" if line == "…" else re.escape(line) for line in lines)
    return re.fullmatch(pattern, "\n".join(line.rstrip() for line in printed.rstrip().splitlines())) is not None


CONSOLE = [
    pytest.param(command, documented, id=f"{page.name}:{number} {command}")
    for page in PAGES
    for number, text in blocks(page, "console")
    for command, documented in commands(text)
]


@pytest.mark.parametrize(("command", "documented"), CONSOLE)
def test_console_block_shows_the_output(command, documented):
    program, *arguments = shlex.split(command, comments=True)
    assert program == "lwprof", "only lwprof is run: show other commands in a `sh` or `text` block"
    environment = {name: value for name, value in os.environ.items() if name not in ("FORCE_COLOR", "CI")}
    done = subprocess.run(
        [sys.executable, "-P", "-m", "lwprof", *arguments],
        cwd=ROOT,
        env={**environment, "COLUMNS": "100", "NO_COLOR": "1", "PYTHONUTF8": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
    )
    assert agrees(done.stdout, documented), f"it prints:\n{done.stdout}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_pycon_blocks_run(page):
    session: dict[str, object] = {}
    for number, text in blocks(page, "pycon"):
        example = doctest.DocTestParser().get_doctest(text, session, page.name, str(page), number - 1)
        results = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(example, clear_globs=False)
        session = example.globs
        assert not results.failed


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_inside_the_repository_exist(page):
    targets = re.findall(r"\]\((?!\w+:|#)([^)#\s]+)", page.read_text(encoding="utf-8"))
    assert [target for target in targets if not (page.parent / target).exists()] == []


@pytest.mark.parametrize("target", ["compare", "test"])
def test_readme_names_the_make_target(target):
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"make {target}" in readme
    assert re.search(rf"^{target}:.*##", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)


@pytest.mark.parametrize(
    ("printed", "documented", "same"),
    [
        ("a\nb\n", "a\nb\n", True),
        ("a\nb\n", "a\n", False),
        ("a  \n\n", "a", True),
        ("a\nx\ny\nb", "a\n…\nb", True),
        ("a\nx\ny\nb", "a\n…\nc", False),
        ("a.c", "abc", False),
        ("", "", True),
    ],
)
def test_output_is_compared_exactly(printed, documented, same):
    assert agrees(printed, documented) is same
