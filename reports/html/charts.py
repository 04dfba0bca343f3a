"""Chart data: the numbers that the page's charts draw, as the results have them, without raw samples."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from lwprof import units
from lwprof.reports import phrases, runs
from lwprof.reports.contents import printable
from lwprof.results.experiment import ExperimentResult
from lwprof.results.latency import CompareResult, Counted, Timing
from lwprof.results.layer_times import OUT_OF_PROPORTION, LayerTime
from lwprof.results.networks import IMAGENET, Published
from lwprof.results.profile import ProfileResult
from lwprof.results.roofline import Place, RooflineResult
from lwprof.results.structure import Fragmentation, Layer

Data = dict[str, Any]
LONGEST = 200
"""Letters of a name in a chart; tables have all of it."""


def named(text: str) -> str:
    """Make a name fit for a chart."""
    text = printable(text)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def tradeoff(found: Sequence[tuple[str, CompareResult]], view: str) -> Data:
    """Axes to choose from, and what each network is on them."""
    several = len(found) > 1
    members, networks = runs.of_several(found) if several else runs.of_one(found[0][1])
    axes: dict[str, Data] = {}
    for figures in (network.model.published for network in networks):
        if figures and figures.top1 is not None:
            of = "" if figures.dataset == IMAGENET else f" on {named(figures.dataset)}"
            axes[_accuracy(figures)] = {"name": f"published top-1{of}", "kind": "percent", "higher": True}
    for run in members:
        measured: list[Timing | Counted] = [*run.timings, *run.counts]
        for item in sorted(measured, key=lambda item: run.result.measured_on.index(item.timed_on)):
            kind, word = ("seconds", "latency") if isinstance(item, Timing) else ("count", "instructions")
            name, own = named(run.said(f"{word}, {item.timed_on}")), item.timed_on == run.result.pareto_on
            axes.setdefault(_on(run, item), {"name": name, "kind": kind, "own": own})
    structure = {
        "mult_adds": ("FLOPs (mult-adds)", "count"),
        **{f"{name}_elements": (f"MAC (memory access), {name}", "count") for name in ("paper", "eager", "fused")},
        "params": ("params", "count"),
        "peak_activation_bytes": ("peak activation", "bytes"),
    }
    axes |= {key: {"name": name, "kind": kind} for key, (name, kind) in structure.items()}
    counted_only = len(found) == 1 and not found[0][1].pareto_on
    if counted_only:
        axes["mult_adds"]["own"] = True
    points: list[tuple[str, Data]] = []
    for network in networks:
        totals, figures = network.model.totals, network.model.published
        values: Data = {
            key: {"value": getattr(totals, key)} for key in ("mult_adds", "params", "peak_activation_bytes")
        }
        values |= {
            f"{name}_elements": {"value": getattr(totals.memory_access, f"{name}_elements")}
            for name in ("paper", "eager", "fused")
        }
        if figures and figures.top1 is not None:
            values[_accuracy(figures)] = {"value": figures.top1}
        for run, place, outcome in network.outcomes():
            front = run.result.models[place].pareto
            if isinstance(outcome, Timing):
                low, high = outcome.ci95_s
                values[_on(run, outcome)] = {"value": outcome.median_s, "low": low, "high": high, "pareto": front}
            elif isinstance(outcome, Counted):
                values[_on(run, outcome)] = {"value": outcome.instructions.total, "pareto": front}
        if counted_only:
            values["mult_adds"]["pareto"] = network.model.pareto
        points.append((named(network.name), values))
    used = {key for _, values in points for key in values}
    axes = {key: axis for key, axis in axes.items() if key in used}
    first = next((key for key, axis in axes.items() if axis["kind"] == "seconds"), "")
    first = first or next((key for key in axes if key.startswith("on:")), "mult_adds")
    accuracy = next((key for key, axis in axes.items() if axis["kind"] == "percent"), "")
    y = accuracy or ("mult_adds" if first != "mult_adds" else f"{view}_elements")
    lacks = "" if accuracy else (
        "No network here has a published top-1, so cost stands against cost: down and to the left is better."
    )  # fmt: skip
    drawn = [{"name": name, "values": values} for name, values in points]
    return {"axes": axes, "points": drawn, "x": first, "y": y, "accuracy": accuracy, "lacks": lacks}


def _accuracy(figures: Published) -> str:
    """The axis of an accuracy: those on different data sets have one each, the first of which the front is of."""
    return f"top1:{figures.dataset}"


def _on(run: runs.Run, item: Timing | Counted) -> str:
    return f"on:{run.label}:{item.timed_on}"


def layers(found: Sequence[tuple[str, ProfileResult]]) -> Data:
    """Of each network its layers' shares of mult-adds, memory access (eager view) and, where it was timed, of time."""
    networks = [{"name": named(name), **_of_network(result)} for name, result in found]
    return {"networks": networks, "times": OUT_OF_PROPORTION}


def _of_network(result: ProfileResult) -> Data:
    time, known = result.time, {layer.name: layer for layer in result.layers}
    if time is None:
        whole = result.totals.mult_adds + result.totals.additions, result.totals.memory_access.eager_elements
        rows = [
            {**_work(result, [layer]), "kind": named(layer.type), "mult_adds_share": _share(
                layer.mult_adds + layer.additions, whole[0]), "memory_access_share": _share(
                layer.eager_elements, whole[1])}
            for layer in result.layers
            if layer.mult_adds or layer.additions or layer.eager_elements
        ]  # fmt: skip
        return {"timed": "", "layers": rows}
    rows = []
    for item, shares in zip(time.layers, result.shares(), strict=True):
        own = [known[name] for name in item.layers if name in known]
        rows.append({
            **_work(result, own, item.layers), **_times(item), "kind": named(item.kind), "time_share": shares.time,
            "mult_adds_share": shares.mult_adds, "memory_access_share": shares.eager_elements,
            "out": shares.out_of_proportion,
        })  # fmt: skip
    rest = {**_times(time.unattributed), "name": "unattributed", "kind": "",
            "time_share": _share(time.unattributed.median_s, time.total_s)}  # fmt: skip
    timing = time.timing
    on = f"{timing.timed_on}, {units.number_of(timing.threads, 'thread')}"
    return {"timed": named(on), "layers": [*rows, rest]}


def _share(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def _work(result: ProfileResult, own: Sequence[Layer], names: Sequence[str] = ()) -> Data:
    """Name layers that run as one, and sum what they cost."""
    names = names or [layer.name for layer in own]
    return {
        "name": named(phrases.leading(names, result.model.name)),
        "all": [named(name) for name in names[1:]],
        "mult_adds": sum(layer.mult_adds + layer.additions for layer in own),
        "memory_access": sum(layer.eager_elements for layer in own),
    }


def _times(item: LayerTime) -> Data:
    return {"time": [item.median_s, *item.ci95_s]}


def roofline(found: Sequence[tuple[str, RooflineResult]]) -> Data:
    """Of each machine and setting the roofs, and what was placed under them."""
    roofs = []
    for name, result in found:
        for setting, ceilings in result.ceilings.items():
            placed = [model for model in result.models if model.setting == setting]
            names = phrases.labels([(model.name, model.spec) for model in placed])
            label = ": ".join(filter(None, (name, setting)))
            roofs.append({
                "name": named(label),
                "mult_adds_per_s": ceilings.mult_adds_per_s,
                "bytes_per_s": ceilings.bytes_per_s,
                "cache_bytes_per_s": ceilings.cache_bytes_per_s,
                "models": [
                    {"name": named(network), "place": _place(model), "layers": [
                        {"name": named(" + ".join(layer.layers)), "kind": named(layer.kind), "place": _place(layer)}
                        for layer in model.layers
                    ]}
                    for network, model in zip(names, placed, strict=True)
                ],
            })  # fmt: skip
    return {"roofs": roofs}


def _place(item: Place) -> Data:
    return {
        "intensity": item.intensity, "attained": item.attained, "roof": item.roof, "share": item.share,
        "latency_s": item.latency_s, "ci95_s": list(item.ci95_s), "floor_s": item.floor_s, "bound": item.bound,
        "marks": list(item.marks),
    }  # fmt: skip


def fragmentation(found: Mapping[str, Fragmentation]) -> Data:
    """Of each network its fragments, branches and blocks."""
    return {
        "networks": [
            {"name": named(name), "mean_fragments": blocks.mean_fragments, "max_fragments": blocks.max_fragments,
             "max_branches": blocks.max_branches, "blocks": len(blocks.blocks) or None}
            for name, blocks in found.items()
        ]
    }  # fmt: skip


def experiment(result: ExperimentResult) -> Data:
    """Of each column of the paper's table the relative speeds, there and here."""
    columns = dict.fromkeys(row.column for row in result.rows)
    device = next((row.paper.device for row in result.rows if row.paper), "")
    here = f"this machine ({result.backend}, {result.device})"
    return {
        "here": named(here),
        "paper": named(f"the paper ({device})" if device else "the paper"),
        "columns": [
            {"name": named(column), "holds": result.holds.get(column, ""),
             "rows": list(_speeds(result, column))}
            for column in columns
        ],
    }  # fmt: skip


def _speeds(result: ExperimentResult, column: str) -> Iterator[Data]:
    for row in result.rows:
        if row.column == column:
            low, high = row.relative_ci95 or (None, None)
            yield {
                "setting": named(row.setting), "paper": row.paper and row.paper.relative,
                "printed": named(f"{row.paper.speed:g} {row.paper.unit}, {row.paper.device}") if row.paper else "",
                "relative": row.relative, "low": low, "high": high, "verdict": row.verdict,
                "median_s": row.measured and row.measured.median_s,
            }  # fmt: skip
