"""What people read of an audit: its verdict, what matters first, and what is left out is said."""

from __future__ import annotations

import csv
import dataclasses
import io

import pytest
from rich.cells import cell_len

from lwprof.reports import render
from lwprof.results import loading
from lwprof.results.audit import AuditedModel, AuditResult, Finding, Growth


def only(result: AuditResult, place: int = 0, **changes: object) -> AuditResult:
    """The same audit of one of its networks."""
    model = dataclasses.replace(result.models[place], **changes)
    return dataclasses.replace(result, models=(model,), ok=model.ok)


def section(text: str, title: str) -> list[str]:
    """Lines under a title, up to the next empty one."""
    lines = text.splitlines()
    start = lines.index(next(line for line in lines if line.startswith(title)))
    return lines[start + 1 : lines.index("", start)]


@pytest.mark.slow
def test_the_verdict_comes_first(audit_result, clean_audit):
    assert render(audit_result).startswith("3 of 4 networks fail the audit\n")
    assert render(clean_audit).startswith("mbv1 passes the audit\n")
    assert render(only(audit_result)).startswith("mbv2 fails the audit\n")
    assert render(AuditResult((), True)).startswith("no network was audited\n")


def test_a_line_a_network_says_how_many_findings_are_new(audit_result):
    lines = render(audit_result).splitlines()
    rows = [line.split("  ") for line in lines[4:8]]
    assert [[cell.strip() for cell in row if cell.strip()] for row in rows] == [
        ["mbv2", "fails", "1", "3", "1", "1 over budget, 1 grown, 2 known, 2 mended, 3 ignored"],
        ["net.py:TinyNet", "fails", "0", "2", "1"],
        ["shufflenetv2", "passes", "0", "0", "0"],
        ["broken.py:Net", "not audited", "–", "–", "–"],
    ]


def test_findings_stand_in_the_order_of_their_price(audit_result):
    rows = section(render(audit_result), "mbv2: findings")[2:]
    assert [row.split()[0:3] for row in rows] == [
        ["G4", "warning", "features.2"],
        ["G1", "warning", "features.2.conv.0"],
        ["G2", "error", "features.4.conv.1"],
        ["G1", "warning", "features.7.conv.0"],
    ]
    assert "1.38 / 1.2" in rows[1]
    assert "2.258 M (5.13 %)" in rows[1]
    assert "59 to 59 channels do the same work" in rows[1]
    assert "611.5 k" in rows[1]


def test_information_and_what_is_known_is_summed_up_and_that_is_said(audit_result):
    text = render(audit_result)
    assert "features.3.conv.0" not in text
    assert "features.6" not in text
    (row,) = (line for line in section(text, "mbv2: guidelines") if line.startswith("D9 info"))
    assert "3 of 52" in row
    assert "features.5" in row
    assert "information and known findings (4) have no line of their own here" in text


def test_information_has_its_lines_where_it_makes_the_audit_fail(audit_result):
    model = audit_result.models[1]
    failing = tuple(dataclasses.replace(finding, fails=True) for finding in model.findings)
    rows = section(render(only(audit_result, 1, findings=failing)), "net.py:TinyNet: findings")
    assert rows[-1].startswith("D9 info")


def test_what_differs_in_its_place_only_is_one_line(audit_result):
    model = audit_result.models[0]
    first = dataclasses.replace(model.findings[-1], module="blocks.10.conv")
    others = [dataclasses.replace(first, module=f"blocks.{number}.conv") for number in (9, 11)]
    other = dataclasses.replace(first, module="blocks.12.conv", cost=first.cost + 1)
    text = render(only(audit_result, findings=(other, first, *others)))
    rows = section(text, "mbv2: findings")[2:]
    assert [row.split()[2] for row in rows] == ["blocks.12.conv", "blocks.{9–11}.conv"]


def test_places_without_a_pattern_are_counted_after_the_first_few(audit_result):
    first = audit_result.models[0].findings[-1]
    same = [dataclasses.replace(first, module=f"{letter}.conv") for letter in "abcdefghij"]
    assert "f.conv, and 4 more" in render(only(audit_result, findings=same), width=None)


def test_what_was_timed_has_a_table_of_its_own(audit_result):
    timed = audit_result.models[0].findings[1]
    again = dataclasses.replace(timed, module="features.3.conv.0")
    text = render(only(audit_result, findings=(timed, again)))
    assert "timed" not in section(text, "mbv2: findings")[0]
    (row,) = section(text, "mbv2: what is suggested, timed")[2:]
    assert row.split()[:2] == ["G1", "features.{2,3}.conv.0"]
    assert row.endswith("1.32× as fast [1.28, 1.37]")
    assert row in render(only(audit_result, findings=(timed, again)), top=1)


def test_what_was_timed_fits_a_terminal(audit_result):
    rows = section(render(only(audit_result), width=80), "mbv2: what is suggested, timed")
    assert "features.2.conv.0" in rows[3]
    assert rows[3].endswith("1.32× as fast")


def test_top_shows_the_costliest_and_says_of_how_many(audit_result):
    text = render(only(audit_result), top=2)
    assert "mbv2: findings, the costliest first (2 of 4)" in text
    assert len(section(text, "mbv2: findings")[2:]) == 2


def test_budgets_are_kept_over_or_advisory(audit_result):
    rows = section(render(audit_result), "mbv2: budgets")[2:]
    assert [" ".join(row.split()) for row in rows] == [
        "max_params 4,000,000 3,504,872 kept",
        "max_memory_access.fused 17,500,000 18,000,000 over",
        "max_latency_ratio 1.2 1.31 over, advisory to mbv1 on torch: 1.28 to 1.34",
        "max_fragments 3 – none it has no building blocks",
    ]


def test_growth_is_shown_from_old_to_new(audit_result):
    rows = [" ".join(row.split()) for row in section(render(audit_result), "mbv2: grown")[2:]]
    assert rows == ["mult_adds 300,774,272 → 305,000,000 + 1.40 %"]


def test_layers_that_have_grown_have_a_line_each(audit_result):
    model = audit_result.models[0]
    grown = (
        *model.growth,
        Growth("memory_access.paper", "features.2.conv.0", 401_664, 401_700),
        Growth("memory_access.paper", "head", 0, 1_500),
    )
    result = dataclasses.replace(audit_result, models=(dataclasses.replace(model, growth=grown),))
    rows = section(render(result), "mbv2: the layers that it comes from")
    assert rows[0].split() == ["layer", "mult_adds", "memory_access.paper"]
    assert [" ".join(row.split()) for row in rows[2:]] == [
        "features.2.conv.0 10.8 M → 15.1 M 401,664 → 401,700",
        "head 0 → 1.50 k",
    ]


def test_layers_that_have_grown_alike_are_one_line_and_no_line_is_empty_in_a_narrow_terminal(audit_result):
    names = [f"blocks.{number}.conv" for number in range(30)]
    convolutions = [
        Growth(quantity, name, 1_000, 2_000)
        for name in names
        for quantity in ("params", "mult_adds", "memory_access.paper", "memory_access.eager")
    ]
    activations = [Growth("memory_access.eager", f"blocks.{number}.relu", 1_000, 2_000) for number in range(31)]
    text = render(only(audit_result, growth=(*convolutions, *activations)), width=60)
    rows = section(text, "mbv2: the layers that it comes from, each of them")[:-1]
    assert [row.split()[0] for row in rows[-2:]] == ["blocks.{0–29}.conv", "blocks.{0–30}.relu"]
    assert rows[-1].endswith("1.00 k → 2.00 k")


def test_what_is_ignored_has_its_reason(audit_result):
    rows = [" ".join(row.split()) for row in section(render(audit_result), "mbv2: ignored")[2:]]
    assert rows[1] == "D9 2 classifier.1 there are 1001 classes"


@pytest.mark.parametrize(
    "sentence",
    [
        "- broken.py:Net could not be audited: broken.py, line 3: ValueError: no such layer",
        "- net.py:TinyNet: unknown operators, in no count of operations: demo::warp ×3; demo::fold ×1",
        "- baseline: baseline.json; of its findings 2 are still there (known), 2 gone (mended)",
        "- lwprof explain G4 says what the guideline measures and why; lwprof explain G4 --on mbv2",
        "- settings: lwprof.toml",
        "- the machine was busy",
    ],
)
@pytest.mark.parametrize("format", ["table", "markdown"])
def test_notes_say(sentence, format, audit_result):
    text = render(audit_result, format).replace("\\", "").replace("**", "")
    assert sentence in text


def test_a_passing_audit_with_findings_mended_asks_for_a_new_baseline(clean_audit):
    models = (dataclasses.replace(clean_audit.models[0], mended=1),)
    result = dataclasses.replace(clean_audit, models=models, baseline="known.json")
    assert "1 gone (mended); write it again" in render(result)
    assert "write it again" not in render(dataclasses.replace(result, ok=False))


def test_a_network_that_the_baseline_lacks_is_named(audit_result):
    assert "not in the baseline, so that all of it is new: mbv2" in render(only(audit_result, in_baseline=False))


def test_interrupted_is_said_before_all_else(audit_result):
    text = render(dataclasses.replace(audit_result, interrupted=True))
    assert next(line for line in text.splitlines() if line.startswith("- ")).startswith("- interrupted")


@pytest.mark.slow
def test_the_same_name_twice_is_told_apart(audit_result):
    model = audit_result.models[0]
    other = dataclasses.replace(model, model=dataclasses.replace(model.model, spec="mbv2:width=0.5"))
    text = render(dataclasses.replace(audit_result, models=(model, other, other)))
    assert "mbv2:width=0.5 (2): budgets" in text


@pytest.mark.slow
@pytest.mark.parametrize("width", [60, 80, 100])
def test_names_and_figures_are_whole_at_every_width(width, audit_result):
    text = render(audit_result, width=width)
    assert max(map(cell_len, text.splitlines())) <= width
    for whole in ("unequal-channel-widths", "max_memory_access.fused", "17,500,000", "features.2.conv.0", "2.258 M"):
        assert whole in text


def test_csv_has_a_row_a_finding_and_one_for_a_network_without(audit_result):
    rows = list(csv.DictReader(io.StringIO(render(audit_result, "csv"))))
    assert [(row["name"], row["code"]) for row in rows] == [
        *(("mbv2", code) for code in ("G4", "G1", "G1", "G2", "D9", "D9", "G1")),
        *(("net.py:TinyNet", code) for code in ("D6", "G1", "D9")),
        ("shufflenetv2", ""),
        ("broken.py:Net", ""),
    ]
    assert rows[1]["alternative.saves"] == "611520"
    assert rows[1]["alternative.gain.ci95.low"] == "0.73"
    assert [(rows[7]["location.file"], rows[7]["location.line"])] == [("nets/a b.py", "12")]
    assert rows[2]["known"] == "True"
    assert rows[-1]["failure"].startswith("broken.py, line 3")


@pytest.mark.parametrize("format", ["table", "markdown", "csv", "json", "sarif", "junit", "github"])
def test_a_bare_audit_is_shown(format):
    finding = Finding("X1", "odd", "warning", "", "m", None, None, 0, 0.0, "")
    bare = AuditResult((AuditedModel("net", findings=(finding,)),), False)
    text = render(bare, format)
    assert "X1" in text
    if format == "json":
        assert loading.from_dict(bare.to_dict()) == bare


def test_an_alternative_that_touches_more_does_not_save(audit_result):
    model = audit_result.models[0]
    finding = model.findings[-1]
    costlier = dataclasses.replace(finding, alternative=dataclasses.replace(finding.alternative, saves=-2_510))
    text = render(only(audit_result, findings=(costlier,)), "github")
    assert "; costs 2.51 k more elements of memory access" in text
    assert "saves" not in text


def test_where_no_alternative_was_measured_nothing_is_said_of_time(counted_audit):
    bare = [
        dataclasses.replace(
            finding, alternative=dataclasses.replace(finding.alternative, counted=None, unmeasured="it was interrupted")
        )
        for finding in counted_audit.models[0].findings
    ]
    lines = section(render(only(counted_audit, findings=tuple(bare))), "mbv2: what is suggested, not measured")
    assert [line.split()[0] for line in lines if "it was interrupted" in line] == ["G1"] * 5
    assert lines[0].split() == ["rule", "module", "instead", "because"]
