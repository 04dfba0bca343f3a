"""Configuration: what a project's settings say of its audit, in ``[audit]`` and the tables below it."""

from __future__ import annotations

import reprlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from os import PathLike
from pathlib import Path
from typing import Any

from lwprof import settings
from lwprof.auditing import budgets, policy
from lwprof.auditing.budgets import Limits
from lwprof.auditing.policy import Exemption, Policy
from lwprof.errors import InputError, about, near
from lwprof.models import names, projects, specs
from lwprof.models.specs import Spec
from lwprof.settings import Settings

KEYS = ("networks", "select", "ignore", "fail_on", "baseline", "strict", "thresholds", "severities", "exemptions",
"budgets")  # fmt: skip
"""What ``[audit]`` may hold."""


@dataclass(frozen=True, slots=True)
class Configuration:
    """How a project audits its networks; without settings, every rule and nothing else."""

    networks: Sequence[Spec] = ()
    """What to audit where nothing else is asked for; paths are found from the current folder."""
    policy: Policy = field(default_factory=Policy)
    budgets: Mapping[str, Limits] = field(default_factory=dict)
    """By the name that the network has in reports."""
    baseline: Path | None = None
    strict: bool = False
    """An operator that no rule counts makes the audit fail."""
    settings: Settings | None = None
    """Where all this stands."""


def read(file: str | PathLike[str] | None = None) -> Configuration:
    """The configuration in ``file``, by default in the nearest file of settings; that of no file is empty.

    Raises:
        InputError: the file cannot be read, or says something impossible; the message names file, table and key.
    """
    found = settings.project() if file is None else settings.read(Path(file))
    if found is None:
        return Configuration()
    with settings.choose(found):
        return configuration(found)


def configuration(found: Settings) -> Configuration:
    """The configuration that settings hold.

    Raises:
        InputError: as :func:`read`.
    """
    table, heading = found.section("audit"), found.heading("audit")
    settings.check_keys(table, KEYS, heading)
    folder = found.file.parent
    networks = _networks(table, found)
    baseline, strict = table.get("baseline"), table.get("strict", False)
    if baseline is not None and (not isinstance(baseline, str) or not baseline):
        raise InputError(f"{heading}: baseline must be the name of a file, not {reprlib.repr(baseline)}")
    if not isinstance(strict, bool):
        raise InputError(f"{heading}: strict must be true or false, not {reprlib.repr(strict)}")
    return Configuration(
        networks=networks,
        policy=_policy(table, found),
        budgets=_budgets(table, found, networks),
        baseline=None if baseline is None else folder / baseline,
        strict=strict,
        settings=found,
    )


def _networks(table: Mapping[str, Any], settings: Settings) -> tuple[Spec, ...]:
    """What to audit; every network that the project has given a name, where it does not say."""
    own, heading = projects.networks(), settings.heading("audit")
    if "networks" not in table:
        return tuple(map(specs.parse, own))
    listed = table["networks"]
    if not isinstance(listed, list) or not all(isinstance(text, str) for text in listed):
        example = '["mbv2", "net.py:TinyNet"]'
        raise InputError(f"{heading}: networks must be a list such as {example}, not {reprlib.repr(listed)}")
    found: dict[str, Spec] = {}
    for text in listed:
        with about(f"{heading}: networks"):
            spec = specs.parse(text).under(settings.file.parent)
        name = name_of(spec)
        if name in found:
            other = found[name].text
            remedy = f"; give one of them a name in [{settings.name('networks')}]" if other != text else ""
            raise InputError(f"{heading}: networks: {other!r} and {text!r} are both called {name!r}{remedy}")
        found[name] = spec
    return tuple(found.values())


def _policy(table: Mapping[str, Any], found: Settings) -> Policy:
    heading = found.heading("audit")
    checks: Mapping[str, tuple[str, Callable[[Any], Any]]] = {
        "select": (f"{heading}: select", policy.codes),
        "ignore": (f"{heading}: ignore", policy.codes),
        "fail_on": (f"{heading}: fail_on", policy.fail_on),
        "thresholds": (found.heading("audit", "thresholds"), policy.thresholds),
        "severities": (found.heading("audit", "severities"), policy.severities),
    }
    read: dict[str, Any] = {}
    for key, (label, check) in checks.items():
        if key in table:
            with about(label):
                read[key] = check(table[key])
    return Policy(**read, exemptions=_exemptions(table.get("exemptions", []), found))


def _exemptions(listed: Any, found: Settings) -> tuple[Exemption, ...]:
    heading = found.heading("audit", "exemptions")
    if not isinstance(listed, list) or not all(isinstance(table, dict) for table in listed):
        raise InputError(f"{heading} must be tables, each below [[{found.name('audit', 'exemptions')}]]")
    made = []
    for number, table in enumerate(listed, 1):
        label = f"{heading} {number}"
        settings.check_keys(table, [item.name for item in fields(Exemption)], label)
        for key in ("module", "reason"):
            if key not in table:
                raise InputError(f"{label}: {key} is missing")
        with about(label):
            made.append(Exemption(**table))
    return tuple(made)


def _budgets(table: Mapping[str, Any], found: Settings, networks: Sequence[Spec]) -> Mapping[str, Limits]:
    tables = table.get("budgets", {})
    if not isinstance(tables, dict):
        raise InputError(f"{found.heading('audit', 'budgets')} must be a table of networks, not {reprlib.repr(tables)}")
    audited = [name_of(spec) for spec in networks]
    limits: dict[str, Limits] = {}
    for key, own in tables.items():
        label = found.heading("audit", "budgets", key)
        if not isinstance(own, dict):
            below = found.name("audit", "budgets", audited[0] if audited else "mbv2")
            raise InputError(f"{label} must be the table of a network, such as [{below}], not {reprlib.repr(own)}")
        with about(label):
            spec = specs.parse(key)
            name = name_of(spec) if networks else names.meaning(spec).label
        if networks and name not in audited:
            hint = near(name, audited) or f"; there is {', '.join(audited)}"
            raise InputError(f"{label}: no network of that name is audited{hint}")
        if name in limits:
            raise InputError(f"{label}: {name} has budgets already")
        limits[name] = budgets.parse(own, label, folder=found.file.parent)
    return limits


def name_of(spec: Spec) -> str:
    """The name that a network has in reports; of one that there is not, what was written."""
    try:
        name = names.meaning(spec).label
    except InputError:
        return spec.text
    return names.with_options(name, spec)
