"""Charts: static pictures of results, by matplotlib, which the extra ``charts`` installs."""

from __future__ import annotations

from collections.abc import Iterator

from lwprof.reports.charts import layer_bars, roof, speeds, tradeoff
from lwprof.reports.charts.drawing import Drawing
from lwprof.reports.formats import Content
from lwprof.results.experiment import ExperimentResult
from lwprof.results.latency import CompareResult
from lwprof.results.profile import ProfileResult
from lwprof.results.roofline import RooflineResult


def drawings(content: Content) -> Iterator[Drawing]:
    """What there is to draw of ``content``; nothing is drawn yet."""
    match content:
        case CompareResult():
            yield from tradeoff.drawings(content)
        case ProfileResult():
            yield from layer_bars.drawings(content)
        case RooflineResult():
            yield from roof.drawings(content)
        case ExperimentResult():
            yield from speeds.drawings(content)
