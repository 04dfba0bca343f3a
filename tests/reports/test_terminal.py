"""What a terminal shows: widths, colours, and names that are meant to do harm."""

from __future__ import annotations

import dataclasses
import re

import pytest
from canned_results import CANNED
from rich.cells import cell_len

from lwprof.reports import render
from lwprof.reports.contents import Cell, Column, Page, Table
from lwprof.results.latency import Relative
from lwprof.results.networks import Model

ESCAPE = "\x1b["
HOSTILE = [
    "[red]boo[/red]",
    "[/]",
    "a\x1b[31mb",
    "two\nlines",
    "tab\there",
    "back\\slash",
    "\u202egnirts",
    "e\udcffe",
    ":smile:",
]


def named(result, name):
    """The same comparison with its second network called otherwise."""
    model = dataclasses.replace(result.models[1], model=Model(name, name, result.models[1].model.inputs))
    return dataclasses.replace(result, models=(result.models[0], model, *result.models[2:]))


def figures_in(text):
    """Every number in ``text``, as it is written."""
    return set(re.findall(r"\d(?:[\d,.]*\d)?", text))


@pytest.mark.parametrize("canned", CANNED)
@pytest.mark.parametrize(
    "width", [33, 80, *(pytest.param(width, marks=pytest.mark.slow) for width in (20, 45, 60, 72, 100, 120, 160))]
)
def test_no_line_is_wider_than_the_terminal_and_no_figure_is_cut(canned, width, request):
    result = request.getfixturevalue(canned)
    text = render(result, width=width)
    assert max(map(cell_len, text.splitlines())) <= width
    shown, wanted = figures_in(text), figures_in(render(result))
    if width >= 33:
        assert shown <= wanted
        assert shown == wanted or "left out at this width" in text
    assert "…" not in text


def test_the_comparison_is_one_table_in_100_columns_and_two_in_80(compare_result):
    assert render(compare_result, width=100).count("top-1  ★") == 1
    wide = next(line for line in render(compare_result, width=100).splitlines() if line.startswith("mbv2"))
    assert "3.505 M" in wide
    assert "0.741 ± 0.012 ×" in wide
    narrow = [line for line in render(compare_result, width=80).splitlines() if line.startswith("mbv2 ")]
    assert ["3.505 M" in line for line in narrow] == [True, False, False]
    assert ["0.741 ± 0.012 ×" in line for line in narrow] == [False, True, False]


def test_without_a_width_headers_are_in_full_and_notes_on_one_line(compare_result):
    text = render(compare_result)
    header = next(line for line in text.splitlines() if line.startswith("network"))
    assert "FLOPs (mult-adds)" in header
    assert "MAC (memory access), paper" in header
    assert len([line for line in text.splitlines() if line.startswith("- ★")]) == 1


@pytest.mark.parametrize(("view", "text"), [("paper", "17.0 M"), ("eager", "44.0 M"), ("fused", "18.0 M")])
def test_the_view_of_memory_access_is_chosen_and_named(view, text, compare_result):
    table = render(compare_result, "markdown", view=view)
    assert f"MAC (memory access), {view}" in table
    assert text in next(line for line in table.splitlines() if line.startswith("| mbv2"))


def test_a_narrow_terminal_says_which_columns_it_lacks(profile_result):
    assert "(left out at this width: type, output)" in render(profile_result, width=60)
    assert "left out" not in render(profile_result, width=120)


@pytest.mark.slow
def test_colour_only_where_it_is_asked_for(compare_result, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert ESCAPE not in render(compare_result)
    colored = render(compare_result, color=True)
    assert ESCAPE in colored
    plain = re.sub(r"\x1b\[[\d;]*m", "", colored)
    assert "".join(plain.split()) == "".join(render(compare_result).split())


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("width", [None, 100, 40])
def test_a_hostile_name_is_shown_literally(name, width, compare_result):
    text = render(named(compare_result, name), width=width, color=False)
    shown = name.encode("unicode_escape").decode() if not name.isprintable() else name
    assert shown in text
    assert all(char.isprintable() for line in text.split("\n") for char in line)
    if width is None:
        rows = [line for line in text.splitlines() if "0.741" in line]
        assert len(rows) == 1


def test_a_name_longer_than_the_terminal_is_folded(compare_result):
    text = render(named(compare_result, "n" * 300), width=80)
    assert max(map(len, text.splitlines())) <= 80
    assert text.count("n" * 60) >= 1 or text.count("n") >= 600


def test_names_in_wide_characters_keep_the_columns_straight(compare_result):
    lines = render(named(compare_result, "网络"), width=100).splitlines()
    rows = [line for line in lines if "6.42 MB" in line or "9.63 MB" in line]
    assert len({cell_len(line[: line.index("MB")]) for line in rows}) == 1


def test_interrupted_is_said_first(compare_result):
    text = render(dataclasses.replace(compare_result, interrupted=True))
    assert next(line for line in text.splitlines() if line.startswith("- ")).startswith("- interrupted")


def test_networks_that_were_not_timed_have_a_dash_and_untimed_comparisons_no_column(compare_result):
    first, second, third = compare_result.models
    cut = dataclasses.replace(
        compare_result, models=(first, dataclasses.replace(second, timings=(), relative=()), third)
    )
    row = next(line for line in render(cut, "markdown").splitlines() if line.startswith("| mbv2"))
    assert "| – | – | 72.0 % |" in row
    bare = [dataclasses.replace(model, timings=(), relative=()) for model in compare_result.models]
    text = render(dataclasses.replace(compare_result, models=tuple(bare)))
    assert "nothing was timed" in text
    assert "relative to first" not in text
    assert "Pareto front of published top-1 and mult-adds" in text


def test_additions_of_adder_layers_are_marked_and_named(compare_result):
    first, second, third = (dataclasses.replace(model, timings=(), relative=()) for model in compare_result.models)
    second = dataclasses.replace(second, totals=dataclasses.replace(second.totals, additions=7_938_244_608))
    text = render(dataclasses.replace(compare_result, models=(first, second, third)))
    assert "300.8 M†" in text
    assert "568.7 M " in text
    assert "† and additions, which are no mult-adds: mbv2 7.938 G" in text
    assert "no heavier; additions are left out" in text


def test_several_timings_of_a_network_are_rows_of_their_own(compare_result):
    first, second, _ = compare_result.models
    slow = dataclasses.replace(second.timings[0], backend="onnx", median_s=0.02, ci95_s=(0.019, 0.021))
    base = dataclasses.replace(first.timings[0], backend="onnx")
    pair = dataclasses.replace(
        compare_result,
        models=(
            dataclasses.replace(first, timings=(*first.timings, base)),
            dataclasses.replace(
                second,
                timings=(*second.timings, slow),
                relative=(*second.relative, Relative("onnx", "mbv1", 1.1, (1.05, 1.15), "slower")),
            ),
        ),
    )
    text = render(pair)
    lines = text.splitlines()
    place = next(place for place, line in enumerate(lines) if line.startswith("mbv2"))
    rows = [line.split() for line in lines[place : place + 2]]
    assert rows[0][1:3] == ["3.505", "M"]
    assert "torch" in rows[0]
    assert rows[1][0] == "onnx"
    assert rows[1][-1] == "slower"
    assert "- timed on cpu, 1 thread, batch 1, float32" in text
    assert len(render(pair, "csv").splitlines()) == 5


def test_one_name_for_two_specs_is_replaced_by_the_specs(compare_result):
    first = compare_result.models[0]
    half = dataclasses.replace(compare_result.models[1], model=Model("mbv1", "mbv1:width=0.5", first.model.inputs))
    text = render(dataclasses.replace(compare_result, models=(first, half)))
    assert "\nmbv1:width=0.5 " in text
    twice = render(dataclasses.replace(compare_result, models=(first, first)))
    assert len([line for line in twice.splitlines() if line.startswith("mbv1 ")]) == 4


def test_different_inputs_have_a_column(compare_result):
    first, second, _ = compare_result.models
    small = dataclasses.replace(first.model.inputs[0], shape=(1, 3, 160, 160))
    other = dataclasses.replace(second, model=Model("mbv2", "mbv2:resolution=160", (small,)))
    text = render(dataclasses.replace(compare_result, models=(first, other)), "markdown")
    assert "| mbv2 | 1×3×160×160 float32 |" in text
    assert "- input:" not in text


def test_the_same_warning_is_said_once(compare_result):
    first, second, third = compare_result.models
    busy = second.timings[0].warnings
    both = dataclasses.replace(first, timings=(dataclasses.replace(first.timings[0], warnings=busy),))
    text = render(dataclasses.replace(compare_result, models=(both, second, third)))
    assert "- mbv1, mbv2: the machine was busy" in text


def test_a_kind_of_warning_is_one_sentence(compare_result):
    def warned(model, *warnings):
        return dataclasses.replace(model, timings=(dataclasses.replace(model.timings[0], warnings=warnings),))

    first, second, third = compare_result.models
    models = (
        warned(first, "the budget ended with an interval 3.1 % of the median wide, wanted 2 %", "no p90: 7 calls"),
        warned(second, "the budget ended with an interval 25.0 % of the median wide, wanted 2 %"),
        warned(third, "the budget ended with an interval 9.5 % of the median wide, wanted 2 %", "no p90: 10 calls"),
    )
    lines = render(dataclasses.replace(compare_result, models=models)).splitlines()
    assert "- all networks: the budget ended with an interval 3.1–25.0 % of the median wide, wanted 2 %" in lines
    assert "- mbv1, net.py:TinyNet: no p90: 7–10 calls" in lines


def test_the_same_network_twice_is_told_apart(compare_result):
    first, second, _ = compare_result.models
    text = render(dataclasses.replace(compare_result, models=(first, second, second)))
    assert len([line for line in text.splitlines() if line.startswith("mbv2 (2) ")]) == 2
    assert "- mbv2, mbv2 (2): the machine was busy" in text


def test_accuracies_of_a_column_have_the_same_digits(compare_result):
    first, second, _ = compare_result.models
    exact = dataclasses.replace(second, published=dataclasses.replace(second.published, top1=69.36))
    rows = render(dataclasses.replace(compare_result, models=(first, exact)), "markdown").splitlines()
    assert "| 70.6 % |" in next(row for row in rows if row.startswith("| mbv1"))
    assert "| 69.4 % |" in next(row for row in rows if row.startswith("| mbv2"))


def test_interrupted_before_anything_was_timed(compare_result):
    bare = tuple(dataclasses.replace(model, timings=(), relative=()) for model in compare_result.models)
    text = render(dataclasses.replace(compare_result, models=bare, interrupted=True))
    assert "- interrupted: nothing had been measured yet" in text


def test_a_name_in_the_tree_is_cut_rather_than_torn(profile_result):
    layers = (*profile_result.layers, dataclasses.replace(profile_result.layers[-1], name="activation_of_the_end"))
    rows = render(dataclasses.replace(profile_result, layers=layers), width=60).splitlines()
    (row,) = (row for row in rows if row.startswith("  activ"))
    assert re.fullmatch(r"  activ\w*…  1\.025 M .*", row)


def test_an_unexplained_rest_is_loud(crosscheck_result):
    text = render(crosscheck_result, color=True)
    assert re.search(r"\x1b\[1;31mUNEXPLAINED", text)
    assert "UNEXPLAINED" not in render(dataclasses.replace(crosscheck_result, rows=crosscheck_result.rows[:2]))


def test_the_tree_sums_what_is_inside_and_is_cut_at_its_depth(profile_result):
    rows = [line for line in render(profile_result, "markdown", depth=1).splitlines() if "|" in line]
    features = next(line for line in rows if "features" in line and "SeparableConv" not in line)
    assert features.startswith("| &emsp;features |  | 3.207 M | 567.7 M | 99.82 % |")
    assert "pointwise | Conv2d" not in "\n".join(rows)
    assert "&emsp;&emsp;&emsp;pointwise | Conv2d |" in render(profile_result, "markdown", depth=None)
    assert "1 of 3 levels deep" in render(profile_result, depth=1)


@pytest.mark.parametrize(
    ("sort", "first", "share"),
    [
        ("mult_adds", "features.1.pointwise", "94.86 %"),
        ("params", "features.1.pointwise", "74.70 %"),
        ("paper_elements", "features.1.pointwise", "54.05 %"),
        ("eager_elements", "features.1.pointwise", "78.57 %"),
    ],
)
def test_a_sorted_list_has_own_costs_from_the_dearest_on(sort, first, share, profile_result):
    text = render(profile_result, "markdown", sort=sort, top=2)
    table = text[text.index("### Layers by their own") : text.index("### Kinds")].splitlines()
    rows = [line for line in table if line.startswith("| ")][2:]
    assert len(rows) == 2
    assert rows[0].startswith(f"| {first} |")
    assert share in rows[0]
    assert "(2 of 6)" in table[0]


def test_shares_by_kind_are_those_of_the_paper(profile_result):
    row = next(line for line in render(profile_result, "markdown").splitlines() if line.startswith("| pointwise"))
    assert row == "| pointwise | 3,139,584 | 74.57 % | 539.5 M | 94.86 % | 7.781 M | 54.05 % |"


def test_a_table_of_a_command_has_the_same_formats():
    table = Table.of(
        "networks",
        [Column("name", "network"), Column("params", "params", align="right"), Column("about", "about", wrap=True)],
        [["mbv1", 4231976, "Depthwise separable convolutions " * 4], [Cell("x", "raw"), None, ["a", "b"]]],
        "Networks",
        ["a note"],
    )
    assert max(map(len, render(table, width=50).splitlines())) <= 50
    assert "4,231,976" in render(table, width=50)
    assert "| mbv1 | 4,231,976 |" in render(table, "markdown")
    assert render(table, "csv").splitlines()[2] == "raw,,a; b"
    assert '"networks": [' in render(table, "json")
    assert '"params": 4231976' in render(Page("All", (table,)), "json")


def test_a_row_that_does_not_fit_its_columns_is_a_mistake():
    with pytest.raises(ValueError, match="every row of networks needs 1 cells"):
        Table.of("networks", [Column("name", "network")], [["a", "b"]])


def test_an_empty_table_has_its_header():
    assert render(Table.of("none", [Column("name", "network")], []), width=40).startswith("network")


def test_numbers_keep_their_headers_in_records() -> None:
    columns = [Column(name, name, align="right") for name in ("compute", "memory", "last cache")]
    text = render(Table.of("ceilings", columns, [["54.3 G mult-adds/s", "44 GB/s", "33.55 MB"]]), width=24)
    assert text.splitlines()[0] == "  compute: 54.3 G"
    assert "  memory: 44 GB/s" in text.splitlines()
