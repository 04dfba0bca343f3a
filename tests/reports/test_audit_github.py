"""GitHub's annotations: one command a line, which no name can end or begin."""

from __future__ import annotations

import dataclasses
import re

import pytest

from lwprof.reports import render
from lwprof.results.audit import AuditedModel, AuditResult, Budget, Location


def lines(result: AuditResult) -> list[str]:
    return render(result, "github").splitlines()


def read(value: str) -> str:
    """A property as GitHub's runner reads it."""
    for code, letter in (("%2C", ","), ("%3A", ":"), ("%0A", "\n"), ("%0D", "\r"), ("%25", "%")):
        value = value.replace(code, letter)
    return value


def with_names(result: AuditResult, name: str) -> AuditResult:
    """The network with files, and everything in it that people name called so."""
    model = result.models[1]
    findings = tuple(
        dataclasses.replace(finding, module=name, message=name, suggestion=name, location=Location(name, 3))
        for finding in model.findings
    )
    return dataclasses.replace(result, models=(dataclasses.replace(model, name=name, model=None, findings=findings),))


def test_a_finding_stands_beside_its_line(audit_result):
    assert (
        "::warning file=nets/a b.py,line=12,title=D6 fixed-size-pooling::net.py:TinyNet head.pool: "
        "kernel 7 fits one resolution only; instead: nn.AdaptiveAvgPool2d(1)" in lines(audit_result)
    )


def test_severities_are_commands(audit_result):
    commands = {line.split("title=")[1][:2]: line.split()[0] for line in lines(audit_result) if "::mbv2 " in line}
    assert commands == {"G4": "::warning", "G1": "::warning", "G2": "::error", "D9": "::notice"}


def test_the_costliest_of_each_network_come_first_and_the_known_not_at_all(audit_result):
    found = [line for line in lines(audit_result) if "::mbv2 " in line]
    modules = [line.split("::mbv2 ")[1].split(":")[0] for line in found]
    assert modules == ["features.2", "features.2.conv.0", "features.4.conv.1", "features.5", "features.7.conv.0"]


def test_repeated_blocks_are_one_annotation(audit_result):
    model = audit_result.models[0]
    places = [f"blocks.{block}.branches.{branch}.0" for block in range(30) for branch in range(5)]
    findings = tuple(dataclasses.replace(model.findings[1], alternative=None, module=module) for module in places)
    changed = dataclasses.replace(audit_result, models=(dataclasses.replace(model, findings=findings),))
    found = [line for line in lines(changed) if line.startswith("::warning") and "G1" in line]
    assert [line.split("::mbv2 ")[1].split(":")[0] for line in found] == ["blocks.{0–29}.branches.{0–4}.0"]


def test_budgets_growth_and_failures_are_annotations(audit_result):
    text = render(audit_result, "github")
    assert "::error title=mbv2 is over budget::max_memory_access.fused: 18,000,000, the limit is 17,500,000\n" in text
    assert "::warning title=mbv2 is over budget::max_latency_ratio: 1.31, the limit is 1.2" in text
    assert "::error title=mbv2 has grown::mult_adds of the whole network: 300,774,272 → 305,000,000\n" in text
    assert "::error title=broken.py%3ANet could not be audited::broken.py, line 3: ValueError: no such layer\n" in text


def test_a_network_that_the_baseline_lacks_is_an_annotation(clean_audit):
    renamed = dataclasses.replace(clean_audit.models[0], in_baseline=False)
    text = render(dataclasses.replace(clean_audit, baseline="b.json", models=(renamed,)), "github")
    assert text.startswith("::warning title=mbv1 is not in the baseline::nothing tells whether it has grown\n")


def test_the_last_line_sums_up_and_is_no_command(audit_result, clean_audit):
    assert lines(audit_result)[-1] == (
        "3 of 4 networks fail the audit: mbv2 1 error, 3 warnings, 1 info, 1 over budget, 1 grown, 2 known, 2 mended, "
        "3 ignored; net.py:TinyNet 2 warnings, 1 info; broken.py:Net not audited"
    )
    assert render(clean_audit, "github") == "mbv1 passes the audit\n"


def test_interrupted_is_an_annotation(clean_audit):
    assert lines(dataclasses.replace(clean_audit, interrupted=True))[0].startswith("::warning title=interrupted::")


@pytest.mark.parametrize(
    "name", ["a\n::error::b", "a\r::stop-commands::x", "a,line=1", "a::b", "%0A::error::", "##[error]x"]
)
def test_a_name_cannot_end_a_command_or_begin_one(name, audit_result):
    result = with_names(audit_result, name)
    written = lines(result)
    assert len(written) == len(lines(dataclasses.replace(audit_result, models=(audit_result.models[1],))))
    assert "##[" not in "".join(written)
    for line in written[:-1]:
        properties = re.fullmatch(r"::(?:error|warning|notice) (.*?)::.*", line)[1]
        pairs = [item.partition("=")[::2] for item in properties.split(",")]
        assert [key for key, _ in pairs] in (["file", "line", "title"], ["title"])
        assert not any(":" in value for _, value in pairs)
        if len(pairs) == 3:
            shown = name.replace("\n", "\\n").replace("\r", "\\r").replace("##[", "## [")
            assert (read(pairs[0][1]), pairs[1][1]) == (shown, "3")
    assert not written[-1].startswith("::")


def test_percent_signs_are_escaped_once(audit_result):
    (line,) = (line for line in lines(audit_result) if "%25" in line)
    assert "100 %25 of" in line


def test_a_budget_that_was_not_measured_is_not_called_over() -> None:
    remark = "not measured against net.py:Net: no file net.py"
    budget = Budget("max_latency_ratio", 1.2, None, ok=False, advisory=True, remark=remark)
    text = render(AuditResult((AuditedModel("mbv2", budgets=(budget,)),), ok=True), "github")
    assert text.startswith("::warning title=mbv2%3A budget not measured::max_latency_ratio: unknown, ")
