"""Charts beside a report in Markdown: which there are, what they say, and that they are the same on every run."""

from __future__ import annotations

import dataclasses
import re
import struct
import sys
from urllib.parse import unquote
from xml.etree import ElementTree

import pytest
from canned_results import CANNED

from lwprof import reports
from lwprof.errors import BackendError
from lwprof.reports.charts import drawings
from lwprof.reports.charts.labels import name_points
from lwprof.results.networks import Model

pytestmark = pytest.mark.slow

DRAWN = {
    "compare_result": "tradeoff",
    "counted_result": "tradeoff",
    "arm_result": "tradeoff",
    "settings_result": "tradeoff",
    "timed_profile": "layers",
    "roofline_result": "roofline",
    "experiment_result": "speeds",
    "table8_result": "speeds",
}


@pytest.mark.parametrize("canned", CANNED)
def test_what_there_is_to_draw(canned, request):
    found = [drawing.kind for drawing in drawings(request.getfixturevalue(canned))]
    assert found == [kind for name, kind in DRAWN.items() if name == canned]


@pytest.mark.parametrize("canned", ["compare_result", "timed_profile", "roofline_result", "experiment_result"])
def test_files_are_whole_and_the_same_on_every_run(canned, request):
    (drawing,) = drawings(request.getfixturevalue(canned))
    files = drawing.files()
    assert files == drawing.files()
    assert files["png"].startswith(b"\x89PNG")
    wide, high = struct.unpack(">II", files["png"][16:24])
    assert 1000 < wide < 1500
    assert 200 < high < 2500
    root = ElementTree.fromstring(files["svg"])
    assert root.tag.endswith("svg")
    assert b"<dc:date" not in files["svg"]
    assert b"Matplotlib v" not in files["svg"] + files["png"]


def test_the_text_shows_the_png_and_leads_to_the_svg(compare_result, timed_profile):
    named = [("a.json", timed_profile), ("b.json", compare_result), ("c.json", timed_profile)]
    text, files = reports.illustrate(named, "markdown", "my report_files")
    shown = re.findall(r"^\[!\[(.+)\]\((\S+)\)\]\((\S+)\)$", text, re.MULTILINE)
    assert [(unquote(png), unquote(svg)) for _, png, svg in shown] == [
        (f"my report_files/{stem}.png", f"my report_files/{stem}.svg") for stem in ("layers", "tradeoff", "layers-2")
    ]
    assert " " not in "".join(png + svg for _, png, svg in shown)
    assert sorted(files) == sorted(
        f"{stem}.{end}" for stem in ("layers", "layers-2", "tradeoff") for end in ("png", "svg")
    )
    assert "features.1.pointwise with 4.40 ms" in shown[0][0]
    assert "on the Pareto front: mbv2" in shown[1][0]
    without = reports.render_all(named, "markdown")
    assert re.sub(r"^\[!\[.*\n\n", "", text, flags=re.MULTILINE) == without


def test_what_is_said_of_a_chart_is_short_whatever_the_names(compare_result, timed_profile, roofline_result):
    name = "x" * 2_000
    first, *_ = compare_result.models
    many = dataclasses.replace(first, model=Model(name, name, first.model.inputs), pareto=True)
    placed = tuple(dataclasses.replace(model, name=name) for model in roofline_result.models)
    for result in (
        dataclasses.replace(compare_result, models=(many,) * 100),
        dataclasses.replace(timed_profile, model=many.model),
        dataclasses.replace(roofline_result, models=placed),
    ):
        (drawing,) = drawings(result)
        assert len(drawing.alt) < 1_000


def test_comparisons_in_one_table_have_a_chart_each(compare_result, settings_result):
    text, files = reports.illustrate([("a", compare_result), ("b", settings_result)], "markdown", "x_files")
    assert text.count("[![") == 2
    assert set(files) == {"tradeoff.png", "tradeoff.svg", "tradeoff-2.png", "tradeoff-2.svg"}


@pytest.mark.parametrize(
    "name", ["$a_{b}$", "\\frac{", "](http://x)![", "<script>", "\x1b[31m", "網路", "a\nb", "x" * 500]
)
def test_a_name_draws_itself_and_nothing_else(name, compare_result):
    first, *others = compare_result.models
    named = dataclasses.replace(first, model=Model(name, name, first.model.inputs), pareto=True)
    text, files = reports.illustrate(
        [("", dataclasses.replace(compare_result, models=(named, *others)))], "markdown", "r_files"
    )
    assert re.findall(r"(?<!\\)\]\((.*?)\)", text) == ["r_files/tradeoff.png", "r_files/tradeoff.svg"]
    assert "<script" not in text
    ElementTree.fromstring(files["tradeoff.svg"])


def test_names_of_points_do_not_cover_each_other():
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.text import Text

    figure = Figure((7, 5), dpi=100, layout="constrained")
    renderer = FigureCanvasAgg(figure).get_renderer()
    axes = figure.add_subplot()
    points = [(x / 4, y / 2) for x in range(4) for y in range(2)] + [(0.26, 0.01), (0.51, 0.0), (0.5, 0.51)]
    axes.plot(*zip(*points, strict=True), "o")
    axes.margins(0.12)
    name_points(axes, points, [f"network {number}" for number in range(len(points))])
    boxes = [Text.get_window_extent(label, renderer) for label in axes.texts]
    assert len(boxes) == len(points)
    assert not any(one.overlaps(other) for place, one in enumerate(boxes) for other in boxes[:place])
    assert not any(box.contains(*axes.transData.transform(point)) for box in boxes for point in points)
    assert all(axes.bbox.contains(*corner) for box in boxes for corner in box.corners())


def test_without_matplotlib_there_is_advice(compare_result, profile_result, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(BackendError, match=r"charts need matplotlib: pip install 'lwprof\[charts\]'"):
        reports.illustrate([("", compare_result)], "markdown", "r_files")
    assert reports.illustrate([("", profile_result)], "markdown", "r_files")[1] == {}


def test_bars_of_layers_are_the_shares_of_the_table(timed_profile):
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    (drawing,) = drawings(timed_profile)
    figure = Figure()
    FigureCanvasAgg(figure)
    drawing.draw(figure)
    drawn = [[bar.get_width() for bar in panel.patches] for panel in figure.axes]
    rest = 100 * timed_profile.time.unattributed.median_s / timed_profile.time.total_s
    for bars, key, last in zip(drawn, ("time", "mult_adds", "eager_elements"), (rest, 0, 0), strict=True):
        shares = [100 * (getattr(item, key) or 0) for item in timed_profile.shares()]
        assert bars == pytest.approx([*shares, last])
