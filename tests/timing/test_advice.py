from __future__ import annotations

import pytest

from lwprof.results.document import Scalar
from lwprof.timing import advice
from lwprof.timing.sampling import Measurement, Rules, Series

QUIET: dict[str, Scalar] = {"cores": 8, "load_1min": 0.5, "governor": "performance"}


@pytest.mark.parametrize(
    ("change", "threads", "expected"),
    [
        ({}, 1, []),
        ({}, 8, []),
        ({"cores": None, "load_1min": None, "governor": None}, 4, []),
        ({"load_1min": 8.0}, 1, []),
        ({"load_1min": 8.1}, 1, ["the machine is busy (load 8.1 on 8 cores): close other programs and repeat"]),
        ({"load_1min": 1.5}, 8, ["the machine is busy (load 1.5 on 8 cores): close other programs and repeat"]),
        ({"cores": 2}, 4, ["4 threads share 2 usable cores: use at most 2 threads"]),
        ({"chosen_cores": "0,2-3"}, 3, []),
        ({"chosen_cores": "0,2-3"}, 4, ["4 threads share 3 chosen cores: use at most 3 threads"]),
        ({"chosen_cores": "5"}, 2, ["2 threads share 1 chosen core: use at most 1 thread"]),
        (
            {"big_cores": "4-7"}, 1,
            ["threads may move between big cores (4-7) and slower ones: choose big ones (--cores big)"],
        ),
        ({"big_cores": "4-7", "chosen_cores": "0-3"}, 1, []),
        (
            {"governor": "powersave"}, 1,
            ["the CPU frequency scales (governor powersave): set the governor to performance"],
        ),
    ],
)  # fmt: skip
def test_machine(change: dict[str, Scalar], threads: int, expected: list[str]) -> None:
    assert advice.on_machine({**QUIET, **change}, threads) == expected


def test_threads_that_left_the_chosen_cores() -> None:
    assert advice.on_strays(0) == []
    (one,), (several,) = advice.on_strays(1), advice.on_strays(3)
    assert one.startswith("a thread of a runtime left the chosen cores: unset what pins threads")
    assert several.startswith("3 threads of runtimes left the chosen cores: ")


def warnings(
    samples: list[float], *, stopped: str = "interval", warm: bool = True, singles: list[float] | None = None
) -> list[str]:
    series = Series("a", 1.0, 1, tuple(samples), tuple([1.0] * 100 if singles is None else singles))
    return advice.on_series(series, Measurement((series,), stopped, warm), Rules())


def test_good_samples_have_no_warning() -> None:
    assert warnings([1.0] * 20) == []
    assert warnings([1.0] * 20, stopped="budget") == []


def test_budget_that_ended_too_early() -> None:
    (warning,) = warnings([1.0, 1.1] * 10, stopped="budget")
    assert warning.startswith("the budget ended with an interval ")
    assert "% of the median wide, wanted 2 %: raise the budget" in warning


def test_warm_up_that_was_cut_short() -> None:
    (warning,) = warnings([1.0] * 20, warm=False)
    assert warning.startswith("the warm-up used up its share of the budget")


def test_too_few_rounds_for_a_verdict() -> None:
    (warning,) = warnings([1.0] * 5, stopped="budget")
    assert warning == "only 5 rounds: fewer than 6 allow no verdict; raise the budget"


def test_too_few_single_calls_for_a_p90() -> None:
    (warning,) = warnings([1.0] * 20, singles=[1.0] * 99)
    assert warning == "no 90th percentile: 99 single calls, 100 are needed; raise the budget"
    assert warnings([1.0] * 20, singles=[]) == []  # too short to be timed singly: not a matter of budget


def test_far_outliers_are_flagged() -> None:
    samples = [1.0, 1.01, 1.02] * 31 + [1.01, 5.0, 5.0, 5.0, 5.0, 5.0]
    (warning,) = warnings([5.0, *samples])
    assert warning == "6 of 100 samples are far outliers (kept): something else was running"
    assert warnings([1.01, *samples]) == []


def test_latency_that_drifts() -> None:
    rising = [1.0 + 0.01 * step for step in range(21)]
    assert warnings(rising) == [
        "latency rose by 14 % while it was measured: trust the ratios, which are paired, before the medians"
    ]
    assert "latency fell by" in warnings(rising[::-1])[0]
