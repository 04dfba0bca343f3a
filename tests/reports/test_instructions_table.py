"""Executed instructions in a comparison: beside latencies, never among them, and never as a time."""

from __future__ import annotations

import csv
import dataclasses
import io
import re

import pytest

from lwprof.cli import main
from lwprof.reports import render, render_all
from lwprof.results.latency import Untimed
from lwprof.results.structure import Coverage, Fragmentation, Totals

COUNTS = ("instructions", "instructions per mult-add", "not vector FMA", "instructions relative to mbv1")
CORES = ["ncnn arm-emulated:cortex-a76", "ncnn arm-emulated:cortex-a72"]


def cells(text, title=None):
    """Rows of a table in Markdown, by header; names are said in the first row of a network only."""
    part = text.split(f"### {title}\n\n")[1] if title else text.split("\n\n")[1]
    lines = [[item.strip() for item in line.strip("|").split(" | ")] for line in part.split("\n\n")[0].splitlines()]
    return [dict(zip(lines[0], line, strict=True)) for line in lines[2:]]


def changed(result, place, **fields):
    """The same comparison with one network otherwise."""
    models = list(result.models)
    models[place] = dataclasses.replace(models[place], **fields)
    return dataclasses.replace(result, models=tuple(models))


def only(result, *, timed):
    """The same comparison without its counts, or without its latencies."""
    dropped = {"counts": ()} if timed else {"timings": (), "relative": (), "across": ()}
    settings = tuple(name for name in result.settings if (name in CORES) != timed)
    models = tuple(
        dataclasses.replace(
            model, untimed=tuple(item for item in model.untimed if item.setting in settings), **dropped
        )
        for model in result.models
    )  # fmt: skip
    return dataclasses.replace(result, models=models, settings=settings, boards=result.boards if timed else {})


def test_total_per_mult_add_and_share_that_is_no_fma(counted_result):
    rows = cells(render(counted_result, "markdown"))
    assert [tuple(row[key] for key in COUNTS) for row in rows[2:5]] == [
        ("101.3 M", "0.337", "25.8 %", "0.675 ×"),
        ("54.7 M", "0.182", "25.8 %", "0.675 ×"),
        ("301.2 k", "5.330", "95.3 %", "0.00200 ×"),
    ]
    assert [row["counted on"] for row in rows[:2]] == [f"{CORES[0]} float32", f"{CORES[0]} float16"]


@pytest.mark.parametrize("format", ["table", "markdown"])
@pytest.mark.parametrize("width", [None, 100, 80, 60, 20])
def test_counts_alone_have_no_latency_and_no_unit_of_time(format, width, counted_result):
    text = render(counted_result, format, width=width)
    assert not re.search(r"\d\s*(s|ms|µs|ns)\b", text)
    assert "latency" not in text.replace("no latency", "")
    assert "timed" not in " ".join(text.split()).replace("nothing was timed", "")
    assert "faster" not in text


def test_no_count_stands_under_a_latency_and_none_the_other_way_round(arm_result):
    rows = cells(render(arm_result, "markdown"))
    counted = [row for row in rows if row["timed or counted on"] in CORES]
    assert len(counted) == 6
    for row in counted:
        assert (row["latency"], row["relative to mbv1"], row["relative to first setting"]) == ("", "", "")
    for row in rows:
        if row not in counted:
            assert not any(row[key] for key in COUNTS)
            assert row["latency"]
    timed = cells(render(arm_result, "markdown"), "How it was timed")
    assert not [row for row in timed if "arm-emulated" in row["timed on"]]


@pytest.mark.slow
def test_what_is_missing_is_a_dash_where_it_belongs(arm_result):
    last = cells(render(arm_result, "markdown"))[-1]
    assert last["timed or counted on"] == CORES[1]
    assert [last[key] for key in ("latency", *COUNTS)] == ["", "–", "–", "–", "–"]
    text = render(arm_result)
    assert f"- net.py:TinyNet not counted on {CORES[1]}: ncnn cannot load net.py:TinyNet: there is no Warp" in text
    assert "- net.py:TinyNet not timed on ncnn ssh://" in text


def test_where_nothing_was_counted_there_are_no_columns_but_the_reason(compare_result):
    device = CORES[0].removeprefix("ncnn ")
    missing = Untimed("ncnn", device, CORES[0], "no QEMU is installed: apt-get install qemu-user")
    result = compare_result
    for place in range(3):
        result = changed(result, place, untimed=(missing,))
    text = render(result, "markdown")
    assert f"- **nothing counted on {CORES[0]}: no QEMU is installed: apt-get install qemu-user**" in text
    assert not set(COUNTS) & set(cells(text)[0])
    assert "Executed instructions" not in text


def test_classes_of_each_network_and_core_with_its_runtime(arm_result):
    rows = cells(render(arm_result, "markdown"), "Executed instructions by class")
    assert [(row["network"], row["core"]) for row in rows] == [
        ("mbv1", "cortex-a76"), ("", "cortex-a72"), ("mbv2", "cortex-a76"), ("", "cortex-a72"),
        ("net.py:TinyNet", "cortex-a76"),
    ]  # fmt: skip
    assert {row["runtime"] for row in rows} == {"ncnn 1.0.20261020"}
    mbv2 = rows[2]
    assert [mbv2[key] for key in ("vector FMA", "vector load", "vector store", "other vector")] == [
        "75.2 M", "12.0 M", "3.960 M", "4.630 M",
    ]  # fmt: skip
    assert [mbv2[key] for key in ("scalar", "branch", "load", "store", "other")] == [
        "3.202 M", "1.500 M", "500.1 k", "359.0 k", "500",
    ]  # fmt: skip


@pytest.mark.slow
def test_the_legend_says_what_is_counted_and_that_it_is_no_time(counted_result, arm_result):
    said = "instructions: executed AArch64 instructions of one inference of ncnn 1.0.20261020 on an emulated {}; "
    ending = "deterministic; no time, and no estimate of it"
    assert f"- {said.format('Cortex-A76')}{ending}" in render(counted_result)
    assert f"- {said.format('Cortex-A76 or Cortex-A72')}{ending}" in render(arm_result)
    assert "- counted on ncnn, arm-emulated:cortex-a76, 1 thread, batch 1\n" in render(counted_result)
    assert "- no latency: instructions were counted, and nothing was timed\n" in render(counted_result)


def test_threads_of_latencies_are_not_those_of_counts(arm_result):
    rows = cells(render(arm_result, "markdown"))
    assert [row["timed or counted on"].rpartition(", ")[2] for row in rows[:4]] == [
        "1 thread", "2 threads", "2 threads", CORES[0],
    ]  # fmt: skip
    result = only(arm_result, timed=True)
    result = changed(result, 0, timings=result.models[0].timings[:1], across=(), counts=arm_result.models[0].counts)
    result = dataclasses.replace(result, models=result.models[:1])
    timing = dataclasses.replace(result.models[0].timings[0], threads=2)
    text = render(changed(result, 0, timings=(timing,)), "markdown")
    assert [row["timed or counted on"] for row in cells(text)] == ["torch", *CORES]
    assert "- timed on torch, cpu, 2 threads, batch 1, float32\n" in text
    assert "- counted on ncnn, 1 thread, batch 1, float32\n" in text


def test_a_network_without_mult_adds_has_none_to_count_by(counted_result):
    bare = {field.name: 0 for field in dataclasses.fields(Totals) if field.name != "memory_access"}
    totals = dataclasses.replace(counted_result.models[0].totals, **bare)
    shape = {"totals": totals, "fragmentation": Fragmentation(None, None, None, ()), "coverage": Coverage(1, 0, ())}
    row = cells(render(changed(counted_result, 0, **shape), "markdown"))[0]
    assert (row["instructions"], row["instructions per mult-add"]) == ("150.2 M", "–")
    (first, *_) = csv.DictReader(io.StringIO(render(changed(counted_result, 0, **shape), "csv")))
    assert (first["timings.instructions.total"], first["timings.instructions.per_mult_add"]) == ("150243811", "")


def test_the_ratio_is_to_the_first_network_that_was_counted_on_the_core(arm_result):
    rows = cells(render(changed(arm_result, 0, counts=arm_result.models[0].counts[1:]), "markdown"))
    ratios = [row["instructions relative to mbv1"] for row in rows if row["timed or counted on"] in CORES]
    assert ratios == ["1 ×", "–", "0.675 ×", "0.00297 × mbv2", "–"]
    one = dataclasses.replace(arm_result, models=arm_result.models[:1])
    assert not [name for name in cells(render(one, "markdown"))[0] if name.startswith("instructions relative")]


@pytest.mark.slow
def test_the_front_is_of_instructions_where_nothing_was_timed(counted_result, arm_result):
    text = render(counted_result)
    assert (
        f"★ on the Pareto front of published top-1 and instructions on {CORES[0]} float32: "
        "no other network here is as accurate with fewer, or more accurate with no more\n"
    ) in text
    (starred,) = (row for row in cells(render(counted_result, "markdown")) if row["Pareto"])
    assert (starred["network"], starred["counted on"]) == ("mbv2", f"{CORES[0]} float32")
    assert "Pareto front of published top-1 and latency on torch: " in render(arm_result)


@pytest.mark.slow
@pytest.mark.parametrize("width", [20, 60, 80, 100, 140, None])
def test_every_count_and_latency_is_shown_at_every_width(width, arm_result, counted_result):
    for result, numbers in (
        (arm_result, ("18.35", "32.1", "150.2 M", "151.7 M", "0.340", "25.8 %", "0.675 ×", "301.2 k")),
        (counted_result, ("81.1 M", "54.7 M", "0.143", "95.3 %", "0.00200 ×")),
    ):
        text = render(result, width=width)
        joined = " ".join(text.split())
        assert not [number for number in numbers if number not in joined]
        assert "…" not in text
        if width and width > 20:  # no longer than a word
            assert max(map(len, text.splitlines())) <= width


@pytest.mark.slow
def test_a_narrow_part_with_counts_names_the_networks_whose_first_rows_are_left_out(arm_result):
    part = next(part for part in render(arm_result, width=60).split("\n\n") if "per" in part and "FMA" in part)
    rows = part.split("─\n")[1].splitlines()
    assert [row.split()[0] for row in rows if not row.startswith(" ")] == ["mbv1", "mbv2", "net.py:", "TinyNet"]
    assert "torch" not in part
    assert "ssh" not in part


@pytest.mark.slow
def test_counts_and_latencies_of_several_files_are_in_one_table(arm_result, tmp_path, capsys):
    files = []
    for name, timed in (("desk", True), ("ci", False)):
        only(arm_result, timed=timed).save(tmp_path / f"{name}.json")
        files.append(str(tmp_path / f"{name}.json"))
    ci = only(arm_result, timed=False)
    dataclasses.replace(ci, environment={"cpu": "Other CPU", "cores": 8}).save(files[1])
    assert main(["report", *files, "--format", "markdown"]) == 0
    text = capsys.readouterr().out
    assert text.startswith("## 3 networks compared in 2 files\n")
    rows = cells(text)
    assert [(row["file"], row["timed or counted on"]) for row in rows[5:10]] == [
        ("desk", "torch, 1 thread"),
        ("", rows[1]["timed or counted on"]),
        ("", rows[2]["timed or counted on"].removesuffix(", 2 threads")),
        ("ci", CORES[0]),
        ("", CORES[1]),
    ]  # fmt: skip
    assert "the files differ" not in text  # what was counted is the same on every machine
    assert "- ci: no latency: nothing was timed" in text
    assert "- desk: no instructions: nothing was counted" in text
    assert "- environment of ci: cpu Other CPU, cores 8" in text
    assert "- desk: board ssh://pi@raspberrypi:2222/home/pi/venv/bin/python: cpu Cortex-A76, cores 4" in text
    two = [(name, dataclasses.replace(result, models=result.models[:2]))
           for name, result in (("desk", only(arm_result, timed=True)), ("ci", ci))]  # fmt: skip
    narrow = render_all(two, "table", width=60)
    part = next(part for part in narrow.split("\n\n") if "per" in part and "FMA" in part)
    assert [line.split()[:2] for line in part.splitlines() if line.startswith("mbv")] == [
        ["mbv1", "ci"],
        ["mbv2", "ci"],
    ]


@pytest.mark.slow
def test_files_of_which_one_has_counts_differ_in_no_device_that_was_timed(arm_result):
    desk = dataclasses.replace(only(arm_result, timed=True), environment={"device": "cpu"})
    both = dataclasses.replace(arm_result, environment={"device": "cpu, arm-emulated:cortex-a76"})
    assert "the files differ" not in render_all([("desk.json", desk), ("both.json", both)])
    board = dataclasses.replace(arm_result, environment={"device": "cpu, ssh://pi@raspberrypi"})
    assert "- the files differ in device: " in render_all([("desk.json", desk), ("both.json", board)])


def test_fronts_of_files_that_were_timed_and_of_others_are_told_apart(arm_result):
    desk, ci = only(arm_result, timed=True), only(arm_result, timed=False)
    text = render_all([("desk.json", desk), ("ci.json", ci)], "markdown")
    assert "- desk: ★ on the Pareto front of published top-1 and latency on torch: no other network of its file" in text
    assert f"- ci: ★ on the Pareto front of published top-1 and instructions on {CORES[0]}: no other network of" in text


def test_counts_of_different_versions_are_told_apart(counted_result):
    def newer(model):
        counts = tuple(dataclasses.replace(count, runtime="ncnn 2.0") for count in model.counts)
        return dataclasses.replace(model, counts=counts)

    later = dataclasses.replace(counted_result, models=tuple(map(newer, counted_result.models)))
    text = render_all([("old.json", counted_result), ("new.json", later)], "markdown")
    assert "- ncnn 1.0.20261020 and ncnn 2.0 execute different instructions for the same network" in text
    rows = cells(text, "Executed instructions by class")
    assert [(row["file"], row["runtime"]) for row in rows[:4]] == [
        ("old", "ncnn 1.0.20261020"), ("", "ncnn 1.0.20261020"), ("new", "ncnn 2.0"), ("", "ncnn 2.0"),
    ]  # fmt: skip


def test_interrupted_after_counting(counted_result):
    text = render(dataclasses.replace(counted_result, interrupted=True))
    assert "- interrupted: this is what had been measured by then\n" in text


@pytest.mark.slow
def test_warnings_of_counts_name_their_core(arm_result, counted_result):
    assert f"- mbv1 on {CORES[0]}: the classes of 12 instructions are guessed" in render(arm_result)
    everywhere = counted_result
    for place, model in enumerate(counted_result.models):
        counts = tuple(dataclasses.replace(count, warnings=("it is odd",)) for count in model.counts)
        everywhere = changed(everywhere, place, counts=counts)
    assert "- all networks: it is odd" in render(everywhere)


@pytest.mark.slow
def test_boards_are_in_the_environment(arm_result):
    board = "board ssh://pi@raspberrypi:2222/home/pi/venv/bin/python"
    text = render(arm_result)
    assert f"- {board}: cpu Cortex-A76, cores 4, governor ondemand, ncnn 1.0.20261020\n" in text
    assert "the same network on the first setting of the same machine, above 1 is slower" in text
    rows = cells(render(arm_result, "markdown"))
    assert [row["relative to first setting"] for row in rows[:3]] == ["–", "1 ×", "0.799 ± 0.019 ×, faster"]


def test_ratios_across_settings_of_two_machines_name_what_they_are_to(arm_result, settings_result):
    first = arm_result.models[0]
    runtime = settings_result.models[0].timings[1]
    ratio = settings_result.models[0].across[0]
    timings = (first.timings[0], runtime, *first.timings[1:])
    both = changed(arm_result, 0, timings=timings, across=(ratio, *first.across))
    both = dataclasses.replace(both, settings=("torch", "onnxruntime", *arm_result.settings[1:]))
    rows = cells(render(both, "markdown"))
    board = arm_result.settings[1]
    assert [row["relative to torch"] for row in rows[:4]] == [
        "1 ×", "0.44 ± 0.02 ×, faster", "–", f"0.799 ± 0.019 ×, faster than {board}",
    ]  # fmt: skip


def test_csv_has_counts_in_columns_of_their_own(arm_result, compare_result):
    rows = list(csv.DictReader(io.StringIO(render(arm_result, "csv"))))
    models = arm_result.models
    assert len(rows) == sum(len((*model.timings, *model.counts, *model.untimed)) for model in models)
    row = next(row for row in rows if row["model.name"] == "mbv2" and row["timings.core"] == "cortex-a76")
    shown = {key.removeprefix("timings."): value for key, value in row.items() if key.startswith("timings.") and value}
    assert shown == {
        "backend": "ncnn", "device": "arm-emulated:cortex-a76", "threads": "1", "batch": "1", "dtype": "float32",
        "setting": CORES[0], "core": "cortex-a76", "runtime": "ncnn 1.0.20261020",
        "instructions.total": "101341338", "instructions.vector_fma": "75178016",
        "instructions.vector_load": "12011442", "instructions.vector_store": "3960118",
        "instructions.vector_other": "4630027", "instructions.scalar": "3201775", "instructions.branch": "1500321",
        "instructions.load": "500112", "instructions.store": "359027", "instructions.other": "500",
        "instructions.per_mult_add": "0.3369348625669685", "instructions.not_fma": "0.2581702838776413",
    }  # fmt: skip
    timed = next(row for row in rows if row["timings.device"].startswith("ssh"))
    assert (timed["timings.instructions.total"], timed["timings.core"], timed["timings.cores"]) == ("", "", "2-3")
    assert (timed["board.cpu"], timed["environment.cpu"], row["board.cpu"]) == ("Cortex-A76", "Example CPU", "")
    plain = next(iter(csv.DictReader(io.StringIO(render(compare_result, "csv")))))
    assert set(row) - set(plain) == {f"board.{key}" for key in ("cpu", "cores", "governor", "ncnn")} | {
        "environment.backend", "environment.threads",
    }  # fmt: skip
