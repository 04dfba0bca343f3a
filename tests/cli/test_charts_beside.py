"""Charts beside a report in Markdown: where they lie, and what becomes of the report without them."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from lwprof import files

SAVED = str(Path(__file__).parents[2] / "docs" / "examples" / "comparison.json")
SMALL = ("net.py:TinyNet", "--input-size", "3,8,8")


def left(folder: Path) -> list[str]:
    """What a command left, but for the bytecode of the network that stood there."""
    found = [path.relative_to(folder) for path in folder.rglob("*")]
    return sorted(str(path) for path in found if path.name != "net.py" and "__pycache__" not in path.parts)


def test_a_report_in_markdown_has_its_charts_in_a_folder_beside_it(run: Any, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    outcome = run("report", SAVED, "-o", "out/r.md")
    assert (outcome.code, outcome.out) == (0, "")
    assert outcome.err == f"wrote out{os.sep}r.md, with charts in out{os.sep}r_files\n"
    assert left(tmp_path / "out") == ["r.md", "r_files", "r_files/tradeoff.png", "r_files/tradeoff.svg"]
    links = re.findall(r"(?<!\\)\]\((.*?)\)", (tmp_path / "out" / "r.md").read_text())
    assert [(tmp_path / "out" / link).is_file() for link in links] == [True, True]


@pytest.mark.parametrize("arguments", [(), ("-o", "summary"), ("-o", "r.txt"), ("-o", os.devnull)])
def test_what_is_no_markdown_file_has_no_charts(run: Any, tmp_path: Path, arguments: tuple[str, ...]) -> None:
    outcome = run("report", SAVED, "--format", "markdown", *arguments)
    assert outcome.code == 0
    text = outcome.out + "".join(path.read_text() for path in tmp_path.glob("*") if path.name in ("summary", "r.txt"))
    assert "[![" not in text
    assert not list(tmp_path.glob("*_files"))


def test_where_nothing_is_to_draw_there_is_no_folder(run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert run("profile", *SMALL, "-o", "r.md").err == "wrote r.md\n"
    assert left(tmp_path) == ["r.md"]


def test_without_matplotlib_the_text_is_written_all_the_same(
    run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    outcome = run("report", SAVED, "-o", "r.md")
    assert outcome.code == 0
    assert outcome.err.splitlines() == [
        "r.md is without charts: charts need matplotlib: pip install 'lwprof[charts]'",
        "wrote r.md",
    ]
    assert (tmp_path / "r.md").read_text() == run("report", SAVED, "--format", "markdown").out
    assert left(tmp_path) == ["r.md"]


@pytest.mark.slow
def test_charts_are_replaced_and_other_files_stay(run: Any, tmp_path: Path) -> None:
    folder = tmp_path / "r_files"
    folder.mkdir()
    (folder / "mine.txt").write_text("mine")
    (folder / "tradeoff.png").write_text("old")
    assert run("report", SAVED, "-o", "r.md").code == 0
    assert left(folder) == ["mine.txt", "tradeoff.png", "tradeoff.svg"]
    assert (folder / "mine.txt").read_text() == "mine"
    assert (folder / "tradeoff.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
def test_a_place_that_cannot_take_the_charts_leaves_the_report_on_standard_output(run: Any, tmp_path: Path) -> None:
    (tmp_path / "r_files").write_text("a file")
    outcome = run("report", SAVED, "-o", "r.md")
    assert outcome.code == 2
    assert outcome.err == "error: cannot write r_files: Not a directory\n"
    assert outcome.out.startswith("## ")
    assert left(tmp_path) == ["r_files"]


@pytest.mark.slow
@pytest.mark.parametrize("call", ["rename", "replace"])
def test_charts_are_written_whole_or_not_at_all(
    run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    def broken(source: Path, target: Path) -> None:
        raise OSError(28, "No space left on device")

    if call == "replace":
        (tmp_path / "r_files").mkdir()
    (tmp_path / "r.md").write_text("old")
    before = left(tmp_path)
    monkeypatch.setattr(files.os, call, broken)
    outcome = run("report", SAVED, "-o", "r.md")
    assert (outcome.code, outcome.err) == (2, "error: cannot write r_files: No space left on device\n")
    assert left(tmp_path) == before
    assert (tmp_path / "r.md").read_text() == "old"


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="names that only some systems take")
@pytest.mark.parametrize("name", ["a b (1) #%", "ünï", "x:y", "[z]"])
def test_links_lead_to_the_charts_whatever_the_report_is_called(run: Any, tmp_path: Path, name: str) -> None:
    from urllib.parse import unquote

    assert run("report", SAVED, "-o", f"{name}.md").code == 0
    links = re.findall(r"(?<!\\)\]\((.*?)\)", (tmp_path / f"{name}.md").read_text())
    assert [(tmp_path / unquote(link)).is_file() for link in links] == [True, True]
    assert all(re.fullmatch(r"[\w./%~-]+", link) for link in links)
