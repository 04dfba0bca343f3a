"""Comparisons of several machines in one table: no ratio is across files."""

from __future__ import annotations

import csv
import dataclasses
import io
import json

import pytest

from lwprof.cli import main
from lwprof.reports import render, render_all
from lwprof.reports.runs import labels
from lwprof.results.latency import CompareResult, Relative


def cells(text):
    """Rows of the first table in Markdown, by header."""
    lines = [[item.strip() for item in line.strip("|").split(" | ")] for line in text.split("\n\n")[1].splitlines()]
    return [dict(zip(lines[0], line, strict=True)) for line in lines[2:]]


@pytest.fixture
def desk(compare_result) -> CompareResult:
    """The same two networks, in another order, on a machine that is twice as fast."""
    first, second, _ = compare_result.models

    def halved(model):
        (timing,) = model.timings
        low, high = timing.ci95_s
        return dataclasses.replace(timing, median_s=timing.median_s / 2, ci95_s=(low / 2, high / 2), warnings=("hot",))

    second = dataclasses.replace(second, timings=(halved(second),), relative=())
    first = dataclasses.replace(
        first, timings=(halved(first),), relative=(Relative("torch", "mbv2", 1.35, (1.34, 1.36), "slower"),)
    )
    environment = {"cpu": "Other CPU", "cores": 16, "torch": "2.13.0", "load_1min": 0.3}
    return CompareResult((second, first), environment)


def both(compare_result, desk, format="markdown", **options):
    """One text of the two, under the names of their files."""
    return render_all([("out/laptop.json", compare_result), ("out/desk.json", desk)], format, **options)


def test_a_row_for_each_network_and_file_with_the_structure_once(compare_result, desk):
    text = both(compare_result, desk)
    assert text.startswith("## 3 networks compared in 2 files\n")
    assert [(row["network"], row["file"], row["params"]) for row in cells(text)] == [
        ("mbv1", "laptop", "4.232 M"), ("", "desk", ""), ("mbv2", "laptop", "3.505 M"), ("", "desk", ""),
        ("net.py:TinyNet", "laptop", "612"),
    ]  # fmt: skip
    assert text.count("networks compared") == 1


def test_ratios_are_those_of_each_file(compare_result, desk):
    rows = cells(both(compare_result, desk))
    assert [(row["latency"], row["relative to mbv1"]) for row in rows] == [
        ("18.35 ± 0.06 ms", "1 ×"), ("9.17 ± 0.03 ms", "1.350 ± 0.010 ×, slower than mbv2"),
        ("13.60 ± 0.14 ms", "0.741 ± 0.012 ×, faster"), ("6.80 ± 0.07 ms", "–"),
        ("18.3 ± 0.2 ms", "0.999 ± 0.007 ×, indistinguishable"),
    ]  # fmt: skip


def test_several_settings_and_files(settings_result, gpu_result):
    rows = cells(both(settings_result, gpu_result))
    mbv2 = [(row["file"], row["timed on"]) for row in rows][4:10]
    assert mbv2 == [
        ("laptop", "torch"), ("", "onnxruntime"), ("", "onnxruntime int8"), ("", "ncnn"),
        ("desk", "torch cuda channels_last"),
        ("", "torch cuda channels_last cold L2"),
    ]  # fmt: skip
    assert rows[9]["relative to torch"] == "1.143 ± 0.013 ×, slower than torch cuda channels_last"


def test_environments_are_apart_and_what_differs_is_named(compare_result, desk):
    text = both(compare_result, desk)
    assert "- environment of laptop: cpu Example CPU, cores 2, torch 2.13.0" in text
    assert "- environment of desk: cpu Other CPU, cores 16, torch 2.13.0" in text
    assert "- the files differ in cpu, cores: " in text
    same = dataclasses.replace(desk, environment=compare_result.environment)
    assert "the files differ" not in both(compare_result, same)


def test_what_went_wrong_is_said_with_its_file(compare_result, desk):
    text = both(dataclasses.replace(compare_result, interrupted=True), dataclasses.replace(desk, failure="mbv1: boo"))
    assert "- **laptop: interrupted: this is what had been measured by then**" in text
    assert "- **desk: mbv1: boo**" in text
    assert "- laptop: mbv2: the machine was busy" in text
    assert "- desk: all networks: hot" in text


def test_a_network_with_another_structure_is_shown_apart(compare_result, desk):
    model = desk.models[0]
    grown = dataclasses.replace(model, totals=dataclasses.replace(model.totals, params=4_000_000))
    text = both(compare_result, dataclasses.replace(desk, models=(grown, desk.models[1])))
    assert text.startswith("## 3 networks compared in 2 files\n")
    rows = {row["network"]: (row["file"], row["params"]) for row in cells(text) if row["network"]}
    assert rows["mbv2 (laptop)"] == ("laptop", "3.505 M")
    assert rows["mbv2 (desk)"] == ("desk", "4.000 M")
    assert "mbv2 has not the same structure or input in laptop and in desk" in text


def test_the_same_network_twice_in_a_file_stays_two(compare_result, desk):
    twice = dataclasses.replace(desk, models=(*desk.models, desk.models[0]))
    assert both(compare_result, twice).startswith("## 4 networks compared in 2 files\n")
    rows = cells(both(compare_result, twice))
    assert [row["network"] for row in rows if row["network"]] == ["mbv1", "mbv2", "net.py:TinyNet", "mbv2 (2)"]


@pytest.mark.slow
@pytest.mark.parametrize("width", [20, 60, 80, 100, None])
def test_every_latency_is_shown_at_every_width(width, settings_result, desk):
    text = " ".join(both(settings_result, desk, "table", width=width).split())
    for latency in ("18.30", "8.10", "9.17", "6.80", "0.300"):
        assert latency in text
    assert "…" not in text


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (["laptop.json", "out/desk.json"], ["laptop", "desk"]),
        (["a/x.json", "b/x.json", "y.json"], ["a/x", "b/x", "y"]),
        (["a/x.json", "a/x.json"], ["x", "x (2)"]),
        (["x.json", "a/x.json"], ["x.json", "a/x"]),
        (["x.1.json", "x.2.json"], ["x.1", "x.2"]),
    ],
)
def test_labels_tell_files_apart(files, expected):
    assert labels(files) == expected


def test_other_kinds_are_one_page_after_another(compare_result, profile_result):
    text = render_all([("a.json", compare_result), ("b.json", profile_result)], "markdown")
    assert text == f"{render(compare_result, 'markdown')}\n{render(profile_result, 'markdown')}"


def test_one_comparison_is_as_it_was(compare_result):
    assert render_all([("a.json", compare_result)], "markdown") == render(compare_result, "markdown")


def test_csv_and_json_keep_every_file_apart(compare_result, desk):
    rows = list(csv.DictReader(io.StringIO(both(compare_result, desk, "csv"))))
    assert [row["result"] for row in rows] == ["out/laptop.json"] * 3 + ["out/desk.json"] * 2
    assert [document["environment"]["cpu"] for document in json.loads(both(compare_result, desk, "json"))] == [
        "Example CPU",
        "Other CPU",
    ]


def test_the_command_shows_saved_files_in_one_table(compare_result, desk, tmp_path, capsys):
    for name, result in (("laptop", compare_result), ("desk", desk)):
        result.save(tmp_path / f"{name}.json")
    files = [str(tmp_path / f"{name}.json") for name in ("laptop", "desk")]
    assert main(["report", *files, "--format", "markdown"]) == 0
    assert capsys.readouterr().out == both(compare_result, desk)


def test_threads_that_differ_are_in_every_row_and_in_no_header(settings_result):
    models = [
        dataclasses.replace(model, timings=tuple(dataclasses.replace(item, threads=2) for item in model.timings))
        for model in settings_result.models
    ]
    rows = cells(both(settings_result, dataclasses.replace(settings_result, models=tuple(models))))
    assert [row["timed on"] for row in rows[:8:4]] == ["torch, 1 thread", "torch, 2 threads"]
    assert [row["relative to torch"] for row in rows[:6:4]] == ["1 ×", "1 ×"]
