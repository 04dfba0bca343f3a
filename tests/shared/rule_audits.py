"""One guideline asked about one network, for tests: ``from rule_audits import asked``."""

from __future__ import annotations

from collections.abc import Mapping

from torch import nn

import lwprof
from lwprof.auditing import Policy
from lwprof.results.audit import Checked, Finding


def asked(
    code: str, network: str | nn.Module, *size: int, thresholds: Mapping[str, float] | None = None
) -> tuple[tuple[Finding, ...], Checked]:
    """The findings of a rule, and how many places it looked at."""
    policy = Policy(select=(code,), thresholds={code: thresholds} if thresholds else {})
    (model,) = lwprof.audit(network, policy=policy, input_size=size or None).models
    assert not model.failure, model.failure
    (checked,) = model.checked
    return model.findings, checked
