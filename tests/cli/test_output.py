"""Formats, files, colour and width."""

from __future__ import annotations

import csv
import io
import json
import os
from pathlib import Path
from typing import Any

import pytest

from lwprof import comparison, files, profiling
from lwprof.cli import output
from lwprof.reports import layouts

SMALL = ("--input-size", "3,8,8")
PROFILE = ("profile", "net.py:TinyNet", *SMALL)


def test_every_format_shows_the_same_counts(run: Any) -> None:
    document = json.loads(run(*PROFILE, "--format", "json").out)
    assert document["totals"]["params"] == 112
    assert document["totals"]["mult_adds"] == 36 * 4 * 27
    rows = list(csv.DictReader(io.StringIO(run(*PROFILE, "--format", "csv").out)))
    assert [(row["name"], row["mult_adds"]) for row in rows if row["name"] == "conv"] == [("conv", "3888")]
    for name in ("table", "markdown"):
        assert "3,888" in run(*PROFILE, "--format", name).out


@pytest.mark.parametrize(("file", "start"), [("r.json", "{"), ("r.csv", "model.name,"), ("r.md", "#"), ("R.JSON", "{")])
def test_the_format_follows_the_suffix(run: Any, tmp_path: Path, file: str, start: str) -> None:
    outcome = run(*PROFILE, "-o", file)
    assert (outcome.code, outcome.out, outcome.err) == (0, "", f"wrote {file}\n")
    assert (tmp_path / file).read_text().startswith(start)


def test_format_wins_over_the_suffix_and_a_dash_is_standard_output(run: Any, tmp_path: Path) -> None:
    run(*PROFILE, "-o", "r.txt", "--format", "json")
    assert json.loads((tmp_path / "r.txt").read_text())["schema"] == "lwprof.profile/1"
    assert run(*PROFILE, "-o", "-", "--format", "json").out.startswith("{")


@pytest.mark.parametrize(
    ("file", "says"),
    [
        ("r.xyz", ".json"),
        ("r", ".json"),
        ("no/folder/r.json", "cannot write no/folder/r.json: there is no folder no/folder"),
        ("folder.json", "cannot write folder.json: it is a folder"),
        ("net.py/r.json", "cannot write net.py/r.json: Not a directory"),
    ],
)
def test_a_place_that_cannot_be_written_is_found_before_the_work(
    run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str, says: str
) -> None:
    def never(*_: object, **__: object) -> None:
        raise AssertionError("the work had begun")

    monkeypatch.setattr(profiling, "profile_network", never)
    monkeypatch.setattr(comparison, "compare", never)
    (tmp_path / "folder.json").mkdir()
    before = sorted(tmp_path.rglob("*"))
    for command in ("profile", "compare"):
        outcome = run(command, "net.py:TinyNet", "-o", file)
        assert (outcome.code, outcome.out) == (2, "")
        assert outcome.err.startswith("error: ")
        assert says in outcome.err
    assert [path for path in sorted(tmp_path.rglob("*")) if "__pycache__" not in path.parts] == before


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="needs a folder in which no file can be made")
def test_a_folder_that_takes_no_files_is_not_said_to_be_missing(run: Any) -> None:
    assert run(*PROFILE, "-o", "/proc/r.json").err == "error: cannot write /proc/r.json: no file can be made in /proc\n"


@pytest.mark.parametrize("columns", ["0", "-5", "²", "9" * 5000, "wide", ""])
def test_a_width_that_is_none_is_not_obeyed(run: Any, monkeypatch: pytest.MonkeyPatch, columns: str) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    outcome = run("list")
    assert outcome.code == 0
    assert "4.232 M" in next(line for line in outcome.out.splitlines() if line.startswith("mbv1"))


@pytest.mark.parametrize("arguments", [(), ("-o", "r.md")])
def test_what_cannot_be_laid_out_is_shown_as_json(
    run: Any, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(layouts, "page", broken)
    outcome = run(*PROFILE, *arguments)
    assert outcome.code == 4
    assert json.loads(outcome.out)["totals"]["params"] == 112
    assert outcome.err.startswith("error: internal error: ZeroDivisionError")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a device that is always full")
def test_a_full_disk_leaves_the_report_on_standard_output(run: Any) -> None:
    outcome = run(*PROFILE, "-o", "/dev/full", "--format", "json")
    assert outcome.code == 2
    assert json.loads(outcome.out)["totals"]["params"] == 112
    assert outcome.err == "error: cannot write /dev/full: No space left on device\n"


def test_a_write_that_fails_keeps_the_old_file_and_leaves_no_other(
    run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(source: str, target: Path) -> None:
        raise OSError(28, "No space left on device")

    (tmp_path / "r.json").write_text("old")
    monkeypatch.setattr(files.os, "replace", broken)
    outcome = run(*PROFILE, "-o", "r.json")
    assert outcome.code == 2
    assert json.loads(outcome.out)["totals"]["params"] == 112
    assert (tmp_path / "r.json").read_text() == "old"
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == ["net.py", "r.json"]


class Terminal(io.StringIO):
    """A standard output that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def shown(monkeypatch: pytest.MonkeyPatch, columns: int, **environment: str) -> str:
    """What a terminal of that width gets to see of ``lwprof list``."""
    from lwprof.cli import main

    for name, value in {"COLUMNS": str(columns), "TERM": "xterm-256color", **environment}.items():
        monkeypatch.setenv(name, value)
    terminal = Terminal()
    monkeypatch.setattr(output.sys, "stdout", terminal)
    assert main(["doctor"] if "doctor" in environment else ["list"]) == 0
    return terminal.getvalue()


def test_a_narrow_terminal_is_not_overrun(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    text = shown(monkeypatch, 60, NO_COLOR="1")
    assert max(map(len, text.splitlines())) <= 60
    for name in ("mbv1", "mbv3_small", "shufflenetv2", "squeezenet", "4.232 M"):
        assert name in text


@pytest.mark.slow
def test_no_color_is_obeyed(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "\x1b[" not in shown(monkeypatch, 200, NO_COLOR="1")
    assert "\x1b[" not in shown(monkeypatch, 200, NO_COLOR="", TERM="dumb")
    assert "\x1b[" in shown(monkeypatch, 200, NO_COLOR="")


@pytest.mark.slow
def test_an_ascii_terminal_shows_what_it_can(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from lwprof.cli import main

    run("compare", "net.py:TinyNet", "net.py:TinyNet", *SMALL, "--budget", "0.05", "-o", "c.json")
    for encoding, sign, times, line in (
        ("ascii", "+/-", "x", "--"),
        ("cp1252", "±", "×", "--"),
        ("utf-8", "±", "×", "──"),
    ):
        narrow = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
        monkeypatch.setattr(output.sys, "stdout", narrow)
        assert main(["report", "c.json"]) == 0
        narrow.seek(0)
        text = narrow.read()
        assert f" {sign} " in text
        assert f" {times}, " in text
        assert f"1{times}3{times}8{times}8" in text
        assert line in text
        assert "?" not in text


def test_saved_results_are_shown_again(run: Any, tmp_path: Path) -> None:
    shown_first = run(*PROFILE).out
    run(*PROFILE, "-o", "r.json")
    run("compare", "net.py:TinyNet", "net.py:TinyNet", *SMALL, "--no-time", "-o", "c.json")
    assert run("report", "r.json").out == shown_first
    both = run("report", "r.json", "c.json", "c.json", "--format", "markdown")
    assert both.code == 0
    assert both.out.count("2 networks compared") == 2


@pytest.mark.slow
def test_several_saved_results_are_one_document(run: Any, tmp_path: Path) -> None:
    run(*PROFILE, "-o", "a.json")
    run("profile", "net.py:TinyNet:width=8", *SMALL, "-o", "b.json")
    run("compare", "net.py:TinyNet", *SMALL, "--no-time", "-o", "c.json")
    documents = [json.loads((tmp_path / f"{name}.json").read_text()) for name in "abc"]
    assert json.loads(run("report", "a.json", "b.json", "c.json", "--format", "json").out) == documents
    assert json.loads(run("report", "a.json", "--format", "json").out) == documents[0]
    rows = list(csv.DictReader(io.StringIO(run("report", "b.json", "a.json", "--format", "csv").out)))
    assert next(iter(rows[0])) == "result"
    assert [(row["result"], row["params"]) for row in rows if row["name"] == "conv"] == [
        ("b.json", "224"),
        ("a.json", "112"),
    ]
    assert "result" not in run("report", "a.json", "--format", "csv").out.splitlines()[0].split(",")
    mixed = run("report", "a.json", "c.json", "-o", "d.csv")
    assert (mixed.code, mixed.out) == (2, "")
    assert mixed.err == (
        "error: csv has rows of one kind of result, not of profile (a.json), compare (c.json); take one kind, or json\n"
    )
