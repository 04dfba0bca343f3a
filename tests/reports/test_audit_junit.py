"""JUnit XML: well-formed whatever the names, and read as intended by a common reader."""

from __future__ import annotations

import dataclasses
from xml.etree import ElementTree

import junitparser
import pytest

from lwprof.reports import render, render_all
from lwprof.results.audit import AuditResult, Ignored


def read(result: AuditResult) -> dict[str, dict[str, junitparser.TestCase]]:
    """Cases by the names of suite and case."""
    xml = junitparser.JUnitXml.fromstring(render(result, "junit").encode())
    return {suite.name: {case.name: case for case in suite} for suite in xml}


def outcome(case: junitparser.TestCase) -> str:
    return type(case.result[0]).__name__ if case.result else "Passed"


def test_a_suite_a_network_and_a_case_a_rule_and_a_budget(audit_result):
    suites = read(audit_result)
    assert list(suites) == ["mbv2", "net.py:TinyNet", "shufflenetv2", "broken.py:Net"]
    assert {name: outcome(case) for name, case in suites["mbv2"].items()} == {
        "G1 unequal-channel-widths": "Failure",
        "G2 costly-group-convolution": "Failure",
        "G4 element-wise-traffic": "Failure",
        "D6 fixed-size-pooling": "Passed",
        "D9 narrow-channels": "Passed",
        "coverage": "Passed",
        "max_params": "Passed",
        "max_memory_access.fused": "Failure",
        "max_latency_ratio": "Passed",
        "max_fragments": "Passed",
        "growth": "Failure",
    }
    assert {case.classname for case in suites["mbv2"].values()} == {"mbv2"}


def test_counts_of_suites_and_of_all(audit_result):
    root = ElementTree.fromstring(render(audit_result, "junit"))
    counts = [tuple(int(item.get(key)) for key in ("tests", "failures", "errors", "skipped")) for item in (root, *root)]
    assert counts[0] == tuple(map(sum, zip(*counts[1:], strict=True)))
    assert counts[1:] == [(11, 5, 0, 0), (5, 2, 0, 0), (3, 0, 0, 0), (1, 0, 1, 0)]


def test_a_failure_has_all_findings_of_its_rule(audit_result):
    (failure,) = read(audit_result)["mbv2"]["G1 unequal-channel-widths"].result
    assert failure.message.startswith("2 findings: features.2.conv.0: 24 to 144 channels")
    assert failure.type == "warning"
    assert [line.partition(":")[0] for line in failure.text.splitlines()] == [
        "features.2.conv.0",
        "features.3.conv.0",
        "features.7.conv.0",
    ]
    assert failure.text.splitlines()[1].endswith("(warning, known)")


def test_a_failure_says_where_the_code_is(audit_result):
    (failure,) = read(audit_result)["net.py:TinyNet"]["D6 fixed-size-pooling"].result
    assert failure.text.startswith("nets/a b.py:12: head.pool: kernel 7 fits one resolution only; instead: ")


def test_a_rule_passes_with_what_it_found_where_that_does_not_fail(audit_result):
    case = read(audit_result)["mbv2"]["D9 narrow-channels"]
    assert case.system_out.splitlines()[0].startswith("features.5: ")
    assert "advisory" in read(audit_result)["mbv2"]["max_latency_ratio"].system_out


def test_a_network_that_could_not_be_audited_is_an_error(audit_result):
    (error,) = read(audit_result)["broken.py:Net"]["audit"].result
    assert type(error).__name__ == "Error"
    assert error.message == "broken.py, line 3: ValueError: no such layer"


def test_a_rule_of_which_all_is_ignored_is_skipped_with_the_reason(audit_result):
    model = dataclasses.replace(audit_result.models[2], ignored=(Ignored("G1", "conv", "on purpose"),))
    suites = read(dataclasses.replace(audit_result, models=(model,)))
    (skipped,) = suites["shufflenetv2"]["G1 unequal-channel-widths"].result
    assert type(skipped).__name__ == "Skipped"
    assert skipped.message == "ignored: on purpose"


def test_growth_is_a_case_where_there_is_a_baseline(audit_result, clean_audit):
    assert outcome(read(audit_result)["shufflenetv2"]["growth"]) == "Passed"
    assert "growth" not in read(clean_audit)["mbv1"]


def test_interrupted_is_an_error_of_its_own(clean_audit):
    (error,) = read(dataclasses.replace(clean_audit, interrupted=True))["lwprof audit"]["complete"].result
    assert error.message.startswith("interrupted")


def test_several_audits_are_one_document(audit_result, clean_audit):
    root = ElementTree.fromstring(render_all([("a", audit_result), ("b", clean_audit)], "junit"))
    assert [suite.get("name") for suite in root][-1] == "mbv1"


@pytest.mark.parametrize("name", ["<&>\"'", "]]>", "\x00\x08", "\ufffe\uffff", "e\udcffe", "two\nlines", "\u202e网络"])
def test_every_name_is_well_formed(name, audit_result):
    model = audit_result.models[1]
    findings = tuple(dataclasses.replace(finding, module=name, message=name) for finding in model.findings)
    result = dataclasses.replace(audit_result, models=(dataclasses.replace(model, name=name, findings=findings),))
    (suite,) = ElementTree.fromstring(render(result, "junit").encode())
    shown = name if name.isprintable() else name.encode("unicode_escape").decode()
    assert suite.get("name") == shown or name.endswith("网络")
    assert len(list(suite)) == 5
