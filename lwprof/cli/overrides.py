"""Overrides: what a command line says otherwise than a project's settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import chain
from typing import Any

from lwprof.auditing import Exemption, Policy
from lwprof.auditing.policy import codes, severities, thresholds
from lwprof.cli.audit_options import Judging
from lwprof.errors import InputError, about
from lwprof.models.specs import literal

REASON = "given on the command line"


def policy(base: Policy, typed: Judging) -> Policy:
    """The policy of the settings, with what was typed in the place of what they say.

    Raises:
        InputError: a guideline, threshold or severity that there is not; the message names the option.
    """
    changes: dict[str, Any] = {}
    for option, names in (("select", typed.select), ("ignore", typed.ignore)):
        if names:
            with about(f"--{option}"):
                changes[option] = codes(list(chain.from_iterable(names)))
    if typed.select and not typed.ignore:  # what is asked for is asked, whatever the settings ignore
        changes["ignore"] = ()
    if typed.fail_on is not None:
        changes["fail_on"] = typed.fail_on
    with about("--threshold"):
        limits = thresholds(_nested(typed.threshold))
    changes["thresholds"] = {
        **base.thresholds,
        **{code: {**base.thresholds.get(code, {}), **numbers} for code, numbers in limits.items()},
    }
    with about("--severity"):
        changes["severities"] = {**base.severities, **severities(dict(typed.severity))}
    with about("--exempt"):
        added = map(_exemption, typed.exempt)
        changes["exemptions"] = (*(() if typed.no_exemptions else base.exemptions), *added)
    return replace(base, **changes)


def _exemption(text: str) -> Exemption:
    module, _, names = text.partition(":")
    return Exemption(module, REASON, [name.strip() for name in names.split(",")] if names else ())


def _nested(assigned: Sequence[tuple[str, str]]) -> Mapping[str, Any]:
    """Values by name; those of names with a dot in a table of their own."""
    found: dict[str, Any] = {}
    for name, text in assigned:
        rule, dot, threshold = name.partition(".")
        if dot:
            within = found.setdefault(rule, {})
            if not isinstance(within, dict):
                raise InputError(f"{rule} and {name} are both given")
            within[threshold] = literal(text)
        else:
            found[name] = literal(text)
    return found
