"""Every rule's page: complete, and its examples do what it says."""

from __future__ import annotations

import re

import pytest
import torch
from torch import nn
from torch.nn import functional as F

import lwprof
from lwprof.guidelines import RULES, Rule

SECTIONS = [
    "What it measures",
    "Why it costs",
    "Example",
    "Use instead",
    "Threshold",
    "Exemptions",
    "False alarms",
]
each_rule = pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)


def codes(rule: Rule, section: str) -> set[str]:
    """The codes that the network of a section's example gets."""
    block = re.search(rf"^## {section}\n.*?```python\n(.*?)```", rule.page, re.DOTALL | re.MULTILINE)
    assert block, f"{rule.code} has no example under {section}"
    names = {"torch": torch, "nn": nn, "F": F}
    exec(block[1], names)
    (model,) = lwprof.audit(names["network"], input_size=names["input_size"]).models
    assert not model.failure
    return {finding.code for finding in model.findings}


@each_rule
def test_a_page_has_every_section_in_one_order(rule: Rule) -> None:
    assert re.findall(r"^## (.+)$", rule.page, re.MULTILINE) == SECTIONS


@each_rule
def test_the_example_breaks_this_rule_alone(rule: Rule) -> None:
    assert codes(rule, "Example") == {rule.code}


@each_rule
def test_what_to_use_instead_breaks_no_rule(rule: Rule) -> None:
    assert codes(rule, "Use instead") == set()


def test_codes_and_slugs_are_in_order_and_given_once() -> None:
    order = {"G": 0, "D": 1}
    assert [rule.code for rule in RULES] == sorted(
        {rule.code for rule in RULES}, key=lambda code: (order[code[0]], int(code[1:]))
    )
    assert len({rule.slug for rule in RULES}) == len(RULES)
    assert all(re.fullmatch(r"[a-z]+(-[a-z0-9]+)*", rule.slug) for rule in RULES)
