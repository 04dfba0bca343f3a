"""Baselines: what was known of networks when one was written, so that only what is new fails.

A baseline holds counts and findings, which are the same on every machine, in a line for each layer and each finding.
"""

from __future__ import annotations

import contextlib
import reprlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from lwprof import units
from lwprof.auditing import snapshots
from lwprof.auditing.changes import growth, origins
from lwprof.auditing.snapshots import KnownFinding, Snapshot, shapes
from lwprof.errors import InputError
from lwprof.files import shown, write_whole
from lwprof.results.audit import BASELINE, AuditedModel, AuditResult, Finding
from lwprof.results.document import read_json

SCHEMA = f"{BASELINE}/1"


@dataclass(frozen=True, slots=True)
class Baseline:
    """What a file says of networks."""

    file: Path
    networks: Mapping[str, Snapshot] = field(default_factory=dict)
    """By name."""

    def compared(self, model: AuditedModel) -> AuditedModel:
        """Mark what the baseline knows, and say what has grown.

        A finding is known where its module had it before and it is not worse. Where modules have other names than
        before, it is also known where it only moved: a module had one with the very same numbers, which is gone there.

        Raises:
            InputError: the network was called with other inputs than in the baseline.
        """
        if model.failure:
            return model
        known = self.networks.get(model.name)
        if known is None:
            return replace(model, in_baseline=False)
        new = snapshots.of(model)
        if new.inputs != known.inputs:
            raise InputError(
                f"{model.name} was called with {shapes(new.inputs)}, with {shapes(known.inputs)} in the baseline "
                f"{shown(self.file)}; audit it with the same inputs, write the baseline again, or use --no-baseline"
            )
        olds = {(finding.code, finding.module): finding for finding in known.findings}
        news = {(finding.code, finding.module): finding for finding in new.findings}
        found, gone = origins(
            olds, news, lambda finding: (finding.code, finding.measured, finding.cost), snapshots.renamed(known, new)
        )
        asked = {checked.code for checked in model.checked}
        passed = {(ignored.code, ignored.module) for ignored in model.ignored}
        return replace(
            model,
            findings=tuple(
                _judged(finding, news[finding.code, finding.module], found.get((finding.code, finding.module)))
                for finding in model.findings
            ),
            growth=growth(known, new),
            mended=sum(finding.code in asked and key not in passed for key, finding in gone.items()),
            in_baseline=True,
        )


def read(file: Path) -> Baseline:
    """Read a baseline.

    Raises:
        InputError: it is missing, no baseline, damaged, or of a newer schema.
    """
    with contextlib.suppress(OSError):  # what is wrong with it is said below
        if not file.exists():
            advice = f"'lwprof audit --write-baseline {shown(file)}' writes it"
            raise InputError(f"there is no baseline {shown(file)}: {advice}")
    data = read_json(file, "baseline")
    schema = data.get("schema") if isinstance(data, dict) else None
    if str(schema).partition("/")[0] != BASELINE:
        advice = "write one with 'lwprof audit --write-baseline FILE'"
        raise InputError(f"{shown(file)} is not a baseline (schema {reprlib.repr(schema)}); {advice}")
    if schema != SCHEMA:
        advice = "update lwprof, or write the baseline again"
        raise InputError(f"{shown(file)} has schema {reprlib.repr(schema)}, this lwprof reads {SCHEMA!r}: {advice}")
    try:
        return Baseline(file, _networks(data))
    except (TypeError, ValueError) as error:
        raise InputError(f"{shown(file)} is a damaged baseline: {error}; write it again") from error


def write(file: Path, result: AuditResult) -> None:
    """Write what an audit found as the baseline of the next one.

    The same networks give the same bytes on every machine, in whichever order they were audited.

    Raises:
        InputError: a network is missing in the result, two are called the same, or the file cannot be written.
    """
    if result.interrupted:
        raise InputError(f"{file} is not written: the audit was interrupted")
    networks: dict[str, Snapshot] = {}
    for model in result.models:
        if model.failure:
            raise InputError(f"{file} is not written: {model.name} could not be looked at")
        snapshot = snapshots.of(model)
        if networks.setdefault(model.name, snapshot) != snapshot:
            raise InputError(
                f"{file} is not written: two networks are called {model.name!r}; "
                "give them names of their own in [tool.lwprof.networks]"
            )
    parts = [f"{snapshots.line(name)}: {snapshots.text(networks[name], depth=2)}" for name in sorted(networks)]
    whole = [f'"schema": "{SCHEMA}"', f'"networks": {snapshots.lines("{}", parts, depth=1)}']
    write_whole(file, snapshots.lines("{}", whole, depth=0) + "\n")


def _networks(data: Mapping[str, Any]) -> dict[str, Snapshot]:
    if not isinstance(networks := data.get("networks"), dict):
        raise TypeError(f"networks must be an object, not {reprlib.repr(networks)}")
    return {name: snapshots.rebuilt(item, f"networks.{name}") for name, item in networks.items()}


def _judged(finding: Finding, new: KnownFinding, old: KnownFinding | None) -> Finding:
    """A finding as the baseline lets it stand; ``new`` is what a baseline would say of it."""
    if old is None:
        return finding
    changes = []
    if new.measured is not None and old.measured is not None and new.measured > old.measured:
        changes.append(f"{old.measured:g} → {new.measured:g}")
    if new.cost > old.cost:
        changes.append(f"{units.exact(old.cost)} → {units.exact(new.cost)} elements")
    if not changes:
        return replace(finding, known=True, fails=False)
    return replace(finding, message=f"{finding.message}; worse than in the baseline: {', '.join(changes)}")
