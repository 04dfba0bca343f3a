"""The table of networks that were timed on several settings."""

from __future__ import annotations

import csv
import dataclasses
import io
import json

import pytest

from lwprof.reports import render
from lwprof.results import loading
from lwprof.results.latency import Timing, Untimed

LATER = {
    "setting", "layout", "convert_s", "converted_before", "size_bytes", "difference", "events_s", "median_events_s",
    "l2", "peak_memory_bytes", "across", "untimed", "settings", "boards",
}  # fmt: skip
"""Keys that the first documents of this schema lack."""


def cells(text, title=None):
    """Rows of a table in Markdown, by header; names are said in the first row of a network only."""
    part = text.split(f"### {title}\n\n")[1] if title else text.split("\n\n")[1]
    lines = [[item.strip() for item in line.strip("|").split(" | ")] for line in part.split("\n\n")[0].splitlines()]
    return [dict(zip(lines[0], line, strict=True)) for line in lines[2:]]


def without(data, keys):
    """A document of plain data without some keys, wherever they are."""
    if isinstance(data, dict):
        return {key: without(value, keys) for key, value in data.items() if key not in keys}
    return [without(item, keys) for item in data] if isinstance(data, list) else data


def changed(result, place, **fields):
    """The same comparison with one network otherwise."""
    models = list(result.models)
    models[place] = dataclasses.replace(models[place], **fields)
    return dataclasses.replace(result, models=tuple(models))


@pytest.mark.parametrize("format", ["table", "markdown"])
@pytest.mark.parametrize("width", [None, 100, 60])
def test_a_document_of_an_earlier_version_looks_as_it_did(format, width, compare_result):
    document = without(json.loads(compare_result.to_json()), LATER)
    assert not LATER & set(document["models"][0]["timings"][0])
    earlier = loading.from_dict(document)
    assert earlier == compare_result
    assert render(earlier, format, width=width) == render(compare_result, format, width=width)


def test_a_row_for_each_network_and_setting_with_the_structure_once(settings_result):
    rows = cells(render(settings_result, "markdown"))
    settings = ["torch", "onnxruntime", "onnxruntime int8", "ncnn"]
    assert [row["timed on"] for row in rows] == settings * 3
    assert [row["network"] for row in rows if row["network"]] == ["mbv1", "mbv2", "net.py:TinyNet"]
    for start in (0, 4, 8):
        assert rows[start]["params"]
        assert {row["params"] for row in rows[start + 1 : start + 4]} == {""}


def test_both_ratios_are_named_by_what_they_are_relative_to(settings_result):
    rows = cells(render(settings_result, "markdown"))
    assert [row["relative to mbv1"] for row in rows[:8]] == [
        "1 ×", "1 ×", "1 ×", "1 ×",
        "0.74 ± 0.02 ×, faster", "0.60 ± 0.02 ×, faster", "–", "1.01 ± 0.02 ×, indistinguishable",
    ]  # fmt: skip
    assert [row["relative to torch"] for row in rows] == [
        "1 ×", "0.44 ± 0.02 ×, faster", "0.28 ± 0.02 ×, faster", "0.50 ± 0.02 ×, faster",
        "1 ×", "0.36 ± 0.02 ×, faster", "–", "0.68 ± 0.02 ×, faster",
        "–", "–", "1.03 ± 0.02 ×, slower than onnxruntime", "–",
    ]  # fmt: skip


def test_one_setting_has_no_columns_for_several(compare_result):
    header = next(iter(cells(render(compare_result, "markdown"))))
    assert "relative to first" in header
    assert "timed on" not in header
    assert not [key for key in header if "torch" in key]


def test_a_reason_is_said_once_for_all_networks_that_it_holds_for(settings_result):
    text = render(settings_result, "markdown")
    assert "- **nothing timed on openvino: the backend 'openvino' is not installed**" in text
    assert "- net.py:TinyNet not timed on torch: torch does not run ONNX files" in text
    assert "- **not timed: ncnn cannot convert net.py:TinyNet: there is no aten::warp (head.warp)**" in text
    reason = "ncnn cannot load {}: it has 3 inputs, not 1"
    two = settings_result
    for place, name in ((0, "mbv1"), (1, "mbv2")):
        failed = (Untimed("ncnn", "cpu", "ncnn", reason.format(name)),)
        two = changed(two, place, timings=settings_result.models[place].timings[:2], untimed=failed)
    assert "- not timed: ncnn cannot load mbv1, mbv2: it has 3 inputs, not 1" in render(two)


def test_reasons_that_differ_in_figures_are_one_and_networks_are_not_taken_for_parts_of_words(settings_result):
    two = settings_result
    for place, name, gap in ((0, "mbv1", "0.61"), (1, "mbv2", "0.7")):
        failed = Untimed("x", "cpu", "x", f"computes something else: {gap} of the range, see mbv1.txt for {name}")
        two = changed(two, place, untimed=(failed,))
    text = render(two)
    assert "- mbv1, mbv2 not timed on x: computes something else: 0.61–0.7 of the range" in text


def test_a_setting_that_timed_nothing_has_no_rows(settings_result):
    assert "openvino" not in {row["timed on"] for row in cells(render(settings_result, "markdown"))}


def test_the_front_is_of_the_first_setting_that_timed_anything(settings_result):
    text = render(settings_result, "markdown")
    assert "Pareto front of published top-1 and latency on torch:" in text
    (starred,) = (row for row in cells(text) if row["Pareto"])
    assert (starred["network"], starred["timed on"]) == ("mbv2", "torch")


def test_details_have_columns_with_content_only(settings_result, gpu_result, compare_result):
    rows = cells(render(settings_result, "markdown"), "How it was timed")
    assert [row["conversion"] for row in rows[:3]] == ["–", "700 ms", "3.40 s, kept"]
    runtimes = settings_result
    for place, model in enumerate(settings_result.models):
        alike = tuple(dataclasses.replace(item, dtype="float32") for item in model.timings)
        runtimes = changed(runtimes, place, timings=alike)
    rows = cells(render(runtimes, "markdown"), "How it was timed")
    assert rows[0]["model on disk"] == rows[0]["difference from torch"] == "–"
    assert [row["difference from torch"] for row in rows[1:4]] == ["2.1e-07", "3.1e-02", "3.4e-06"]
    assert rows[2]["model on disk"] == "4.40 MB"
    on_gpu = cells(render(gpu_result, "markdown"), "How it was timed")
    assert [row["L2 cache"] for row in on_gpu] == ["warm", "cold"]
    assert on_gpu[0]["median by events"] == "1.20 ms"
    assert on_gpu[0]["peak memory"] == "61.00 MB"
    assert not {"conversion", "model on disk", "difference from torch"} & set(on_gpu[0])
    plain = cells(render(compare_result, "markdown"), "How it was timed")
    assert set(plain[0]) == {"network", "samples × calls", "90th percentile", "first call", "load", "ended by"}


@pytest.mark.slow
def test_a_warning_names_the_settings_that_it_is_of(settings_result):
    warned = "mbv1 on onnxruntime, onnxruntime int8: the machine was busy"
    assert f"- {warned}" in render(settings_result)
    everywhere = settings_result
    for place, model in enumerate(settings_result.models):
        timings = tuple(dataclasses.replace(item, warnings=("it was noisy",)) for item in model.timings)
        everywhere = changed(everywhere, place, timings=timings)
    assert "- all networks: it was noisy" in render(everywhere)


def test_settings_keep_their_order_where_the_first_network_lacks_one(settings_result):
    first, second, third = settings_result.models
    text = render(dataclasses.replace(settings_result, models=(third, first, second)), "markdown")
    assert [row["timed on"] for row in cells(text)][:4] == ["torch", "onnxruntime", "onnxruntime int8", "ncnn"]


def test_csv_has_a_row_for_each_setting_timed_or_not(settings_result):
    rows = list(csv.DictReader(io.StringIO(render(settings_result, "csv"))))
    assert len(rows) == sum(len(model.timings) + len(model.untimed) for model in settings_result.models)
    int8 = next(row for row in rows if row["timings.setting"] == "onnxruntime int8")
    assert (int8["across.ratio"], int8["across.to"], int8["across.ci95.low"]) == ("0.279", "torch", "0.259")
    assert int8["timings.size_bytes"] == "4400000"
    assert int8["settings"] == "torch; onnxruntime; onnxruntime int8; ncnn; openvino"
    failed = next(row for row in rows if row["untimed.setting"] == "onnxruntime int8")
    assert (failed["model.name"], failed["untimed.difference"], failed["timings.median_s"]) == ("mbv2", "0.61", "")


@pytest.mark.slow
def test_a_large_comparison_is_one_table_with_a_row_a_network_and_setting(settings_result):
    first = settings_result.models[0]
    models = tuple(
        dataclasses.replace(first, model=dataclasses.replace(first.model, name=f"net{n}", spec=f"net{n}"))
        for n in range(22)
    )
    rows = cells(render(dataclasses.replace(settings_result, models=models), "markdown"))
    assert len(rows) == 88
    assert sum(bool(row["network"]) for row in rows) == 22


def test_narrow_parts_leave_out_rows_that_have_nothing_in_them(settings_result):
    structure = render(settings_result, width=80).split("\n\n")[1]
    assert [line.split()[0] for line in structure.splitlines()[-3:]] == ["mbv1", "mbv2", "net.py:TinyNet"]


def test_what_a_dtype_does_to_speed_size_and_agreement_is_in_one_row(settings_result):
    text = render(settings_result, "markdown")
    row = cells(text)[2]
    assert {key: row[key] for key in ("timed on", "latency", "model on disk", "difference from torch")} == {
        "timed on": "onnxruntime int8", "latency": "5.10 ± 0.05 ms", "model on disk": "4.40 MB",
        "difference from torch": "3.1e-02",
    }  # fmt: skip
    assert not {"model on disk", "difference from torch"} & set(cells(text, "How it was timed")[0])


@pytest.mark.parametrize(
    ("ratio", "interval", "verdict", "shown"),
    [
        (1.03, (1.015, 1.07), "slower", "1.03 [1.01, 1.07] ×, slower"),
        (0.97, (0.92, 0.985), "faster", "0.970 [0.920, 0.985] ×, faster"),
        (1.03, (0.99, 1.05), "indistinguishable", "1.03 ± 0.04 ×, indistinguishable"),
        (1.3, (1.2, 1.36), "slower", "1.30 ± 0.10 ×, slower"),
    ],
)
def test_a_lopsided_interval_does_not_seem_to_reach_over_one(compare_result, ratio, interval, verdict, shown):
    relative = (dataclasses.replace(compare_result.models[1].relative[0], ratio=ratio, ci95=interval, verdict=verdict),)
    rows = cells(render(changed(compare_result, 1, relative=relative), "markdown"))
    assert rows[1]["relative to first"].replace("\\", "") == shown


def test_one_network_on_several_settings_is_relative_to_the_first_setting_alone(settings_result, gpu_result):
    text = render(gpu_result, "markdown")
    assert [name for name in cells(text)[0] if name.startswith("relative")] == ["relative to first setting"]
    assert "paired round by round with the same network on the first setting, above 1 is slower" in text


@pytest.mark.slow
@pytest.mark.parametrize("width", [60, 80, 100])
def test_no_setting_is_torn_apart(width, settings_result):
    long = [dataclasses.replace(item, setting="openvino float16-weights") for item in settings_result.models[0].timings]
    text = render(
        changed(settings_result, 0, timings=(*settings_result.models[0].timings, long[0])), "table", width=width
    )
    assert "float16-weights" in text


def test_what_else_differs_between_timings_of_a_setting_is_in_its_name(settings_result):
    models = settings_result.models
    timings: list[Timing] = [dataclasses.replace(item, batch=8) for item in models[1].timings]
    rows = cells(render(changed(settings_result, 1, timings=tuple(timings)), "markdown"))
    assert [row["timed on"] for row in rows[:5:4]] == ["torch, batch 1", "torch, batch 8"]


def test_the_first_network_that_was_timed_is_what_others_are_relative_to(compare_result):
    missing = Untimed("torch", "cpu", "torch", "torch cannot load mbv1: boo")
    later = changed(changed(compare_result, 0, timings=(), untimed=(missing,)), 1, relative=())
    rows = cells(render(later, "markdown"))
    assert [row["relative to first"] for row in rows[:2]] == ["–", "1 ×"]
    assert "- **not timed: torch cannot load mbv1: boo**" in render(later, "markdown")
