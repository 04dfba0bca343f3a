"""Where the time goes, as reports show it."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from typing import Any

import pytest

from lwprof.errors import InputError
from lwprof.reports import render
from lwprof.results.layer_times import Shares


@pytest.mark.slow
def test_times_are_listed_by_what_was_asked_for(timed_profile: Any) -> None:
    def first(**options: Any) -> list[str]:
        lines = render(timed_profile, **options).splitlines()
        start = next(place for place, line in enumerate(lines) if line.startswith("Where the time goes"))
        rule = next(place for place in range(start, len(lines)) if lines[place].startswith("─"))
        return [line.split()[0] for line in lines[rule + 1 : rule + 3]]

    assert first() == first(sort="time") == ["features.1.pointwise", "features.1.depthwise"]
    assert first(top=1) == ["features.1.pointwise", "unattributed"]
    assert first(sort="eager_elements") == ["features.1.pointwise", "features.1.depthwise"]
    assert first(sort="params") == ["features.1.pointwise", "classifier"]


def test_a_profile_without_times_is_not_sorted_by_them(timed_profile: Any) -> None:
    with pytest.raises(InputError, match="mbv1 has no times of layers to sort by: profile it with --time"):
        render(replace(timed_profile, time=None), sort="time")


def test_the_row_of_a_layer_that_is_out_of_proportion_is_marked(timed_profile: Any) -> None:
    text = render(timed_profile)
    (line,) = [line for line in text.splitlines() if line.startswith("features.0.0 +1")]
    assert line.split()[-2:] == ["2.9", "×"]
    assert text.count("2.9 ×") == 2  # the layer, and its kind


@pytest.mark.parametrize(
    ("time", "mult_adds", "eager", "excess", "marked"),
    [
        (0.2, 0.1, 0.05, 2.0, True),
        (0.2, 0.05, 0.11, 0.2 / 0.11, False),
        (0.009, 0.001, 0.0, 9.0, False),
        (0.5, None, 0.1, 5.0, True),
        (0.5, 0.0, 0.0, None, True),
        (None, 0.5, 0.5, 0.0, False),
    ],
)
def test_what_is_out_of_proportion(time: Any, mult_adds: Any, eager: Any, excess: Any, marked: bool) -> None:
    shares = Shares(time, mult_adds, eager)
    assert (shares.excess, shares.out_of_proportion) == (pytest.approx(excess), marked)


def test_layers_that_share_a_module_share_its_cost(timed_profile: Any) -> None:
    first, second, *rest = timed_profile.time.layers
    layers = (replace(first, layers=("features.0.0", "classifier")), replace(second, layers=("classifier",)), *rest[:1])
    result = replace(timed_profile, time=replace(timed_profile.time, layers=layers))
    stem, classifier = 10_838_016, 1_024_000
    assert [shares.mult_adds for shares in result.shares()[:2]] == [
        pytest.approx((stem + classifier / 2) / result.totals.mult_adds),
        pytest.approx(classifier / 2 / result.totals.mult_adds),
    ]


def test_several_times_of_a_layer_have_rows_of_their_own_and_its_costs_stand_once(timed_profile: Any) -> None:
    again = replace(timed_profile.time.layers[0], layers=("features.0.0", "classifier"))
    other = replace(again, layers=("made by the runtime",))
    times = replace(timed_profile.time, layers=(*timed_profile.time.layers, again, other))
    rows = list(csv.DictReader(io.StringIO(render(replace(timed_profile, time=times), "csv"))))
    assert [row["time.layers"] for row in rows if row["name"] == "features.0.0"] == [
        "features.0.0 features.0.1", "features.0.0 classifier",
    ]  # fmt: skip
    assert [row["name"] for row in rows[-2:]] == ["made by the runtime", "(unattributed)"]
    assert sum(int(row["mult_adds"] or 0) for row in rows) == timed_profile.totals.mult_adds
