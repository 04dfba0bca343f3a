"""LaTeX: what it would act on, and what its pages are too small for."""

from __future__ import annotations

import dataclasses
import re

import pytest

from lwprof.reports import render, render_all
from lwprof.reports.contents import Column, Note, Page, Table
from lwprof.reports.latex import escape
from lwprof.results.networks import Model


def grids(text):
    """Rows of every grid but those inside cells, by environment."""
    return [
        body.partition("\\midrule\n")[2].partition("\\bottomrule")[0].splitlines()
        for body in re.split(r"\\toprule\n", text)[1:]
    ]


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("50%_&#$", r"50\%\_\&\#\$"),
        ("~^\\{}", r"\textasciitilde{}\textasciicircum{}\textbackslash{}\{\}"),
        ("[1em]", "{[}1em{]}"),  # else the length of the rule or row's end before it
        ("*", "{*}"),
        ("a|b<c>", r"a\textbar{}b\textless{}c\textgreater{}"),
        ("--top ---", "-{}-top -{}-{}-"),  # else dashes
        ("±×★–µ→", r"$\pm$$\times$$\star$--$\mu$$\rightarrow$"),
        ("é Å ß", "é Å ß"),
        ("ą 中 ★", r"\textless{}U+0105\textgreater{} \textless{}U+4E2D\textgreater{} $\star$"),
    ],
)
def test_a_name_is_literal_wherever_it_stands(name, written, profile_result):
    assert escape(name) == written
    text = render(dataclasses.replace(profile_result, model=Model(name, name, ())), "latex")
    assert f"\\caption{{{written}}}" in text
    assert f"\n{written} & MobileNetV1 & " in text


def test_every_row_has_as_many_cells_as_its_grid(profile_result, compare_result, audit_result):
    text = render_all([("a", profile_result), ("b", audit_result), ("c", compare_result)], "latex")
    kinds = re.findall(r"\\begin\{(?:tabular|longtable)\}\{([^@{}]*(?:\{[^{}]*\}[^{}]*)*)\}\n", text)
    found = grids(text)
    assert len(kinds) == len(found) > 10
    for kind, rows in zip(kinds, found, strict=True):
        columns = len(re.sub(r"\{.*?\}", "", kind))
        assert rows
        assert {len(re.findall(r"(?<!\\)&", row)) + 1 for row in rows} == {columns}


def test_labels_are_all_different(profile_result, compare_result):
    named = [("a", profile_result), ("b", profile_result), ("c", compare_result)]
    labels = re.findall(r"\\label\{(.*?)\}", render_all(named, "latex"))
    assert "tab:mbv1-layers" in labels
    assert "tab:mbv1-layers-2" in labels
    assert len(set(labels)) == len(labels)
    assert all(re.fullmatch(r"tab:[a-z0-9-]+", label) for label in labels)


def page(rows, columns=2, notes=()):
    heads = [Column(f"c{place}", f"header {place}", align="right") for place in range(columns)]
    return Page("page", (Table.of("rows", heads, [[10**9] * columns] * rows, notes=["of the table"]),), notes)


def test_notes_stand_below_their_table():
    text = render(page(1, notes=(Note("bad & all", "bad"), Note("of the page"))), "latex")
    assert text.index("\\bottomrule") < text.index("of the table") < text.index("\\textbf{bad \\& all}\\par")
    assert text.index("of the page\\par") < text.index("\\end{table}")


def test_what_is_higher_than_a_page_breaks_across_pages():
    short, long = render(page(20), "latex"), render(page(80), "latex")
    assert "longtable" not in short
    assert long.startswith("% In the preamble: \\usepackage{booktabs,longtable}\n")
    assert long.count("\\begin{longtable}{rr}") == long.count("\\caption{page}") == 1
    assert len(re.findall(r"^1,000,000,000 &", long, re.MULTILINE)) == 80


def test_what_is_wider_than_a_page_is_parted_as_on_a_terminal(settings_result):
    text = render(settings_result, "latex")
    assert len(grids(text)) > len(re.findall(r"\\label", text))
    assert text.count("2.94 / 1") == 1


def test_numbers_stand_at_the_right(profile_result):
    assert "\\begin{tabular}{lrrrrrr}\n" in render(profile_result, "latex").partition("tab:mbv1-kinds")[2]
