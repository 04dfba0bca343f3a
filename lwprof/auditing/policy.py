"""Policy: which rules an audit asks, how strict they are, and what it lets pass."""

from __future__ import annotations

import math
import reprlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from lwprof import guidelines
from lwprof.errors import InputError, about, near
from lwprof.guidelines import Rule, Thresholds
from lwprof.results.audit import SEVERITIES, WARNING, AuditedModel, Guideline
from lwprof.results.document import LARGEST

NEVER = "never"
FAIL_ON = (*SEVERITIES, NEVER)


@dataclass(frozen=True, slots=True)
class Exemption:
    """Findings that are let pass, with the reason.

    Raises:
        InputError: the reason is missing, or a code or family is none.
    """

    module: str
    """Pattern of qualified names, as file names have them: ``stage1.*``."""
    reason: str
    codes: Sequence[str] = ()
    """Codes, slugs or families; empty for all."""
    network: str = "*"
    """Pattern of names."""

    def __post_init__(self) -> None:
        for name in ("module", "reason", "network"):
            value = getattr(self, name)
            if not isinstance(value, str):
                raise InputError(f"{name} must be a text, not {reprlib.repr(value)}")
        if not self.reason.strip():
            raise InputError(f"exemption of {self.module!r} has no reason; say why it is let pass")
        with about("codes"):
            object.__setattr__(self, "codes", codes(self.codes))

    def covers(self, code: str, module: str, network: str) -> bool:
        """Whether a finding is among them."""
        return (
            fnmatchcase(module, self.module)
            and fnmatchcase(network, self.network)
            and (not self.codes or chosen(code, self.codes))
        )


@dataclass(frozen=True, slots=True)
class Policy:
    """How an audit judges.

    Raises:
        InputError: a guideline, threshold or severity that there is not, or a value that it cannot have.

    >>> policy = Policy(select=["unequal-channel-widths"], thresholds={"G1": 1.5})
    >>> policy.select, policy.thresholds
    (('G1',), {'G1': {'ratio': 1.5}})
    """

    select: Sequence[str] = ()
    """Codes, slugs or families (``"G"``); empty for all."""
    ignore: Sequence[str] = ()
    thresholds: Mapping[str, Any] = field(default_factory=dict)
    """By code or slug, those that differ from the rule's own: a number, or several by name."""
    severities: Mapping[str, str] = field(default_factory=dict)
    """By code, slug or family: those that differ from the rule's own."""
    exemptions: Sequence[Exemption] = ()
    fail_on: str = WARNING
    """The mildest severity that makes an audit fail, or "never"."""

    def __post_init__(self) -> None:
        checks = {
            "select": codes,
            "ignore": codes,
            "thresholds": thresholds,
            "severities": severities,
            "exemptions": exemptions,
            "fail_on": fail_on,
        }
        for name, check in checks.items():
            with about(name):
                object.__setattr__(self, name, check(getattr(self, name)))

    def rules(self) -> Iterator[Rule]:
        """The rules to ask."""
        for rule in guidelines.RULES:
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

    def idle(self, models: Iterable[AuditedModel]) -> list[Exemption]:
        """Exemptions that cover nothing of what was found in these networks."""
        passed = [(ignored.code, ignored.module, model.name) for model in models for ignored in model.ignored]
        return [one for one in self.exemptions if not any(one.covers(*place) for place in passed)]


def family(code: str) -> str:
    """The letters of a code.

    >>> family("G1")
    'G'
    """
    return code.rstrip("0123456789")


def families() -> list[str]:
    """Families of rules, in the order of their codes."""
    return list(dict.fromkeys(family(rule.code) for rule in guidelines.RULES))


def _first(name: str) -> str:
    return next(rule.code for rule in guidelines.RULES if family(rule.code) == name)


def chosen(code: str, names: Sequence[str]) -> bool:
    """Whether ``code`` is among codes and families.

    >>> chosen("G1", ["G"]), chosen("G1", ["G2", "D"])
    (True, False)
    """
    return code in names or family(code) in names


def codes(names: Any) -> tuple[str, ...]:
    """Codes and families that are named by code, slug or family; the same once.

    >>> codes(["g", "unequal-channel-widths", "G1"])
    ('G', 'G1')

    Raises:
        InputError: one of them names no rule, or they are no list of texts.
    """
    listed = [names] if isinstance(names, str) else names
    if not isinstance(listed, list | tuple) or not all(isinstance(name, str) for name in listed):
        raise InputError(f'write a list of guidelines such as ["G", "D3"], not {reprlib.repr(names)}')
    found = (name.strip() for name in listed)
    return tuple(
        dict.fromkeys(name.upper() if name.upper() in families() else guidelines.find(name).code for name in found)
    )


def thresholds(given: Any) -> Mapping[str, Thresholds]:
    """Thresholds by code: a rule's own names of them, and numbers.

    >>> thresholds({"g1": 1.5}), thresholds({"unequal-channel-widths": {"ratio": 1.3}})
    ({'G1': {'ratio': 1.5}}, {'G1': {'ratio': 1.3}})

    Raises:
        InputError: there is no such rule or threshold, or one is not a number that is 0 or more.
    """
    if not isinstance(given, Mapping):
        raise InputError(f"write them by guideline, such as G1 = 1.3, not {reprlib.repr(given)}")
    found: dict[str, Thresholds] = {}
    for name, value in given.items():
        if str(name).upper() in families():
            raise InputError(f"{name} is a family; name one guideline, such as {_first(name.upper())}")
        rule = guidelines.find(str(name))
        if rule.code in found:
            raise InputError(f"the thresholds of {rule.code} are given twice")
        found[rule.code] = _thresholds(rule, value)
    return found


def _thresholds(rule: Rule, value: Any) -> Thresholds:
    names = list(rule.thresholds)
    if not names:
        raise InputError(f"{rule.code} has no threshold; leave it out")
    if not isinstance(value, Mapping):
        if len(names) > 1:
            example = f"{rule.code}.{names[0]} = {rule.thresholds[names[0]]:g}"
            raise InputError(f"{rule.code} has the thresholds {', '.join(names)}; name one, such as {example}")
        return {names[0]: _number(value, rule.code)}
    for name in value:
        if name not in names:
            hint = near(str(name), names) or f"; it has {', '.join(names)}"
            raise InputError(f"{rule.code} has no threshold {name!r}{hint}")
    return {name: _number(number, f"{rule.code}.{name}") for name, number in value.items()}


def _number(value: Any, label: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
        raise InputError(f"{label} must be a number from 0 on, not {reprlib.repr(value)}")
    if value > LARGEST:
        raise InputError(f"{label} is larger than anything that is measured: {reprlib.repr(value)}")
    return value


def severities(given: Any) -> Mapping[str, str]:
    """Severities by code; that of a rule goes before that of its family.

    Raises:
        InputError: there is no such rule or family, or no such severity.
    """
    if not isinstance(given, Mapping):
        raise InputError(f'write them by guideline, such as G1 = "error", not {reprlib.repr(given)}')
    of_families: dict[str, str] = {}
    of_rules: dict[str, str] = {}
    for name, value in given.items():
        (code,) = codes([name])
        severity = _one_of(value, SEVERITIES, f"{code} must be")
        if code in families():
            of_families |= {rule.code: severity for rule in guidelines.RULES if family(rule.code) == code}
        else:
            of_rules[code] = severity
    return of_families | of_rules


def exemptions(given: Any) -> tuple[Exemption, ...]:
    """The exemptions of a list.

    Raises:
        InputError: they are no list, or one is something else.
    """
    if not isinstance(given, list | tuple) or not all(isinstance(one, Exemption) for one in given):
        raise InputError(f'write a list such as [Exemption("stem.*", "on purpose")], not {reprlib.repr(given)}')
    return tuple(given)


def fail_on(value: Any) -> str:
    """The severity from which on an audit fails.

    Raises:
        InputError: it is no severity, and not "never".
    """
    return _one_of(value, FAIL_ON, "write")


def _one_of(value: Any, known: Sequence[str], what: str) -> str:
    if not isinstance(value, str) or value not in known:
        hint = near(value, known) if isinstance(value, str) else ""
        raise InputError(f"{what} one of {', '.join(known)}, not {reprlib.repr(value)}{hint}")
    return value
