"""Speeds: the paper's and those of this machine, relative to the first row of the same column."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from lwprof.reports.charts.drawing import BLUE, ORANGE, Drawing, halves, shortened
from lwprof.results.experiment import ExperimentResult, ExperimentRow

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ACROSS = 3
"""Panels beside each other."""


def drawings(result: ExperimentResult) -> Iterator[Drawing]:
    """One chart, with a panel for each column of the table."""
    columns: dict[str, list[ExperimentRow]] = {}
    for row in result.rows:
        columns.setdefault(row.column, []).append(row)
    if not any(row.relative is not None for row in result.rows):
        return
    alt = (
        f"{result.title}: speeds relative to the first row, the paper's and here on {result.backend}; {result.verdict}"
    )
    across = min(ACROSS, len(columns))
    down = -(-len(columns) // across)
    most = max(map(len, columns.values()))
    size = (7.6, 1.2 + down * (0.7 + 0.26 * most))
    yield Drawing("speeds", alt.rstrip("; "), size, partial(_draw, result=result, columns=columns, grid=(down, across)))


def _draw(
    figure: Figure, result: ExperimentResult, columns: dict[str, list[ExperimentRow]], grid: tuple[int, int]
) -> None:
    panels = figure.subplots(*grid, squeeze=False, sharex=True)
    for panel, (column, rows) in zip(panels.flat, columns.items(), strict=False):
        panel.axvline(1, color="#505050", lw=0.9)
        for place, row in enumerate(rows):
            if row.paper is not None:
                panel.plot(row.paper.relative, place - 0.12, "D", ms=5, color="white", mec=ORANGE, mew=1.5)
            if row.relative is not None and row.relative_ci95 is not None:
                panel.errorbar(row.relative, place + 0.12, xerr=halves([row.relative], [row.relative_ci95]), fmt="o",
                               ms=5, color=BLUE, ecolor=BLUE, elinewidth=1.2, capsize=2.5)  # fmt: skip
        panel.set_yticks(range(len(rows)), [shortened(row.setting) for row in rows], fontsize=8)
        panel.set_ylim(len(rows) - 0.5, -0.5)
        panel.tick_params(axis="x", labelbottom=True)
        panel.set_title(column)
        panel.set_xlabel("speed relative to the first row", fontsize=8)
    for panel in list(panels.flat)[len(columns) :]:
        panel.remove()
    import matplotlib.lines as lines

    paper = lines.Line2D([], [], ls="", marker="D", mfc="white", mec=ORANGE, mew=1.5, label="the paper's")
    here = lines.Line2D([], [], ls="-", marker="o", color=BLUE, label=f"here, {result.backend}, with 95 % intervals")
    figure.legend(handles=[paper, here], loc="outside lower center", ncols=2)
    figure.suptitle(result.title, x=0.01, ha="left")
