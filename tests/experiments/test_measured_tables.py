"""The paper's tables, measured on a machine whose time is made up."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from fake_backends import Fake

from lwprof.errors import BackendError, InputError
from lwprof.experiments import EXPERIMENTS, experiment
from lwprof.experiments.plans import PLANS
from lwprof.experiments.tables import ARM, GPU
from lwprof.results.experiment import ExperimentResult
from lwprof.results.loading import from_dict
from lwprof.timing import backends
from lwprof.timing.portable.clock import Clock

pytestmark = pytest.mark.slow


class Bench:
    """A backend on which every network takes the seconds that it is told to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        self.calls = 0
        self.interrupt_at: int | None = None
        self.drift: Callable[[int], float] = lambda call: 1.0
        self.backend = Fake("made-up", self.passes)
        self.clock = Clock(lambda: self.now, tick_s=1e-7)
        monkeypatch.setattr(backends, "BACKENDS", (self.backend,))
        monkeypatch.setattr(self.backend, "is_reference", lambda options: True)  # networks do not run at all

    def passes(self, seconds: float) -> None:
        if self.calls == self.interrupt_at:
            raise KeyboardInterrupt
        self.calls += 1
        self.now += seconds * self.drift(self.calls)

    def run(self, name: str, seconds: Mapping[str, float], **options: Any) -> ExperimentResult:
        self.backend.seconds = seconds
        options = {"budget_s": 1000.0, **options}
        return experiment(name, backend="made-up", clock=self.clock, **options)


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Bench:
    return Bench(monkeypatch)


def paper_seconds(name: str, side: str = ARM, **others: float) -> dict[str, float]:
    """Seconds a call by label, such that every speed is the paper's, or by setting another one."""
    return {
        f"{column.name} {entry.setting}" if not entry.spec else entry.setting: 1
        / others.get(entry.setting, entry.speeds[side])
        for column in PLANS[name]().columns
        for entry in column.entries
        if side in entry.speeds
    }


def test_the_names_are_those_of_the_plans() -> None:
    assert tuple(PLANS) == EXPERIMENTS


@pytest.mark.parametrize("name", ["g1", "g2", "g3", "g4"])
def test_where_speeds_are_the_papers_the_guideline_holds(bench: Bench, name: str) -> None:
    result = bench.run(name, paper_seconds(name))
    assert set(result.holds.values()) == {"yes"}
    assert result.verdict.startswith(f"{name.upper()} holds here in 3 of 3 columns: in {next(iter(result.holds))}, ")
    for row in result.rows:
        assert row.measured is not None
        assert row.paper is not None
        assert row.measured.median_s == pytest.approx(1 / row.paper.speed)
        assert row.relative == pytest.approx(row.paper.relative)
        assert row.relative_ci95 == (pytest.approx(row.relative), pytest.approx(row.relative))
    assert result.untimed == ()
    assert from_dict(result.to_dict()) == result


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("g1", "in ARM x2, 1:12 runs at 0.696 (0.696–0.696) times the speed of 1:1 (the paper's ARM: 0.70)"),
        ("g2", "in ARM x1, g=8 runs at 0.695 (0.695–0.695) times the speed of g=1 (the paper's ARM: "),
        ("g3", "in ARM c=256, 4-fragment-parallel runs at 0.913 (0.913–0.913) times the speed of 1-fragment"),
        ("g4", "in ARM c=32, neither runs at 1.169 (1.169–1.169) times the speed of ReLU and short"),
    ],
)
def test_the_sentence_says_by_how_much(bench: Bench, name: str, size: str) -> None:
    result = bench.run(name, paper_seconds(name))
    assert size in result.verdict
    assert result.verdict.endswith("Intervals are of 95 % confidence, and a difference counts from 1 % on.")


@pytest.mark.parametrize(
    ("name", "verdict"),
    [("g1", "1:12 runs at 1.000 (1.000–1.000) times"), ("g2", "g=2 runs at 1.000"), ("g3", "1-fragment"),
     ("g4", "neither runs at 1.000")],
)  # fmt: skip
def test_where_all_are_alike_it_does_not(bench: Bench, name: str, verdict: str) -> None:
    result = bench.run(name, {})
    assert set(result.holds.values()) == {"no"}
    assert result.verdict.startswith(f"{name.upper()} does not hold here in 3 of 3 columns: in ARM ")
    assert verdict.partition(" runs")[0] in result.verdict
    assert "1.000 (1.000–1.000) times the speed of" in result.verdict
    assert {row.verdict for row in result.rows} == {"", "indistinguishable"}


@pytest.mark.parametrize("name", ["g1", "g2", "g3", "g4"])
def test_where_the_order_is_reversed_it_does_not(bench: Bench, name: str) -> None:
    reversed_speeds = {label: 1 / seconds / 1000 for label, seconds in paper_seconds(name).items()}
    result = bench.run(name, reversed_speeds, columns="arm")
    assert set(result.holds.values()) == {"no"}
    assert "does not hold here in 3 of 3 columns" in result.verdict


def test_a_first_row_that_leads_is_said_where_the_order_is_another(bench: Bench) -> None:
    """As on runtimes for which 90 channels in two groups are more awkward than 128 in four."""
    seconds = paper_seconds("g2")
    seconds["ARM x1 g=4 (128)"] = seconds["ARM x1 g=2 (90)"] / 1.1
    result = bench.run("g2", seconds, columns="ARM x1")
    assert result.holds == {"ARM x1": "no"}
    assert result.verdict.startswith(
        "The paper's order for G2 is not seen here in 1 of 1 column, though g=1 is the fastest there: in ARM x1, "
        "g=4 runs at 1.100 (1.100–1.100) times the speed of g=2 (the paper's ARM: 0.94), "
        "and g=8 at 0.695 (0.695–0.695) times the speed of g=1"
    )


@pytest.mark.parametrize("name", ["g1", "g2", "g3", "g4"])
def test_where_the_machine_is_too_noisy_nothing_is_said(bench: Bench, name: str) -> None:
    noise = [0.4, 1.7, 0.9, 2.3, 0.6, 1.2, 3.1, 0.5, 1.4, 0.7, 2.6]
    bench.drift = lambda call: noise[call * call % 11]
    result = bench.run(name, paper_seconds(name), budget_s=3.0)
    assert set(result.holds.values()) == {"unclear"}
    assert result.verdict.startswith(f"Whether {name.upper()} holds here cannot be told from these intervals: in ARM ")


def test_too_few_rounds_allow_no_verdict(bench: Bench) -> None:
    result = bench.run("g1", paper_seconds("g1"), columns="ARM x4", budget_s=1.0)
    assert {len(row.measured.samples_s) for row in result.rows if row.measured} == {3}
    assert result.holds == {"ARM x4": "unclear"}
    assert "1:2 runs at 0.962 (0.962–0.962) times the speed of 1:1 (the paper's ARM: 0.96) after only 3 rounds" in (
        result.verdict
    )


def test_columns_are_judged_one_by_one(bench: Bench) -> None:
    seconds = paper_seconds("g1")
    seconds["ARM x2 1:12 (18, 216)"] = seconds["ARM x2 1:2 (44, 88)"] * 1.05
    seconds["ARM x4 1:2 (88, 176)"] = seconds["ARM x4 1:1 (128, 128)"] / 1.1
    result = bench.run("g1", seconds)
    assert result.holds == {"ARM x1": "yes", "ARM x2": "no", "ARM x4": "no"}
    assert result.verdict.startswith("G1 holds here in 1 of 3 columns: in ARM x1, 1:12 runs at 0.756 ")
    assert "not in ARM x2, where 1:1 is the fastest, but 1:12 runs at 1.09" in result.verdict
    assert "not in ARM x4, where 1:2 runs at 1.100 (1.100–1.100) times the speed of 1:1" in result.verdict
    (faster,) = [row for row in result.rows if row.setting == "1:2 (88, 176)"]
    assert (faster.verdict, faster.relative) == ("faster", pytest.approx(1.1))


def test_table_3_is_not_held_to_an_order_that_it_has_not_itself(bench: Bench) -> None:
    seconds = paper_seconds("g3") | {f"ARM c=64 4-fragment-{form} (32)": 1 / 30 for form in ("series", "parallel")}
    assert bench.run("g3", seconds, columns="ARM c=64").holds == {"ARM c=64": "yes"}
    # of 128 channels the paper's own forms in series are as fast as one fragment
    seconds |= {"ARM c=128 2-fragment-series (90)": 1 / 20.0, "ARM c=128 4-fragment-series (64)": 1 / 5.0}
    assert bench.run("g3", seconds, columns="ARM c=128").holds == {"ARM c=128": "yes"}


def test_table_4_wants_both_removed_to_be_the_fastest(bench: Bench) -> None:
    seconds = paper_seconds("g4") | {"ARM c=64 neither": 1 / 18.8}
    result = bench.run("g4", seconds, columns="ARM c=64")
    assert result.holds == {"ARM c=64": "no"}
    assert "neither runs at 1.000 (1.000–1.000) times the speed of ReLU alone" in (result.verdict)


def test_the_margin_is_the_users(bench: Bench) -> None:
    seconds = paper_seconds("g1")
    assert bench.run("g1", seconds, columns="ARM x1", margin=0.03).holds == {"ARM x1": "yes"}
    result = bench.run("g1", seconds, columns="ARM x1", margin=0.05)
    assert result.holds == {"ARM x1": "no"}
    assert result.verdict.endswith("a difference counts from 5 % on.")


def test_pairs_are_of_the_same_round(bench: Bench) -> None:
    """A machine that drifts by a factor leaves the ratios as they are."""
    bench.drift = lambda call: 1 + call / 500
    result = bench.run("g1", paper_seconds("g1"), columns="ARM x1", budget_s=20.0)
    assert result.holds == {"ARM x1": "yes"}
    for row in result.rows:
        assert row.paper is not None
        assert row.relative == pytest.approx(row.paper.relative, rel=0.02)


@pytest.mark.parametrize(
    ("given", "columns"),
    [
        ("", ["ARM x1", "ARM x2", "ARM x4"]),
        ("arm", ["ARM x1", "ARM x2", "ARM x4"]),
        ("ARM x4, arm x1", ["ARM x1", "ARM x4"]),
        ("gpu x1", ["GPU x1"]),
        ("all", ["GPU x1", "GPU x2", "GPU x4", "ARM x1", "ARM x2", "ARM x4"]),
    ],
)
def test_columns_are_chosen_by_name(bench: Bench, given: str, columns: list[str]) -> None:
    result = bench.run("g2", {}, columns=given)
    assert list(dict.fromkeys(row.column for row in result.rows)) == columns


def test_a_column_of_the_gpu_is_held_against_the_papers_gpu(bench: Bench) -> None:
    result = bench.run("g1", paper_seconds("g1", GPU), columns="GPU x1")
    assert result.holds == {"GPU x1": "yes"}
    assert "1:12 runs at 0.505 (0.505–0.505) times the speed of 1:1 (the paper's GPU: 0.51)" in result.verdict
    assert [row.paper.unit for row in result.rows if row.paper] == ["batches/s"] * 4


def test_costs_stand_beside_the_speeds(bench: Bench) -> None:
    rows = bench.run("g1", {}, columns="ARM x1").rows
    assert [row.mult_adds for row in rows] == [20 * 56 * 56 * n for n in (1024, 968, 1014, 972)]
    # hw (c1 + c2) + c1 c2 for each of the 20 convolutions
    assert [row.memory_access for row in rows] == [
        20 * (56 * 56 * (c1 + c2) + c1 * c2) for c1, c2 in ((32, 32), (22, 44), (13, 78), (9, 108))
    ]


def test_a_network_that_cannot_be_timed_is_named_and_the_others_are_kept(bench: Bench) -> None:
    bench.backend.refuses = {"ARM x1 1:6 (13, 78)": "13 channels are unlucky"}
    result = bench.run("g1", paper_seconds("g1"))
    assert [item.reason for item in result.untimed] == ["ARM x1 1:6 (13, 78): 13 channels are unlucky"]
    assert [row.setting for row in result.rows if row.measured is None] == ["1:6 (13, 78)"]
    assert result.holds == {"ARM x1": "unclear", "ARM x2": "yes", "ARM x4": "yes"}
    assert "unclear in ARM x1, where 1:6 and 1:12 could not be compared" in result.verdict


def test_without_the_first_row_nothing_is_relative(bench: Bench) -> None:
    bench.backend.refuses = {"ARM x1 1:1 (32, 32)": "no"}
    result = bench.run("g1", paper_seconds("g1"), columns="ARM x1")
    assert [row.relative for row in result.rows] == [None] * 4
    assert [row.measured is not None for row in result.rows] == [False, True, True, True]
    assert result.holds == {"ARM x1": "unclear"}


def test_interruption_keeps_the_columns_before(bench: Bench) -> None:
    def press(what: str, share: float) -> None:
        if share > 0.5:
            raise KeyboardInterrupt

    result = bench.run("g1", paper_seconds("g1"), progress=press)
    assert result.interrupted
    assert list(result.holds) == ["ARM x1", "ARM x2"][: len(result.holds)]
    assert result.holds["ARM x1"] == "yes"
    assert result.rows[-1].measured is None
    assert result.rows[-1].paper is not None
    assert "Not measured: " in result.verdict
    assert "ARM x4" in result.verdict.partition("Not measured: ")[2]


def test_interruption_in_the_middle_of_a_column_keeps_its_rounds(bench: Bench) -> None:
    bench.interrupt_at = 80
    result = bench.run("g1", paper_seconds("g1"), columns="ARM x1", precision=1e-9)
    assert result.interrupted
    lengths = {len(row.measured.samples_s) for row in result.rows if row.measured}
    assert len(lengths) == 1
    assert result.holds == {"ARM x1": "yes"}


def test_choices_are_stated(bench: Bench) -> None:
    def said(name: str) -> str:
        return " ".join(bench.run(name, {}, budget_s=1.0).choices)

    assert all("batch 1" in said(name) for name in ("g1", "g2", "g3", "g4"))
    assert "180 that the paper prints cannot be divided by 8" in said("g2")
    assert "4-fragment-parallel" in said("g3")
    assert "c/√2" in said("g3")
    assert "c/4" in said("g4")
    assert "56x56" in said("g4")


def test_progress_rises_over_all_columns(bench: Bench) -> None:
    seen: list[float] = []
    bench.run("g1", paper_seconds("g1"), progress=lambda what, share: seen.append(share))
    assert all(0 <= share <= 1 for share in seen)
    assert max(seen) > 2 / 3
    assert [int(3 * share) for share in seen if share < 1] == sorted(int(3 * share) for share in seen if share < 1)


@pytest.mark.parametrize(
    ("name", "options", "error", "says"),
    [
        ("g5", {}, InputError, "unknown experiment 'g5'; choose one of g1, g2, g3, g4, table8"),
        ("table-8", {}, InputError, "did you mean 'table8'?"),
        ("g1", {"columns": "ARM x3"}, InputError, "g1 has no column 'ARM x3'; choose among GPU x1, .*, or GPU or ARM"),
        ("g1", {"columns": "ARM x1,"}, InputError, "g1 has no column ''"),
        ("g1", {"margin": 2.0}, InputError, "margin must be a share from 0 to 1, not 2"),
        ("g1", {"budget_s": 0.0}, InputError, "budget_s must be more than 0, not 0"),
        (None, {}, InputError, "unknown experiment None; choose one of g1"),
        ("g1", {"columns": ["ARM x1"]}, InputError, "columns must be one text, with commas between several"),
        ("g1", {"margin": "1 %"}, InputError, "margin must be a share from 0 to 1, not '1 %'"),
        ("g1", {"batch": 0}, InputError, "a batch of 0 is not possible"),
        ("g1", {"device": "arm-emulated"}, InputError, "arm-emulated counts instructions, and the paper's tables are"),
        ("g1", {"device": "cuda"}, BackendError, "made-up"),
    ],
)
def test_wrong_request(bench: Bench, name: str, options: dict[str, Any], error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        bench.run(name, {}, **options)
    assert bench.calls == 0
