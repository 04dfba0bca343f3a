"""Policy: which rules an audit asks, how strict they are, and what it lets pass."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from lwprof.guidelines import RULES, Rule, Thresholds
from lwprof.results import SEVERITIES, WARNING, Guideline

NEVER = "never"
FAIL_ON = (*SEVERITIES, NEVER)


@dataclass(frozen=True, slots=True)
class Exemption:
    """Findings that are let pass, with the reason."""

    module: str
    """Pattern of qualified names, as file names have them: ``stage1.*``."""
    reason: str
    codes: tuple[str, ...] = ()
    """Codes or families; empty for all."""
    network: str = "*"
    """Pattern of names."""

    def covers(self, code: str, module: str, network: str) -> bool:
        """Whether a finding is among them."""
        return (
            fnmatchcase(module, self.module)
            and fnmatchcase(network, self.network)
            and (not self.codes or chosen(code, self.codes))
        )


@dataclass(frozen=True, slots=True)
class Policy:
    """How an audit judges."""

    select: tuple[str, ...] = ()
    """Codes or families (``"G"``); empty for all."""
    ignore: tuple[str, ...] = ()
    thresholds: Mapping[str, Thresholds] = field(default_factory=dict)
    """By code: those that differ from the rule's own."""
    severities: Mapping[str, str] = field(default_factory=dict)
    """By code: those that differ from the rule's own."""
    exemptions: Sequence[Exemption] = ()
    fail_on: str = WARNING
    """The mildest severity that makes an audit fail, or "never"."""

    def rules(self) -> Iterator[Rule]:
        """The rules to ask."""
        for rule in RULES:
            if (not self.select or chosen(rule.code, self.select)) and not chosen(rule.code, self.ignore):
                yield rule

    def guidelines(self) -> tuple[Guideline, ...]:
        """The rules to ask, as a result keeps them."""
        return tuple(
            Guideline(rule.code, rule.slug, rule.title, self.severity_of(rule), rule.quantity, rule.page)
            for rule in self.rules()
        )

    def thresholds_of(self, rule: Rule) -> Thresholds:
        """Its limits."""
        return {**rule.thresholds, **self.thresholds.get(rule.code, {})}

    def severity_of(self, rule: Rule) -> str:
        """How grave breaking it is."""
        return self.severities.get(rule.code, rule.severity)

    def fails(self, severity: str) -> bool:
        """Whether a finding of that severity makes an audit fail."""
        return FAIL_ON.index(severity) <= FAIL_ON.index(self.fail_on) and self.fail_on != NEVER

    def exemption(self, code: str, module: str, network: str) -> Exemption | None:
        """The first that covers a finding."""
        return next((one for one in self.exemptions if one.covers(code, module, network)), None)


def chosen(code: str, names: Sequence[str]) -> bool:
    """Whether ``code`` is among codes and families.

    >>> chosen("G1", ["G"]), chosen("G1", ["G2", "D"])
    (True, False)
    """
    return any(code == name or code.rstrip("0123456789") == name for name in names)
