"""What ``lwprof report`` says of files that are no result, and that it writes nothing then."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

SAVED = Path(__file__).parents[2] / "docs" / "examples" / "comparison.json"
GOOD = SAVED.read_text(encoding="utf-8")


def changed(change: Callable[[Any], object]) -> bytes:
    document = json.loads(GOOD)
    change(document)
    return json.dumps(document).encode()


BAD: dict[str, tuple[bytes, str]] = {
    "truncated": (GOOD[:3000].encode(), "bad.json is not whole JSON ("),
    "cut_in_a_letter": ('{"schema": "µ'.encode()[:-1], "bad.json is not text, so not a result of lwprof"),
    "empty": (b"", "bad.json is empty; save the result again"),
    "blank": (b" \n", "bad.json is empty; save the result again"),
    "binary": (bytes(range(256)), "bad.json is not text, so not a result of lwprof"),
    "nothing_of_ours": (b'{"name": "x"}', "bad.json is not a result of lwprof (it has no schema)"),
    "several": (f"[{GOOD}, {GOOD}]".encode(), "bad.json is not a result of lwprof (it has no schema)"),
    "a_number": (b"5", "bad.json is not a result of lwprof (it has no schema)"),
    "deep": (b"[" * 100_000, "bad.json is not whole JSON ("),
    "other_schema": (
        changed(lambda x: x.update(schema="cyclonedx/1")),
        "not a result of lwprof (schema 'cyclonedx/1')",
    ),
    "other_result": (
        changed(lambda x: x.update(schema="lwprof.profile/1")),
        "bad.json is a damaged lwprof.profile document: it lacks the key model",
    ),
    "newer": (
        changed(lambda x: x.update(schema="lwprof.compare/2")),
        "bad.json has schema lwprof.compare/2, newer than this lwprof reads (lwprof.compare/1); update lwprof",
    ),
    "missing_key": (
        changed(lambda x: x["models"][1]["timings"][0].pop("median_s")),
        "bad.json is a damaged lwprof.compare document: it lacks the key models[1].timings[0].median_s",
    ),
    "wrong_type": (
        changed(lambda x: x["models"][0]["totals"].update(params="many")),
        "models[0].totals.params must be a whole number, not 'many'",
    ),
    "no_list": (changed(lambda x: x.update(models={})), "models must be a list, not {}"),
    "no_number": (
        changed(lambda x: x["models"][0]["timings"][0].update(median_s=float("nan"))),
        "models[0].timings[0].median_s is no number that can be counted or measured: nan",
    ),
}

FILES = ("r.txt", "r.md", "r.csv", "r.json", "r.html", "r.tex", "r.trace")


@pytest.mark.slow
@pytest.mark.parametrize("kind", BAD)
def test_what_is_no_result_is_one_line_and_leaves_nothing(run: Any, tmp_path: Path, kind: str) -> None:
    content, says = BAD[kind]
    (tmp_path / "bad.json").write_bytes(content)
    (tmp_path / "good.json").write_text(GOOD, encoding="utf-8")
    before = sorted(tmp_path.rglob("*"))
    shown = run("report", "bad.json")
    assert (shown.code, shown.out) == (2, "")
    assert shown.err.startswith("error: ")
    assert says in shown.err
    assert shown.err.count("\n") == 1
    for file in FILES:
        for arguments in (("bad.json",), ("good.json", "bad.json")):
            outcome = run("report", *arguments, "-o", file)
            assert (outcome.code, outcome.out, outcome.err) == (2, "", shown.err)
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("missing.json", "cannot read missing.json: No such file or directory"),
        ("folder", "cannot read folder: Is a directory"),
        ("net.py/x.json", "cannot read net.py/x.json: Not a directory"),
        ("net.py", "net.py is not whole JSON (Expecting value: line 2 column 1 (char 1)); save the result again"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(run: Any, tmp_path: Path, name: str, says: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "good.json").write_text(GOOD, encoding="utf-8")
    for arguments in ((name,), ("good.json", name)):
        outcome = run("report", *arguments, "-o", "r.md")
        assert (outcome.code, outcome.out, outcome.err) == (2, "", f"error: {says}\n")
    assert not (tmp_path / "r.md").exists()


@pytest.mark.slow
@pytest.mark.parametrize("file", FILES[:-1])
@pytest.mark.parametrize(
    "change",
    [
        lambda x: x.update(models=x["models"][:1]),
        lambda x: x.update(interrupted=True),
        lambda x: [model.update(timings=[], relative=[], across=[], pareto=None) for model in x["models"]],
        lambda x: [model["timings"][0].update(an_added_key=1) for model in x["models"]],
    ],
    ids=["one_network", "interrupted", "no_timings", "keys_of_a_later_version"],
)
def test_what_has_little_in_it_or_more_is_shown(run: Any, tmp_path: Path, change: Any, file: str) -> None:
    (tmp_path / "small.json").write_bytes(changed(change))
    outcome = run("report", "small.json", "-o", file)
    assert (outcome.code, outcome.out) == (0, "")
    assert outcome.err.startswith(f"wrote {file}")
    assert "mbv1" in (tmp_path / file).read_text(encoding="utf-8")


@pytest.mark.parametrize("file", FILES[:-1])
def test_a_network_of_one_layer_is_shown(run: Any, tmp_path: Path, file: str) -> None:
    assert run("profile", "net.py:TinyNet", "--input-size", "3,8,8", "-o", "one.json").code == 0
    assert run("report", "one.json", "-o", file).code == 0
    assert "TinyNet" in (tmp_path / file).read_text(encoding="utf-8")


def test_a_trace_is_of_a_timed_profile_only(run: Any, tmp_path: Path) -> None:
    outcome = run("report", SAVED, "-o", "r.trace")
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.startswith("error: ")
    assert not (tmp_path / "r.trace").exists()
