from __future__ import annotations

import pytest

from lwprof.pareto import pareto_front


def steady(seconds: float) -> list[float]:
    return [seconds] * 20


@pytest.mark.parametrize(
    ("top1", "seconds", "front"),
    [
        ([70.0, 72.0, 68.0], [1.0, 2.0, 0.5], [True, True, True]),  # every gain costs time
        ([70.0, 72.0], [2.0, 1.0], [False, True]),  # better and faster
        ([70.0, 70.0], [2.0, 1.0], [False, True]),  # as good and faster
        ([70.0, 71.0], [1.0, 1.005], [False, True]),  # better and not slower
        ([70.0, 70.0], [1.0, 1.005], [True, True]),  # as good and not to be told apart
        ([None, 70.0], [0.1, 1.0], [None, True]),  # accuracy unknown
        ([None], [1.0], [None]),
    ],
)
def test_pareto_front(top1: list[float | None], seconds: list[float], front: list[bool | None]) -> None:
    assert pareto_front(top1, [steady(each) for each in seconds], margin=0.01) == front


def test_too_few_rounds_put_nobody_on_the_front_or_behind_it() -> None:
    assert pareto_front([70.0, 72.0], [[1.0, 1.0], [10.0, 10.0]], 0.01) == [None, None]
    assert pareto_front([70.0, 72.0], [[1.0], [10.0]], 0.01) == [None, None]
    assert pareto_front([70.0, 72.0], [[2.0] * 6, [1.0] * 6], 0.01) == [False, True]


def test_noise_does_not_show_that_a_network_is_not_slower() -> None:
    quiet, noisy = [1.0] * 20, [0.8, 1.2] * 10
    assert pareto_front([70.0, 71.0], [quiet, noisy], 0.01) == [True, True]
    assert pareto_front([70.0, 71.0], [quiet, noisy], 0.5) == [False, True]


def test_pareto_front_of_exact_costs_needs_no_margin() -> None:
    costs = [[1000.0], [1001.0], [1001.0]]
    assert pareto_front([70.0, 70.0, 71.0], costs, margin=0.01, exact=True) == [True, False, True]
    assert pareto_front([70.0, 71.0], [[1000.0], [1000.0]], margin=0.01, exact=True) == [False, True]
