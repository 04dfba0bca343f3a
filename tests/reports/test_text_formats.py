"""Names that Markdown or a spreadsheet would act on."""

from __future__ import annotations

import csv
import dataclasses
import io
import json

import pytest

from lwprof.reports import render
from lwprof.results.networks import Model


def named(result, name):
    """The same profile under another name."""
    return dataclasses.replace(result, model=Model(name, name, result.model.inputs))


@pytest.mark.parametrize(
    ("name", "escaped"),
    [
        ("a|b", r"a\|b"),
        ("`code`", r"\`code\`"),
        ("<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;"),
        ("[x](http://y)", r"\[x\](http://y)"),
        ("&amp;", "&amp;amp;"),
        ("**bold**", r"\*\*bold\*\*"),
        ("mbv3_small", "mbv3_small"),
        ("_it_", r"\_it\_"),
        ("two\nlines", r"two\\nlines"),
        ("a\\|b", r"a\\\|b"),
    ],
)
def test_markdown_shows_a_name_literally(name, escaped, profile_result):
    text = render(named(profile_result, name), "markdown")
    assert text.startswith(f"## {escaped}\n")
    rows = [line for line in text.splitlines() if "MobileNetV1" in line]
    assert rows[0].startswith(f"| {escaped} |")


def test_markdown_rows_have_as_many_cells_as_their_header(compare_result):
    model = dataclasses.replace(compare_result.models[0], model=Model("a|b\\|c", "x", ()))
    text = render(dataclasses.replace(compare_result, models=(model,)), "markdown")
    lines = text[: text.index("###")].split("\n\n")[1].splitlines()
    assert len({line.replace("\\\\", "").replace("\\|", "").count("|") for line in lines}) == 1


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)"])
def test_csv_keeps_a_name_from_being_a_formula(name, profile_result):
    rows = list(csv.DictReader(io.StringIO(render(named(profile_result, name), "csv"))))
    assert {row["model.name"] for row in rows} == {f"'{name}"}
    assert json.loads(render(named(profile_result, name), "json"))["model"]["name"] == name


def test_csv_leaves_negative_numbers_alone(crosscheck_result):
    assert ",-62720," in render(crosscheck_result, "csv")


@pytest.mark.parametrize("name", ['quo"te', "com,ma", "semi;colon", "two\nlines", "\x1b[31m"])
def test_csv_has_one_line_a_layer_whatever_the_name(name, profile_result):
    text = render(named(profile_result, name), "csv")
    assert len(text.splitlines()) == 1 + len(profile_result.layers)
    shown = name if name.isprintable() else name.encode("unicode_escape").decode()
    assert next(csv.DictReader(io.StringIO(text)))["model.name"] == shown


def test_csv_counts_stay_whole_where_another_row_has_none(compare_result):
    lines = render(compare_result, "csv").splitlines()
    assert ",2.0,2,1,83,2," in lines[1]
    assert ",,,,3,0," in lines[3]
