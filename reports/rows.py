"""Rows: results as flat records, raw values under the JSON's keys joined by dots."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from lwprof.reports import phrases
from lwprof.results.audit import Alternative, AuditResult, CountedGain, Finding, Gain, Location
from lwprof.results.crosscheck import CrosscheckResult
from lwprof.results.document import plain
from lwprof.results.experiment import ExperimentResult, MeasuredSpeed, PaperSpeed
from lwprof.results.instructions import Instructions
from lwprof.results.latency import ComparedModel, CompareResult, Counted, Relative, Timing, Untimed
from lwprof.results.layer_times import LayerTime
from lwprof.results.networks import Published
from lwprof.results.profile import ProfileResult
from lwprof.results.roofline import Ceilings, Place, PlacedLayer, RooflineResult
from lwprof.results.structure import Layer

Record = dict[str, Any]
UNATTRIBUTED = "(unattributed)"
"""Stands for a layer's name in the row of the time that belongs to none."""
LISTS = {"blocks", "free_ops", "samples_s", "single_calls_s", "events_s"}
"""Keys of a comparison that do not fit a row and are left to the JSON."""


def profile(result: ProfileResult) -> list[Record]:
    """One row a layer with its own cost; what is unknown stands in every row.

    Where layers were timed, the time of those that run as one stands in the row of the one that leads. Another time of
    the same layer has a row without costs, and what belongs to no layer has the last one.
    """
    led: dict[str, list[Record]] = {}
    for item in result.time.layers if result.time else ():
        led.setdefault(item.layers[0], []).append(_layer_time(item, result))
    rows = []
    for layer in result.layers:
        row = _layer(layer, result)
        times = led.pop(layer.name, [])
        rows.append(row | (times[0] if times else _layer_time(None, result)))
        rows += [_layer(None, result) | {"name": layer.name} | time for time in times[1:]]
    for name, times in led.items():
        rows += [_layer(None, result) | {"name": name} | time for time in times]
    if result.time:
        rows.append(_layer(None, result) | {"name": UNATTRIBUTED} | _layer_time(result.time.unattributed, result))
    return rows


def _layer(layer: Layer | None, result: ProfileResult) -> Record:
    return {
        "model.name": result.model.name,
        "name": layer and layer.name,
        "type": layer and layer.type,
        "params": layer and layer.params,
        "mult_adds": layer and layer.mult_adds,
        "paper_elements": layer and layer.paper_elements,
        "eager_elements": layer and layer.eager_elements,
        "input_shapes": layer and phrases.shapes(layer.input_shapes, "x"),
        "output_shapes": layer and phrases.shapes(layer.output_shapes, "x"),
        "coverage.unknown": phrases.unknown(result.coverage, "x"),
        "input_dependent": result.input_dependent,
    }


def _layer_time(item: LayerTime | None, result: ProfileResult) -> Record:
    """Keys of a layer's time, empty where it has none; none at all where nothing was timed."""
    if result.time is None:
        return {}
    return {
        "time.setting": result.time.timing.timed_on,
        "time.layers": item and " ".join(item.layers),
        "time.kind": item and item.kind,
        "time.median_s": item and item.median_s,
        "time.ci95_s.low": item and item.ci95_s[0],
        "time.ci95_s.high": item and item.ci95_s[1],
        "time.interrupted": result.time.interrupted,
    }


def comparison(result: CompareResult) -> list[Record]:
    """One row a network; one a network and setting where there were several, timed, counted or neither."""
    document = result.to_dict()
    shared = flat({key: document[key] for key in ("interrupted", "settings", "environment")})
    rows: list[Record] = []
    for model, data in zip(result.models, document["models"], strict=True):
        data["model"]["inputs"] = phrases.inputs(model.model, "x")
        data["coverage"]["unknown"] = phrases.unknown(model.coverage, "x")
        data["published"] = data["published"] or _blank(Published)
        found: tuple[Timing | Counted | Untimed, ...] = (*model.measured, *model.untimed)
        for item in found or (None,):
            timing = item if isinstance(item, Timing) else None
            parts = {
                "relative": (Relative, timing and model.relative_of(timing)),
                "across": (Relative, timing and model.across_of(timing)),
                "untimed": (Untimed, item if isinstance(item, Untimed) else None),
            }
            cells = {key: _interval(plain(part) if part else _blank(kind)) for key, (kind, part) in parts.items()}
            cells["timings"] = _measured(None if isinstance(item, Untimed) else item, model)
            board = flat(result.boards.get(item.device, {}) if item else {}, "board.")
            rows.append({**flat(data | cells), **shared, **board})
    return rows


def _measured(item: Timing | Counted | None, model: ComparedModel) -> Record:
    """A latency or a count: keys of both, in the JSON in one list, those that the other kind has being empty."""
    record = _blank(Timing) | _blank(Counted) | (plain(item) if item else {})
    found = item.instructions if isinstance(item, Counted) else None
    derived = {
        "per_mult_add": found and found.per(model.totals.mult_adds),
        "not_fma": found and found.not_fma,
    }  # fmt: skip
    record["times_floor"] = item.times_floor if isinstance(item, Timing) else None
    return _interval(record | {"instructions": (plain(found) if found else _blank(Instructions)) | derived})


def crosscheck(result: CrosscheckResult) -> list[Record]:
    """One row a tool and term; a tool without terms has one row."""
    return [
        {
            "model.name": result.model.name,
            "tool": row.tool,
            "version": row.version,
            "ours": row.ours,
            "terms.name": term and term.name,
            "terms.amount": term and term.amount,
            "terms.why": term and term.why,
            "unexplained": row.unexplained,
            "theirs": row.theirs,
            "verdict": row.verdict,
        }
        for row in result.rows
        for term in row.terms or (None,)
    ]


def audit(result: AuditResult) -> list[Record]:
    """One row a finding; a network without findings has one row. Budgets and growth are left to the JSON."""
    rows: list[Record] = []
    for model in result.models:
        coverage = phrases.unknown(model.coverage, "x") if model.coverage else ""
        shared = {"coverage.unknown": coverage, "failure": model.failure, "interrupted": result.interrupted}
        rows += [{"name": model.name, **_finding(finding), **shared} for finding in model.findings or (None,)]
    return rows


def roofline(result: RooflineResult) -> list[Record]:
    """One row a network and one a layer, each with the ceilings it is under; without networks one a setting."""
    roofs = {setting: _ceilings(ceilings) for setting, ceilings in result.ceilings.items()}
    if not result.models:
        return [{"setting": setting, **cells, "interrupted": result.interrupted} for setting, cells in roofs.items()]
    return [
        {
            "name": model.name,
            "spec": model.spec,
            "setting": model.setting,
            "layers": " ".join(place.layers) if isinstance(place, PlacedLayer) else "",
            "kind": place.kind if isinstance(place, PlacedLayer) else "",
            **flat(_interval({item.name: getattr(place, item.name) for item in fields(Place)})),
            "marks": " ".join(place.marks),
            "unattributed_s": model.unattributed_s if place is model else None,
            **roofs[model.setting],
            "interrupted": result.interrupted,
        }
        for model in result.models
        for place in (model, *model.layers)
    ]


def _ceilings(ceilings: Ceilings) -> Record:
    """What they are, without what they were measured by."""
    return {f"ceilings.{key}": value for key, value in plain(ceilings).items() if key not in ("setting", "probes")}


def experiment(result: ExperimentResult) -> list[Record]:
    """One row a network of the table; what it comes down to stands in every row, correlations in the JSON."""
    shared: Record = {
        "experiment": result.experiment,
        "backend": result.backend,
        "device": result.device,
        "threads": result.threads,
        "batch": result.batch,
        "dtype": result.dtype,
    }
    ended: Record = {"verdict_of_all": result.verdict, "interrupted": result.interrupted}
    rows = []
    for row in result.rows:
        record = plain(row)
        for key, kind in (("paper", PaperSpeed), ("also", PaperSpeed), ("measured", MeasuredSpeed)):
            record[key] = record[key] or _blank(kind)
        low, high = record.pop("relative_ci95") or (None, None)
        record["relative"] = {"speed": record["relative"], "ci95": {"low": low, "high": high}}
        low, high = record["measured"].pop("ci95_s") or (None, None)
        record["measured"]["ci95_s"] = {"low": low, "high": high}
        record["measured"]["warnings"] = "; ".join(record["measured"]["warnings"] or ())
        record["holds"] = result.holds.get(row.column, "")
        rows.append({**shared, **flat(record), **ended, **flat(result.environment, "environment.")})
    return rows


def _finding(finding: Finding | None) -> Record:
    """A finding without what its alternative is built of."""
    record = plain(finding) if finding else _blank(Finding)
    location = record["location"] or _blank(Location)
    other = record["alternative"] or _blank(Alternative)
    gain = {key: value for key, value in (other["gain"] or _blank(Gain)).items() if not key.endswith("samples_s")}
    counted = dict(other["counted"] or _blank(CountedGain))
    for name in ("before", "after"):
        counted[name] = counted[name] or _blank(Instructions)
    kept = {key: other[key] for key in ("text", "mult_adds", "instead_of", "saves", "unmeasured")}
    return flat(record | {"location": location, "alternative": kept | {"gain": _interval(gain), "counted": counted}})


def flat(data: Mapping[str, Any], prefix: str = "") -> Record:
    """Join the keys of nested mappings by dots.

    >>> flat({"totals": {"params": 3, "memory_access": {"paper_elements": 4}}})
    {'totals.params': 3, 'totals.memory_access.paper_elements': 4}
    """
    record: Record = {}
    for key, value in data.items():
        if isinstance(value, Mapping):
            record |= flat(value, f"{prefix}{key}.")
        elif key not in LISTS:
            record[f"{prefix}{key}"] = value
    return record


def _interval(record: Mapping[str, Any]) -> Record:
    """Give each end of a confidence interval a key of its own."""
    ends: Record = {}
    for key, value in record.items():
        low, high = value if key.startswith("ci95") and value is not None else (None, None)
        ends |= {key: {"low": low, "high": high}} if key.startswith("ci95") else {key: value}
    return ends


def _blank(kind: Any) -> Record:
    return dict.fromkeys(f.name for f in fields(kind))
