"""Which rules are asked, how strict they are, and what passes."""

from __future__ import annotations

from typing import Any

import pytest

from lwprof.auditing.policy import Exemption, Policy
from lwprof.errors import InputError
from lwprof.guidelines import RULES, find
from lwprof.results.audit import AuditedModel, Ignored

SLUG = "unequal-channel-widths"
CODES = [rule.code for rule in RULES]


def asked(**given: Any) -> list[str]:
    return [rule.code for rule in Policy(**given).rules()]


def test_all_rules_are_asked_unless_some_are_selected() -> None:
    assert asked() == CODES
    assert asked(select=["G1"]) == asked(select=[SLUG]) == asked(select="g1") == ["G1"]
    assert asked(select=["G"]) == [code for code in CODES if code[0] == "G"]
    assert asked(ignore=["g", "D1"]) == [code for code in CODES if code[0] != "G" and code != "D1"]
    assert asked(select=["G"], ignore=[SLUG]) == [code for code in CODES if code[0] == "G" and code != "G1"]


def test_thresholds_replace_those_of_the_rule_by_name() -> None:
    policy = Policy(thresholds={SLUG: 1.5, "G3": {"branches": 7}})
    assert policy.thresholds_of(find("G1")) == {"ratio": 1.5}
    assert policy.thresholds_of(find("G3")) == {**find("G3").thresholds, "branches": 7}
    assert policy.thresholds_of(find("G2")) == find("G2").thresholds


def test_the_severity_of_a_rule_goes_before_that_of_its_family() -> None:
    policy = Policy(severities={"G1": "error", "g": "info"})
    assert [policy.severity_of(find(code)) for code in ("G1", "G2", "G3")] == ["error", "info", "info"]
    assert policy.severity_of(find("D1")) == find("D1").severity


@pytest.mark.parametrize(
    ("fail_on", "failing"),
    [("error", ["error"]), ("warning", ["error", "warning"]), ("info", ["error", "warning", "info"]), ("never", [])],
)
def test_what_is_as_grave_as_asked_fails(fail_on: str, failing: list[str]) -> None:
    policy = Policy(fail_on=fail_on)
    assert [severity for severity in ("error", "warning", "info") if policy.fails(severity)] == failing


@pytest.mark.parametrize(
    ("exemption", "covered"),
    [
        (Exemption("stage1.*", "paper"), True),
        (Exemption("stage1", "paper"), False),
        (Exemption("*", "paper", codes=["G2", "D"]), False),
        (Exemption("*", "paper", codes=["G"]), True),
        (Exemption("*", "paper", codes=SLUG, network="ti*"), True),
        (Exemption("*", "paper", network="mbv?"), False),
    ],
)
def test_an_exemption_covers_modules_codes_and_networks(exemption: Exemption, covered: bool) -> None:
    assert exemption.covers("G1", "stage1.conv", "tiny") is covered
    found = Policy(exemptions=[exemption]).exemption("G1", "stage1.conv", "tiny")
    assert found is (exemption if covered else None)


def test_exemptions_that_cover_nothing_are_known() -> None:
    one, other = Exemption("stage1.*", "paper"), Exemption("stage2.*", "paper")
    model = AuditedModel("tiny", ignored=(Ignored("G1", "stage1.conv", "paper"),))
    assert Policy(exemptions=[one, other]).idle([model]) == [other]


CHOICES = f"there is {', '.join(CODES)}"
WRONG: list[tuple[dict[str, Any], str]] = [
    ({"select": ["unequal-chanel-widths"]},
     f"select: unknown guideline 'unequal-chanel-widths'; did you mean '{SLUG}'?"),
    ({"select": ["X9"]}, f"select: unknown guideline 'X9'; {CHOICES}"),
    ({"ignore": [""]}, f"ignore: unknown guideline ''; {CHOICES}"),
    ({"ignore": 3}, 'ignore: write a list of guidelines such as ["G", "D3"], not 3'),
    ({"ignore": ["G1", 3]}, "ignore: write a list of guidelines such as [\"G\", \"D3\"], not ['G1', 3]"),
    ({"thresholds": 1.3}, "thresholds: write them by guideline, such as G1 = 1.3, not 1.3"),
    ({"thresholds": {"G": 1.3}}, "thresholds: G is a family; name one guideline, such as G1"),
    ({"thresholds": {"G1": "1.3"}}, "thresholds: G1 must be a number from 0 on, not '1.3'"),
    ({"thresholds": {"G1": True}}, "thresholds: G1 must be a number from 0 on, not True"),
    ({"thresholds": {"G1": -1}}, "thresholds: G1 must be a number from 0 on, not -1"),
    ({"thresholds": {"G1": float("nan")}}, "thresholds: G1 must be a number from 0 on, not nan"),
    ({"thresholds": {"G1": {"ratio": float("inf")}}}, "thresholds: G1.ratio must be a number from 0 on, not inf"),
    ({"thresholds": {"D3": 1e40}}, "thresholds: D3 is larger than anything that is measured: 1e+40"),
    ({"thresholds": {"G1": {"rato": 1}}}, "thresholds: G1 has no threshold 'rato'; did you mean 'ratio'?"),
    ({"thresholds": {"G1": {"x": 1}}}, "thresholds: G1 has no threshold 'x'; it has ratio"),
    ({"thresholds": {"G1": 1, SLUG: 2}}, "thresholds: the thresholds of G1 are given twice"),
    ({"thresholds": {3: 1}}, "thresholds: unknown guideline '3'; did you mean 'G3'?"),
    ({"thresholds": {"G1": {3: 1}}}, "thresholds: G1 has no threshold 3; it has ratio"),
    ({"exemptions": ["stem.*"]},
     "exemptions: write a list such as [Exemption(\"stem.*\", \"on purpose\")], not ['stem.*']"),
    ({"exemptions": None}, "exemptions: write a list such as [Exemption(\"stem.*\", \"on purpose\")], not None"),
    ({"severities": {"G1": "warn"}},
     "severities: G1 must be one of error, warning, info, not 'warn'; did you mean 'warning'?"),
    ({"severities": {"G": 3}}, "severities: G must be one of error, warning, info, not 3"),
    ({"severities": "error"}, "severities: write them by guideline, such as G1 = \"error\", not 'error'"),
    ({"fail_on": "errors"}, "fail_on: write one of error, warning, info, never, not 'errors'; did you mean 'error'?"),
    ({"fail_on": True}, "fail_on: write one of error, warning, info, never, not True"),
]  # fmt: skip


@pytest.mark.parametrize(("given", "says"), WRONG)
def test_what_cannot_be_is_refused_where_the_policy_is_made(given: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError) as caught:
        Policy(**given)
    assert str(caught.value) == says


def test_a_number_for_a_rule_with_several_thresholds_is_refused() -> None:
    (rule, *_) = [rule for rule in RULES if len(rule.thresholds) > 1]
    first, value = next(iter(rule.thresholds.items()))
    with pytest.raises(InputError) as caught:
        Policy(thresholds={rule.code: 3})
    listed = ", ".join(rule.thresholds)
    says = f"{rule.code} has the thresholds {listed}; name one, such as {rule.code}.{first} = {value:g}"
    assert str(caught.value) == f"thresholds: {says}"


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"module": "x", "reason": " "}, "exemption of 'x' has no reason; say why it is let pass"),
        ({"module": 3, "reason": "paper"}, "module must be a text, not 3"),
        ({"module": "x", "reason": "paper", "network": ["a"]}, "network must be a text, not ['a']"),
        ({"module": "x", "reason": "paper", "codes": ["X"]}, f"codes: unknown guideline 'X'; {CHOICES}"),
    ],
)
def test_an_exemption_says_what_and_why(given: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError) as caught:
        Exemption(**given)
    assert str(caught.value) == says
