"""The documentation shows what really happens.

In README.md, the other pages beside it and docs/*.md

- a ``console`` block is run, in a folder of its own that sees this repository's ``docs``: each line
  ``$ lwprof …`` is a command, and the lines after it are exactly what it prints, to stdout and stderr
  together, where ``COLUMNS`` is 100; a line that is only ``…`` stands for any lines. A command succeeds,
  unless ``$ echo $?`` after it shows another exit code;
- a ``pycon`` block is run as a doctest, all blocks of a page in one session;
- a ``toml`` or ``yaml`` block is quoted word for word from a file of the repository;
- ``python`` blocks are the examples of the guidelines' pages, which tests/guidelines runs;
- ``sh`` and ``text`` are not run: they show what installs, writes into the repository or is a picture;
- on the pages of docs/guide blocks follow each other, and may be files to save: tests/repository/test_guide.py.
"""

from __future__ import annotations

import doctest
import importlib.util
import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from documented import FENCE, agrees, blocks, commands, steps

import lwprof
from lwprof import reports
from lwprof.guidelines import RULES
from lwprof.guidelines.pages import file_name

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
QUOTED = [
    path
    for pattern in ("*.toml", "architectures/*.toml", "docs/examples/*.toml", "docs/examples/*.yml")
    for path in ROOT.glob(pattern)
]
EXAMPLES = ROOT / "docs" / "examples"
SAVED = sorted(EXAMPLES.glob("*.json"))

UNSET = ("FORCE_COLOR", "CI", "LWPROF_NO_FLOOR")
"""Variables that a reader has not set."""

every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


def run(command: str, folder: Path) -> tuple[int, str]:
    """Exit code and output of a command line."""
    program, *arguments = shlex.split(command, comments=True)
    assert program == "lwprof", "only lwprof is run: show other commands in a `sh` or `text` block"
    environment = {name: value for name, value in os.environ.items() if name not in UNSET}
    done = subprocess.run(
        [sys.executable, "-P", "-m", "lwprof", *arguments],
        cwd=folder,
        env={**environment, "COLUMNS": "100", "NO_COLOR": "1", "PYTHONUTF8": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
    )
    return done.returncode, done.stdout


@pytest.fixture
def folder(tmp_path):
    """A folder that sees the pages' example files."""
    (tmp_path / "docs").symlink_to(ROOT / "docs")
    (tmp_path / "pyproject.toml").symlink_to(ROOT / "docs" / "examples" / "project.toml")
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize(
    "text",
    [
        pytest.param(text, id=f"{page.name}:{number} {text.partition(chr(10))[0].removeprefix('$ ')}")
        for page in PAGES
        if page.parent.name != "guide"
        for number, text in blocks(page, "console")
    ],
)
def test_console_block_shows_the_output(text, folder):
    code = 0
    for command, documented in commands(text):
        if command == "echo $?":
            assert documented.strip() == str(code)
            code = 0
            continue
        assert code == 0, f"the command before this one ended with {code}"
        code, printed = run(command, folder)
        assert agrees(printed, documented), f"{command} prints:\n{printed}"
    assert code == 0


@pytest.mark.slow
@every_page
def test_pycon_blocks_run(page, folder, monkeypatch):
    monkeypatch.chdir(folder)
    session: dict[str, object] = {}
    for number, text in blocks(page, "pycon"):
        example = doctest.DocTestParser().get_doctest(text, session, page.name, str(page), number - 1)
        results = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(example, clear_globs=False)
        session = example.globs
        assert not results.failed, f"{page.name}, line {number}"


@every_page
@pytest.mark.parametrize("language", ["toml", "yaml"])
def test_settings_are_quoted_from_the_repository(page, language):
    files = [path.read_text(encoding="utf-8") for path in QUOTED]
    saved = {number for number, name, _ in steps(page) if name}
    for number, text in blocks(page, language):
        if number in saved:  # a whole file, which tests/repository/test_guide.py uses
            continue
        parts = [part.strip("\n") for part in re.split(r"^…$", text, flags=re.MULTILINE)]
        assert any(all(part in file for part in parts) for file in files), f"line {number}"


@every_page
def test_every_block_is_of_a_kind_that_is_checked(page):
    text = page.read_text(encoding="utf-8")
    checked = {"console", "pycon", "toml", "yaml", "sh", "text"} | (
        {"python"} if page.parent.name == "guidelines" else set()
    )
    assert {match[2] for match in FENCE.finditer(text)} <= checked
    unrun = "".join(block for language in ("sh", "text") for _, block in blocks(page, language))
    assert not re.search(r"^\$ |>>> |^lwprof |^ *(?:import|from) ", unrun, re.MULTILINE), "show it so that it is run"


@every_page
def test_links_lead_to_files_and_headings(page):
    def anchors(path: Path) -> set[str]:
        headings = re.findall(r"^#+ (.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
        return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}

    for link in re.findall(r"\]\((?!\w+:)([^)\s]+)\)", page.read_text(encoding="utf-8")):
        target, _, anchor = link.partition("#")
        path = page.parent / target if target else page
        assert path.exists(), link
        assert not anchor or anchor in anchors(path), link


@every_page
def test_files_that_are_named_exist(page):
    """``path/name`` between backticks, where the first folder is one of ours."""
    tops = "lwprof|architectures|reports|tests|docs|benchmarks"
    named = re.findall(rf"`((?:{tops})/[\w./-]*)`", page.read_text(encoding="utf-8"))
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_named_make_targets_exist():
    targets = set(re.findall(r"^([\w-]+):.*##", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    text = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    named = set(re.findall(r"(?:`|^|; )make ([\w-]+)", text, re.MULTILINE))
    assert {"compare", "test", "quick", "bench"} <= named <= targets


def test_the_design_shows_the_layers_that_are_checked():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    checked = [contract["layers"] for contract in settings["contracts"] if contract["type"] == "layers"]
    checked[0].remove("__main__")
    shown = [text.splitlines() for _, text in blocks(ROOT / "docs" / "design.md", "text")]
    assert [layers for layers in checked if layers not in shown] == []
    assert len(checked) == 3


@pytest.fixture(scope="module")
def generate():
    """What writes the pages that come from code."""
    spec = importlib.util.spec_from_file_location("docs_generate", ROOT / "docs" / "generate.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
def test_generated_pages_are_in_date(generate):
    assert {"networks.md", "commands.md", "json.md", "guidelines/README.md"} < set(generate.PAGES)
    for name, page in generate.PAGES.items():
        assert (ROOT / "docs" / name).exists(), f"docs/{name} is missing: .venv/bin/python -P docs/generate.py"
        written = (ROOT / "docs" / name).read_text(encoding="utf-8")
        assert written == page(), f"docs/{name} is out of date: .venv/bin/python -P docs/generate.py"
    assert generate.stale() == [], "pages that come from nothing: .venv/bin/python -P docs/generate.py"


def test_every_guideline_has_its_page_and_its_line():
    index = (ROOT / "docs" / "guidelines" / "README.md").read_text(encoding="utf-8")
    for rule in RULES:
        assert (ROOT / "docs" / "guidelines" / file_name(rule)).exists()
        assert f"]({file_name(rule)})" in index


def test_the_networks_of_the_paper_get_the_verdicts_of_its_text():
    index = (ROOT / "docs" / "guidelines" / "README.md").read_text(encoding="utf-8")
    (said,) = re.findall(r"\| the paper \| here \|\n(.*)", index, re.DOTALL)
    verdicts = [[cell.strip() for cell in line.split("|")[1:-1]] for line in said.strip().splitlines()[1:]]
    assert [(network, paper) for network, paper, _ in verdicts] == [
        ("shufflenetv1", "G1, G2"),
        ("mbv2", "G1, G4"),
        ("shufflenetv2", "none"),
    ]
    assert [here for _, _, here in verdicts] == [paper for _, paper, _ in verdicts]


@pytest.mark.slow
@pytest.mark.parametrize("file", SAVED, ids=lambda file: file.name)
def test_a_saved_result_has_the_counts_of_today(file, monkeypatch):
    """Latency is of the day it was measured; everything else is still true."""
    monkeypatch.chdir(file.parent)
    saved = json.loads(file.read_text(encoding="utf-8"))
    if saved["schema"] == "lwprof.roofline/1":
        for placed in saved["models"]:
            totals = lwprof.profile(placed["spec"]).totals
            assert (placed["mult_adds"], placed["bytes"]) == (totals.mult_adds, totals.memory_access.fused_bytes)
        return
    for then in saved.get("models", [saved]):
        spec, size = then["model"]["spec"], tuple(then["model"]["inputs"][0]["shape"][1:])
        if saved["schema"] == "lwprof.profile/1":
            now, counted = lwprof.profile(spec, input_size=size).to_dict(), set(then) - {"time"}
            assert then["time"]["layers"]
        else:
            (now,) = lwprof.compare([spec], input_size=size, timed=False).to_dict()["models"]
            counted = {"model", "totals", "fragmentation", "coverage", "published"}
            assert then["timings"]
            assert not then["untimed"]
        for key in counted:
            assert then[key] == now[key], key


@pytest.mark.slow
@pytest.mark.parametrize(("result", "picture"), [("backends", "tradeoff"), ("roofline", "roofline")])
def test_pictures_are_drawn_from_what_is_saved(result, picture):
    """``lwprof report RESULT.json -o RESULT.md`` writes them anew."""
    named = [(result, lwprof.load(EXAMPLES / f"{result}.json"))]
    _, files = reports.illustrate(named, "markdown", "pictures")
    assert (EXAMPLES / f"{picture}.svg").read_bytes() == files[f"{picture}.svg"]


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
