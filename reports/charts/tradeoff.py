"""Trade-off: published top-1 against latency, with intervals and the Pareto front."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING

from lwprof import units
from lwprof.reports import phrases
from lwprof.reports.charts.drawing import BLUE, ORANGE, Drawing, halves, shortened
from lwprof.reports.charts.labels import name_points
from lwprof.results.latency import ComparedModel, CompareResult

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TOLD = 12
"""Networks on the front that are named to who does not see them."""


@dataclass(frozen=True, slots=True)
class Point:
    """A network."""

    name: str
    x: float
    low: float
    high: float
    top1: float
    front: bool


def drawings(result: CompareResult) -> Iterator[Drawing]:
    """One scatter, of what the Pareto front is of; a single network is no trade-off."""
    setting = result.pareto_on
    names = phrases.labels([(model.model.name, model.model.spec) for model in result.models])
    points = [
        Point(name, *place, model.published.top1, bool(model.pareto))
        for name, model in zip(names, result.models, strict=True)
        if model.published and model.published.top1 is not None and (place := _place(model, setting))
    ]
    if len(points) < 2:
        return
    scale, unit = 1.0, ""
    axis = "FLOPs (mult-adds)"
    if setting in result.timed_on:
        scale, unit = units.time_unit(max(point.x for point in points))
        axis = f"latency on {setting}"
    elif setting:
        axis = f"instructions on {setting}"
    best = [shortened(point.name) for point in points if point.front]
    front = ", ".join(best[:TOLD]) + f" and {len(best) - TOLD} more" * (len(best) > TOLD)
    alt = (
        f"Scatter of published top-1 against {axis}, {len(points)} networks"
        + f"; on the Pareto front: {front}" * bool(front)
    )
    yield Drawing("tradeoff", alt, (7.2, 4.8), partial(_draw, points=points, axis=axis, scale=scale, unit=unit))


def _place(model: ComparedModel, setting: str) -> tuple[float, float, float] | None:
    for timing in model.timings:
        if timing.timed_on == setting:
            return timing.median_s, *timing.ci95_s
    for count in model.counts:
        if count.timed_on == setting:
            return (float(count.instructions.total),) * 3
    return None if setting else (float(model.totals.mult_adds),) * 3


def _draw(figure: Figure, points: list[Point], axis: str, scale: float, unit: str) -> None:
    from matplotlib.ticker import FuncFormatter

    axes = figure.add_subplot()
    front = sorted((point.x * scale, point.top1) for point in points if point.front)
    if front:
        axes.step(*zip(*front, strict=True), where="post", color=ORANGE, lw=1.6, label="Pareto front")
    for among, marker, color, label in ((True, "D", ORANGE, "on the front"), (False, "o", BLUE, "others")):
        chosen = [point for point in points if point.front is among]
        if not chosen:
            continue
        x = [point.x * scale for point in chosen]
        spread = halves(x, [(point.low * scale, point.high * scale) for point in chosen])
        y = [point.top1 for point in chosen]
        axes.errorbar(x, y, xerr=spread if unit else None, fmt=marker, ms=5.5, color=color, mec="black", mew=0.5,
                      ecolor="#404040", elinewidth=1, capsize=2.5, label=label)  # fmt: skip
    axes.margins(0.12)
    if min(point.x for point in points) * 6 < max(point.x for point in points):
        axes.set_xlim(left=0)
    if not unit:
        axes.xaxis.set_major_formatter(FuncFormatter(lambda number, _: units.count(number)))
    axes.set_xlabel(f"{axis}, {unit}, with 95 % intervals" if unit else axis)
    axes.set_ylabel("published top-1, %")
    if front:
        figure.legend(loc="outside upper right", ncols=3)
    bars = [((point.low * scale, point.top1), (point.high * scale, point.top1)) for point in points]
    for (left, lower), (right, higher) in pairwise(front):
        bars += [((left, lower), (right, lower)), ((right, lower), (right, higher))]
    name_points(axes, [(p.x * scale, p.top1) for p in points], [p.name for p in points], bars)
