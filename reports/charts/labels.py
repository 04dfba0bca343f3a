"""Labels: names beside the points of a scatter, where there is room for them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from lwprof.reports.charts.drawing import shortened

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.transforms import Bbox

SIDES = ((1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (-1, 1), (1, -1), (-1, -1))
DISTANCES = (7, 15, 24, 34, 46, 60)
"""In points; from the second on, a line leads to the label."""
MARK = 9
"""Half the size of a point that no label may cover, in pixels."""


def name_points(
    axes: Axes,
    points: Sequence[tuple[float, float]],
    names: Sequence[str],
    taken: Sequence[tuple[tuple[float, float], tuple[float, float]]] = (),
) -> None:
    """Write a name beside each point, clear of the points, of the lines that are ``taken`` and of the names before."""
    from matplotlib.text import Text
    from matplotlib.transforms import Bbox

    figure = axes.get_figure(root=True)
    figure.draw_without_rendering()  # the layout is settled, and stays
    figure.set_layout_engine("none")
    renderer = figure.canvas.get_renderer()
    pixels = axes.transData.transform(list(points)) if points else []
    blocked = [Bbox.from_extents(x - MARK, y - MARK, x + MARK, y + MARK) for x, y in pixels]
    blocked += [Bbox(axes.transData.transform(line)).padded(3) for line in taken]
    for point, name in sorted(zip(points, names, strict=True), key=lambda item: (-item[0][1], item[0][0])):
        best = None
        for distance, (across, up) in _offsets():
            label = axes.annotate(
                shortened(name), point, (across * distance, up * distance), textcoords="offset points",
                ha=("center", "left", "right")[across], va=("center", "bottom", "top")[up], fontsize=8,
                arrowprops={"arrowstyle": "-", "color": "#909090", "lw": 0.6, "shrinkA": 0, "shrinkB": 3}
                if distance > DISTANCES[0] else None,
            )  # fmt: skip
            label.update_positions(renderer)
            box = Text.get_window_extent(label, renderer)
            covered = sum(_overlap(box, other) for other in blocked) + _outside(box, axes.bbox)
            if best is None or covered < best[0]:
                if best is not None:
                    best[1].remove()
                best = covered, label, box
            else:
                label.remove()
            if best[0] == 0:
                break
        if best is not None:
            blocked.append(best[2].padded(2))


def _offsets() -> Iterator[tuple[int, tuple[int, int]]]:
    return ((distance, side) for distance in DISTANCES for side in SIDES)


def _overlap(one: Bbox, other: Bbox) -> float:
    wide = min(one.x1, other.x1) - max(one.x0, other.x0)
    high = min(one.y1, other.y1) - max(one.y0, other.y0)
    return wide * high if wide > 0 and high > 0 else 0.0


def _outside(box: Bbox, frame: Bbox) -> float:
    """Weighs more than what covers something."""
    return 10 * float(box.width * box.height - _overlap(box, frame))
