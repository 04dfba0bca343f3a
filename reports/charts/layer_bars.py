"""Layer bars: time, mult-adds and memory access of each layer side by side, as shares of the network's."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from lwprof import units
from lwprof.reports import phrases
from lwprof.reports.charts.drawing import BLUE, GREEN, ORANGE, Drawing, halves, shortened
from lwprof.reports.layer_times import NOWHERE
from lwprof.results.layer_times import LayerTime, LayerTimes, Shares
from lwprof.results.profile import ProfileResult

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST = 40
"""Layers that a chart has room for."""


def drawings(result: ProfileResult) -> Iterator[Drawing]:
    """One chart of the layers that were timed, in the network's order."""
    time = result.time
    if time is None or not any(item.median_s > 0 for item in time.layers):
        return
    longest = sorted(time.layers, key=lambda item: -item.median_s)
    kept = set(map(id, longest[:MOST]))
    shown = [item for item in time.layers if id(item) in kept]
    first = longest[0]
    which = f"the {len(shown)} longest of {len(time.layers)} layers" if len(shown) < len(time.layers) else "all layers"
    alt = (
        f"Bars of time, mult-adds and memory access of {which} of {shortened(result.model.name)} on "
        f"{time.timing.timed_on}; the longest is {_name(first, result)} with {units.seconds(first.median_s)}"
    )
    size = 7.6, 1.3 + 0.2 * (len(shown) + 1)
    yield Drawing("layers", alt, size, partial(_draw, result=result, time=time, shown=shown))


def _name(item: LayerTime, result: ProfileResult) -> str:
    return shortened(phrases.leading(item.layers, result.model.name) if item.layers else NOWHERE)


def _draw(figure: Figure, result: ProfileResult, time: LayerTimes, shown: list[LayerTime]) -> None:
    known = {item.layers: shares for item, shares in zip(time.layers, result.shares(), strict=True)}
    totals, none = result.totals, Shares(None, None, None)
    rows = [*shown, *([time.unattributed] if time.unattributed.median_s else [])]
    places = range(len(rows))
    call = time.total_s
    panels = figure.subplots(1, 3, sharex=True, sharey=True)
    medians = [100 * item.median_s / call for item in rows]
    spread = halves(medians, [(100 * item.ci95_s[0] / call, 100 * item.ci95_s[1] / call) for item in rows])
    panels[0].barh(places, medians, color=BLUE, height=0.7, xerr=spread,
                   error_kw={"elinewidth": 0.9, "capsize": 1.5, "ecolor": "black"})  # fmt: skip
    panels[0].set_title("time")
    panels[0].set_xlabel(f"% of {units.seconds(call)}, 95 % intervals")
    work = totals.mult_adds + totals.additions
    for panel, key, color, title, of in (
        (panels[1], "mult_adds", ORANGE, "mult-adds", units.count(work)),
        (panels[2], "eager_elements", GREEN, "memory access",
         f"{units.count(totals.memory_access.eager_elements)} elements, eager view"),
    ):  # fmt: skip
        widths = [100 * (getattr(known.get(item.layers, none), key) or 0) for item in rows]
        panel.barh(places, widths, color=color, height=0.7)
        panel.set_title(title)
        panel.set_xlabel(f"% of {of}")
    panels[0].set_yticks(places, [_name(item, result) for item in rows], fontsize=8)
    panels[0].set_ylim(len(rows) - 0.4, -0.6)
    for panel in panels:
        panel.grid(axis="y", visible=False)
        panel.tick_params(axis="y", length=0)
        panel.set_xlim(left=0)
    figure.suptitle(f"{shortened(result.model.name)} on {time.timing.timed_on}", x=0.01, ha="left")
