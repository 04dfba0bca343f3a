"""Results with as little in them as can be: every format shows them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lwprof import reports
from lwprof.results.structure import Fragmentation


def one_layer(result):
    return replace(
        result, kinds=result.kinds[:1], layers=result.layers[:1], fragmentation=Fragmentation(None, None, None, ())
    )


def one_timed_layer(result):
    return replace(
        one_layer(result),
        time=replace(result.time, layers=result.time.layers[:1], kinds=(), spans=(), interrupted=True),
    )


def no_time_at_all(result):
    layer = replace(result.time.layers[0], median_s=0.0, ci95_s=(0.0, 0.0))
    return replace(result, time=replace(result.time, layers=(layer,), kinds=(), unattributed=replace(layer, layers=())))


def one_network(result):
    return replace(result, models=result.models[:1], interrupted=True)


def untimed(result):
    models = [replace(model, timings=(), relative=(), across=(), pareto=None) for model in result.models]
    return replace(result, models=tuple(models), settings=())


def nothing(result):
    return replace(result, models=(), interrupted=True)


def ceilings_only(result):
    return replace(result, models=(), untimed=(), interrupted=True)


def networks_without_layers(result):
    return replace(result, models=tuple(replace(model, layers=(), unattributed_s=None) for model in result.models))


def one_row(result):
    return replace(result, rows=result.rows[:1], correlations=(), interrupted=True)


def no_rows(result):
    return replace(result, rows=(), holds={}, verdict="", interrupted=True)


def unmeasured(result):
    rows = [replace(row, measured=None, relative=None, relative_ci95=None, verdict="") for row in result.rows]
    return replace(result, rows=tuple(rows))


def interval_beside_its_value(result):
    def moved(timing):
        return replace(timing, ci95_s=(2 * timing.median_s, 3 * timing.median_s))

    return replace(
        result,
        models=tuple(replace(model, timings=tuple(map(moved, model.timings))) for model in result.models),
    )


REDUCED = [
    ("profile_result", one_layer),
    ("timed_profile", one_timed_layer),
    ("timed_profile", no_time_at_all),
    ("compare_result", one_network),
    ("compare_result", untimed),
    ("compare_result", nothing),
    ("compare_result", interval_beside_its_value),
    ("settings_result", one_network),
    ("counted_result", one_network),
    ("roofline_result", ceilings_only),
    ("roofline_result", networks_without_layers),
    ("roofline_result", nothing),
    ("experiment_result", one_row),
    ("experiment_result", no_rows),
    ("experiment_result", unmeasured),
    ("table8_result", one_row),
]
FORMATS = ("table", "markdown", "csv", "json", "html", "latex")


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize(("canned", "reduce"), REDUCED)
def test_every_format_shows_it(canned, reduce, format, request):
    text = reports.render(reduce(request.getfixturevalue(canned)), format)
    assert text.endswith("\n")
    if format == "table":
        assert "nan" not in text.split()


@pytest.mark.slow
@pytest.mark.parametrize(("canned", "reduce"), REDUCED)
def test_what_is_left_is_drawn(canned, reduce, request):
    text, files = reports.illustrate([("", reduce(request.getfixturevalue(canned)))], "markdown", "r_files")
    assert text.count("[![") == len(files) // 2
    assert all(files.values())
