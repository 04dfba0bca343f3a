"""Snapshots: what a baseline keeps of one network, and how it stands in the file."""

from __future__ import annotations

import reprlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lwprof import units
from lwprof.auditing.quantities import QUANTITIES, Counted
from lwprof.results.audit import AuditedModel
from lwprof.results.document import json_text, plain, rebuild
from lwprof.results.networks import TensorSpec

Counts = Mapping[str, int]
"""Numbers by the name of their quantity."""

DIGITS = 6
"""Of what rules measure: fewer than machines agree on."""


@dataclass(frozen=True, slots=True)
class KnownFinding:
    """What a baseline keeps of a finding."""

    code: str
    module: str
    measured: float | None
    cost: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a baseline keeps of one network."""

    inputs: tuple[TensorSpec, ...]
    totals: Counts
    """Without the quantities that the network has none of."""
    findings: tuple[KnownFinding, ...]
    """By code, then in the order of the layers."""
    layers: Mapping[str, Counts]
    """What is not 0 of each layer, by its name, in the order of the module tree."""
    blocks: Counts
    """Fragments of each building block, by its name."""


def of(model: AuditedModel) -> Snapshot:
    """Take the snapshot of a network that was audited."""
    assert model.model is not None, "a network that could not be looked at has no numbers"
    assert model.totals is not None
    assert model.fragmentation is not None
    assert model.coverage is not None
    counted = Counted(model.totals, model.fragmentation, model.coverage)
    totals = {quantity.name: quantity.of(counted) for quantity in QUANTITIES}
    blocks: dict[str, int] = {}
    for block in model.fragmentation.blocks:
        blocks[block.name] = max(block.fragments, blocks.get(block.name, 0))
    rank = {name: place for place, name in enumerate(model.layers)}
    findings = [
        KnownFinding(
            finding.code,
            finding.module,
            None if finding.measured is None else round(finding.measured, DIGITS),
            finding.cost,
        )
        for finding in model.findings
    ]
    findings.sort(key=lambda finding: (finding.code, rank.get(finding.module, -1), finding.module))
    return Snapshot(
        model.model.inputs,
        {name: number for name, number in totals.items() if number is not None},
        tuple(findings),
        {name: counts for name, counts in model.layers.items() if counts},
        blocks,
    )


def renamed(old: Snapshot, new: Snapshot) -> bool:
    """Whether layers or blocks have other names; blocks of an ONNX file are named by the place of their operators."""
    return old.layers.keys() != new.layers.keys() or old.blocks.keys() != new.blocks.keys()


def shapes(inputs: Sequence[TensorSpec]) -> str:
    """Write inputs in a sentence.

    >>> shapes([TensorSpec((1, 3, 96, 96), "float32")])
    '1x3x96x96 float32'
    """
    return ", ".join(f"{units.shape(spec.shape, 'x')} {spec.dtype}" for spec in inputs) or "nothing"


def text(snapshot: Snapshot, depth: int) -> str:
    """Write a snapshot as JSON that a diff can be read of: a line for each total, finding, layer and block."""
    parts = [f'"inputs": {line(snapshot.inputs)}']
    for name, brackets, rows in (
        ("totals", "{}", _named(snapshot.totals)),
        ("findings", "[]", [line(finding) for finding in snapshot.findings]),
        ("layers", "{}", _named(snapshot.layers)),
        ("blocks", "{}", _named(snapshot.blocks)),
    ):
        parts.append(f'"{name}": {lines(brackets, rows, depth + 1)}')
    return lines("{}", parts, depth)


def line(item: Any) -> str:
    """Write anything as JSON on one line."""
    return json_text(plain(item))


def lines(brackets: str, items: Sequence[str], depth: int) -> str:
    """Write JSON items between brackets, each on a line of its own."""
    if not items:
        return brackets
    inside, outside = "\n" + "  " * (depth + 1), "\n" + "  " * depth
    return f"{brackets[0]}{inside}{f',{inside}'.join(items)}{outside}{brackets[1]}"


def rebuilt(data: Any, place: str) -> Snapshot:
    """Read a snapshot; ``place`` names it within its file.

    Raises:
        TypeError: something in it is of another kind.
        ValueError: something is missing in it.
    """
    parts = {}
    for name, kind in (("inputs", list), ("totals", dict), ("findings", list), ("layers", dict), ("blocks", dict)):
        if not isinstance(data, dict) or not isinstance(data.get(name), kind):
            what = "a list" if kind is list else "an object"
            given = data.get(name) if isinstance(data, dict) else data
            raise TypeError(f"{place}.{name} must be {what}, not {reprlib.repr(given)}")
        parts[name] = data[name]
    return Snapshot(
        rebuild(tuple[TensorSpec, ...], parts["inputs"], f"{place}.inputs"),
        _counts(parts["totals"], f"{place}.totals"),
        rebuild(tuple[KnownFinding, ...], parts["findings"], f"{place}.findings"),
        {name: _counts(counts, f"{place}.layers.{name}") for name, counts in parts["layers"].items()},
        _counts(parts["blocks"], f"{place}.blocks"),
    )


def _counts(data: Any, place: str) -> dict[str, int]:
    if not isinstance(data, dict):
        raise TypeError(f"{place} must be an object, not {reprlib.repr(data)}")
    return {name: rebuild(int, number, f"{place}.{name}") for name, number in data.items()}


def _named(items: Mapping[str, Any]) -> list[str]:
    return [f"{line(name)}: {line(item)}" for name, item in items.items()]
