"""Roof: networks and their layers under the ceilings of a machine."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

from lwprof import units
from lwprof.reports import phrases
from lwprof.reports.charts.drawing import BLUE, GREEN, GREY, ORANGE, RED, Drawing, scale_by_powers, shortened
from lwprof.reports.charts.labels import name_points
from lwprof.results.roofline import CACHED, WINOGRAD, Ceilings, Place, PlacedLayer, PlacedModel, RooflineResult

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

Named = tuple[str, PlacedModel]

COLORS = (BLUE, ORANGE, GREEN, RED, GREY)
SHAPES = (("D", "network"), ("o", "layer"), ("s", "layer, may use Winograd"))


def drawings(result: RooflineResult) -> Iterator[Drawing]:
    """One chart for each setting."""
    for setting, ceilings in result.ceilings.items():
        if not min(ceilings.mult_adds_per_s, ceilings.bytes_per_s) > 0:
            continue
        found = [model for model in result.models if model.setting == setting]
        names = phrases.labels([(model.name, model.spec) for model in found])
        networks = [(name, model) for name, model in zip(names, found, strict=True) if _shown(model)]
        layers = [[layer for layer in model.layers if _shown(layer)] for _, model in networks]
        said = "; ".join(
            f"{shortened(name)} reaches {units.share(model.share, 1)} of its roof, bound by {model.bound}"
            for name, model in networks[:3]
        ) + f"; {len(networks) - 3} more networks" * (len(networks) > 3)
        title = f"{setting}, {units.number_of(ceilings.threads, 'thread')}, {ceilings.dtype}"
        alt = (
            f"Roofline of {title}: {units.count(ceilings.mult_adds_per_s)} mult-adds/s and "
            f"{units.count(ceilings.bytes_per_s)}B/s at most" + f"; {said}" * bool(said)
        )
        yield Drawing(
            "roofline",
            alt,
            (7.2, 5.2),
            partial(_draw, ceilings=ceilings, networks=networks, layers=layers, title=title),
        )


def _shown(place: Place) -> bool:
    """Without mult-adds there is no intensity that a logarithmic axis has."""
    return place.intensity > 0 and place.attained > 0


def _draw(
    figure: Figure, ceilings: Ceilings, networks: Sequence[Named], layers: Sequence[Sequence[PlacedLayer]], title: str
) -> None:
    axes = figure.add_subplot()
    compute, memory, cache = ceilings.mult_adds_per_s, ceilings.bytes_per_s, ceilings.cache_bytes_per_s
    placed: list[Place] = [*(model for _, model in networks), *(layer for some in layers for layer in some)]
    knee = compute / memory
    left = min([knee / 10, *(place.intensity for place in placed)]) / 2
    right = max([knee * 10, *(place.intensity for place in placed)]) * 2
    bottom = min([2 * memory * left, *(place.attained for place in placed)]) / 2
    top = max([compute, *(place.attained for place in placed)]) * 2
    scale_by_powers(axes.xaxis, left, right, lambda number: f"{number:g}")
    scale_by_powers(axes.yaxis, bottom, top, lambda number: f"{number / 1e9:g}")
    axes.set(xlabel="mult-adds per byte (fused view)", ylabel="10⁹ mult-adds per second", title=title)
    handles = [_key(shape, GREY, label) for shape, label in SHAPES] + [
        _key("o", "white", "hollow: may stay in the cache")
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=4, fontsize=8)
    figure.draw_without_rendering()  # settles how steep the roofs are

    for rate, dashes, label in ((memory, "-", "memory"), (cache, "--", "cache")):
        if rate > 0:
            turn = max(left, compute / rate)
            ends = [(left, min(rate * left, compute)), (turn, compute), (right, compute)]
            axes.plot(*zip(*ends, strict=True), color="black", lw=1.4, ls=dashes)
            (x, y), (further, higher) = axes.transData.transform([(1, rate), (2, 2 * rate)])
            low = max(left, bottom / rate) * 1.15
            axes.annotate(f"{label} {units.count(rate)}B/s", (low, rate * low), (-1, 4), textcoords="offset points",
                          fontsize=8, rotation=math.degrees(math.atan2(higher - y, further - x)),
                          rotation_mode="anchor", ha="left", va="bottom")  # fmt: skip
    axes.annotate(f"{units.count(compute)} mult-adds/s", (right, compute), (-3, 4), textcoords="offset points",
                  fontsize=8, ha="right", va="bottom")  # fmt: skip
    for number, (some, (_, model)) in enumerate(zip(layers, networks, strict=True)):
        color = COLORS[number % len(COLORS)]
        for layer in some:
            shape = "s" if WINOGRAD in layer.marks else "o"
            axes.plot(layer.intensity, layer.attained, shape, ms=4, mec=color, color=_inside(layer, color))
        axes.plot(model.intensity, model.attained, "D", ms=7, mec="black", color=_inside(model, color))
    spots = [(place.intensity, place.attained) for place in placed]
    name_points(axes, spots[: len(networks)], [name for name, _ in networks], [(spot, spot) for spot in spots])


def _inside(place: Place, color: str) -> str:
    return "white" if CACHED in place.marks else color


def _key(shape: str, color: str, label: str) -> Line2D:
    from matplotlib.lines import Line2D

    return Line2D([], [], ls="", marker=shape, mfc=color, mec=GREY, ms=5, label=label)
