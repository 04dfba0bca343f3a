"""Every format over every canned result, compared with the files in ``tests/goldens`` exactly.

After a wanted change: ``UPDATE_GOLDENS=1 pytest tests/reports``, then read the difference.
"""

from __future__ import annotations

import csv
import dataclasses
import html
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from canned_results import CANNED

from lwprof import reports
from lwprof.errors import InputError
from lwprof.reports import FORMATS, format_of, render

GOLDENS = Path(__file__).parents[1] / "goldens"
AUDITS = ("audit_result", "clean_audit", "counted_audit")
OWN_TESTS = ("html", "trace")
GENERAL = [item.name for item in FORMATS if not item.only and item.name not in OWN_TESTS]
OF_AUDITS = [item.name for item in FORMATS if item.only == "audits"]


def check_golden(name: str, text: str) -> None:
    """Compare ``text`` with a golden file, or write it there."""
    path = GOLDENS / name
    if os.environ.get("UPDATE_GOLDENS"):
        path.write_text(text, encoding="utf-8", newline="")
    assert path.exists(), f"no golden {path.name}: run UPDATE_GOLDENS=1 pytest tests/reports"
    assert text == path.read_bytes().decode()


def suffix_of(format: str) -> str:
    """The ending of a format's goldens; not all formats have one for users' files."""
    return next((*item.suffixes, f".{format}.txt")[0] for item in FORMATS if item.name == format)


WRITTEN = [(canned, format) for canned in CANNED for format in (*GENERAL, *(OF_AUDITS if canned in AUDITS else ()))]


@pytest.mark.parametrize(("canned", "format"), WRITTEN)
def test_golden(canned, format, request, monkeypatch):
    monkeypatch.setattr("lwprof.__version__", "1.2.3")
    check_golden(canned + suffix_of(format), render(request.getfixturevalue(canned), format))


@pytest.mark.slow
@pytest.mark.parametrize("canned", CANNED)
@pytest.mark.parametrize("width", [100, 80, 60])
def test_golden_of_a_terminal(canned, width, request):
    check_golden(f"{canned}.{width}.txt", render(request.getfixturevalue(canned), width=width))


def test_every_golden_is_of_a_test():
    written = [canned + suffix_of(format) for canned, format in WRITTEN]
    narrow = [f"{canned}.{width}.txt" for canned in CANNED for width in (100, 80, 60)]
    assert sorted(path.name for path in GOLDENS.iterdir()) == sorted(written + narrow)


@pytest.mark.parametrize("canned", CANNED)
def test_markdown_has_the_words_of_the_terminal(canned, request):
    result = request.getfixturevalue(canned)
    table, markdown = render(result), render(result, "markdown")
    words = {word.replace("\\", "") for line in table.splitlines() if "─" not in line for word in line.split()}
    plain = html.unescape(markdown.replace("&emsp;", " ").replace("**", " ").replace("\\", ""))
    assert words - set(plain.split()) == set()


def test_csv_has_the_numbers_of_the_json(compare_result):
    document = json.loads(render(compare_result, "json"))
    rows = list(csv.DictReader(io.StringIO(render(compare_result, "csv"))))
    assert len(rows) == len(document["models"])
    for row, model in zip(rows, document["models"], strict=True):
        assert int(row["totals.params"]) == model["totals"]["params"]
        assert int(row["totals.memory_access.paper_elements"]) == model["totals"]["memory_access"]["paper_elements"]
        assert float(row["timings.median_s"]) == model["timings"][0]["median_s"]
        assert [float(row["timings.ci95_s.low"]), float(row["timings.ci95_s.high"])] == model["timings"][0]["ci95_s"]
        assert row["relative.ratio"] == "".join(str(item["ratio"]) for item in model["relative"])
    assert rows[2]["fragmentation.max_branches"] == ""
    assert rows[0]["fragmentation.max_branches"] == "1"


def test_csv_of_a_profile_has_a_row_a_layer_that_sums_to_the_totals(profile_result):
    rows = list(csv.DictReader(io.StringIO(render(profile_result, "csv", top=1, depth=1))))
    assert len(rows) == len(profile_result.layers)
    assert sum(int(row["mult_adds"]) for row in rows) == profile_result.totals.mult_adds
    assert sum(int(row["params"]) for row in rows) == profile_result.totals.params


def test_csv_of_a_crosscheck_has_a_row_a_tool_and_term(crosscheck_result):
    rows = list(csv.DictReader(io.StringIO(render(crosscheck_result, "csv"))))
    assert [(row["tool"], row["terms.amount"], row["theirs"]) for row in rows] == [
        ("torch", "", "300774272"),
        ("fvcore", "13356224", "314067776"),
        ("fvcore", "-62720", "314067776"),
        ("thop", "13356224", "314130600"),
        ("other", "", ""),
    ]


UNCOVERED = [written for written in WRITTEN if written[0] in ("dubious_profile", "compare_result", "audit_result")]


@pytest.mark.parametrize(("canned", "format"), UNCOVERED)
def test_unknown_operators_are_named_in_every_format(canned, format, request):
    text = render(request.getfixturevalue(canned), format)
    assert "demo::warp" in text
    assert "demo::fold" in text


def test_formats_by_name_and_suffix():
    suffixes = {
        "table": ".txt", "markdown": ".md", "csv": ".csv", "json": ".JSON", "html": ".html", "latex": ".tex",
        "trace": ".trace", "sarif": ".sarif", "junit": ".xml",
    }  # fmt: skip
    assert [item.name for item in FORMATS] == [*suffixes, "github"]
    assert {format_of(f"x{suffix}"): suffix for suffix in suffixes.values()} == suffixes


@pytest.mark.parametrize("path", ["result.docx", "result", ".md.d/result"])
def test_a_suffix_without_a_format_is_refused_by_name(path):
    with pytest.raises(InputError, match=r"suffix of '.*result.*'; use one of .txt, .md, .csv, .*, .xml,"):
        format_of(path)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"format": "docx"}, "unknown format 'docx'; choose one of table, markdown, csv, json"),
        ({"view": "naive"}, "unknown view 'naive'; choose one of paper, eager, fused"),
        ({"sort": "name"}, "unknown sort 'name'; choose one of params, mult_adds"),
        ({"depth": 0}, "depth 0 is too small"),
        ({"top": -1}, "top -1 is too small"),
    ],
)
def test_an_option_that_does_not_exist_is_refused(options, message, profile_result):
    with pytest.raises(InputError, match=message):
        render(profile_result, **options)


@pytest.mark.slow
def test_importing_reports_is_light():
    code = (
        "import sys, lwprof.reports as r; from lwprof.reports.contents import Column, Table\n"
        "assert not {'rich', 'pandas', 'torch', 'click'} & set(sys.modules)\n"
        "print(r.render(Table.of('t', [Column('a', 'a')], [['b']]), 'table'))\n"
        "assert not {'pandas', 'torch'} & set(sys.modules)"
    )
    root = Path(reports.__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=root, env=os.environ
    )
    assert done.returncode == 0, done.stderr


def test_every_option_of_render_is_one_of_the_class():
    import inspect

    from lwprof.reports.options import Options

    options = {field.name: field.default for field in dataclasses.fields(Options)}
    given = {name: item.default for name, item in list(inspect.signature(render).parameters.items())[2:]}
    assert given == options
