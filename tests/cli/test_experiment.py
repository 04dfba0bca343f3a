"""``lwprof experiment`` as it is typed."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest
from fake_backends import Fake

from lwprof.cli import main
from lwprof.timing import backends, latency
from lwprof.timing.portable.clock import Clock


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Fake:
    """A backend on which every network takes a second of a made-up clock, and none is really run."""
    now = 0.0

    def passes(seconds: float) -> None:
        nonlocal now
        now += seconds

    found = Fake("made-up", passes)
    monkeypatch.setattr(found, "is_reference", lambda options: True)
    monkeypatch.setattr(backends, "BACKENDS", (found,))
    monkeypatch.setattr(latency, "performance_clock", lambda: Clock(lambda: now, 1e-7))
    return found


ONE = ("experiment", "g1", "--backend", "made-up", "--columns", "ARM x1", "--budget", "200")


@pytest.mark.slow
def test_the_table_stands_beside_the_papers(run: Any, fake: Fake) -> None:
    fake.seconds = {"ARM x1 1:2 (22, 44)": 1.05, "ARM x1 1:6 (13, 78)": 1.1, "ARM x1 1:12 (9, 108)": 1.25}
    outcome = run(*ONE)
    assert (outcome.code, outcome.err) == (0, "")
    lines = outcome.out.splitlines()
    assert lines[0] == "G1: equal channel widths cost the least memory access (arXiv:1807.11164, Table 1)"
    (last,) = [line for line in lines if line.startswith("1:12 (9, 108)")]
    for part in ("61.0 M", "7.358 M", "57.6", "0.76 ×", "1.25 ± 0 s", "0.800 × [0.800, 0.800]", "slower"):
        assert part in last
    assert "- G1 holds here in 1 of 1 column: in ARM x1, 1:12 runs at 0.800 (0.800–0.800) times" in outcome.out
    assert "- chosen: batch 1 by default" in outcome.out


@pytest.mark.slow
def test_json_has_the_keys_that_others_rely_on(run: Any, fake: Fake) -> None:
    document = json.loads(run(*ONE, "--format", "json").out)
    assert document["schema"] == "lwprof.experiment/1"
    assert document["experiment"] == "g1"
    assert "does not hold" in document["verdict"]
    assert document["holds"] == {"ARM x1": "no"}
    for row in document["rows"]:
        assert {"setting", "paper", "measured", "relative", "relative_ci95"} <= row.keys()
        assert row["measured"]["median_s"] == 1.0
        assert row["measured"]["ci95_s"] == [1.0, 1.0]
        assert row["paper"]["unit"] == "images/s"


@pytest.mark.slow
def test_csv_has_a_row_a_network(run: Any, fake: Fake) -> None:
    rows = list(csv.DictReader(io.StringIO(run(*ONE, "--format", "csv").out)))
    assert [row["setting"] for row in rows] == ["1:1 (32, 32)", "1:2 (22, 44)", "1:6 (13, 78)", "1:12 (9, 108)"]
    assert {row["holds"] for row in rows} == {"no"}
    assert {row["measured.ci95_s.low"] for row in rows} == {"1.0"}


@pytest.mark.slow
def test_a_saved_result_is_shown_again(run: Any, fake: Fake) -> None:
    shown = run(*ONE).out
    assert run(*ONE, "-o", "g1.json").code == 0
    assert run("report", "g1.json").out.partition("environment")[0] == shown.partition("environment")[0]


@pytest.mark.slow
def test_a_network_that_fails_is_named_and_the_exit_code_is_3(run: Any, fake: Fake) -> None:
    fake.refuses = {"ARM x1 1:6 (13, 78)": "no 13 channels"}
    outcome = run(*ONE)
    assert outcome.code == 3
    assert outcome.err == "error: ARM x1 1:6 (13, 78): no 13 channels\n"
    assert "- not timed on made-up: ARM x1 1:6 (13, 78): no 13 channels" in outcome.out
    assert "1:12 (9, 108)" in outcome.out


@pytest.mark.slow
def test_ctrl_c_shows_what_was_measured(run: Any, fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = 0

    def passes(seconds: float, after: Any = fake.passes) -> None:
        nonlocal calls
        calls += 1
        if calls == 60:
            raise KeyboardInterrupt
        after(seconds)

    monkeypatch.setattr(fake, "passes", passes)
    outcome = run(*ONE, "--precision", "1e-9", "--budget", "80000", "--format", "json")
    assert outcome.code == 130
    assert outcome.err == "error: interrupted; what was measured until then is shown\n"
    document = json.loads(outcome.out)
    assert document["interrupted"] is True
    assert all(row["measured"]["samples_s"] for row in document["rows"])


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("g7",), "unknown experiment 'g7'; choose one of g1, g2, g3, g4, table8"),
        (("table",), "did you mean 'table8'?"),
        (("g1", "--columns", "x9"), "g1 has no column 'x9'; choose among GPU x1, GPU x2, "),
        (("g1", "--device", "arm-emulated"), "arm-emulated counts instructions, and the paper's tables are of speeds"),
        (("g1", "--backend", "abacus"), "unknown backend 'abacus'"),
        (("g1", "--budget", "0"), "0.0 is not in the range"),
        (("g1", "-o", "g1.sarif"), "sarif shows audits only"),
        (("g1", "-o", "g1.trace"), "trace shows profiles only"),
        (("g1", "--format", "trace"), "invalid value for '--format'"),
    ],
)
def test_a_wrong_request_is_one_line(run: Any, fake: Fake, arguments: tuple[str, ...], says: str) -> None:
    outcome = run("experiment", *arguments)
    assert (outcome.code, outcome.out) == (2, "")
    assert says in outcome.err
    assert outcome.err.count("\n") == 1


def test_a_name_is_asked_for(run: Any) -> None:
    outcome = run("experiment")
    assert outcome.code == 2
    assert "g1|g2|g3|g4|table8" in outcome.err


@pytest.mark.parametrize(("begun", "names"), [("", ["g1", "g2", "g3", "g4", "table8"]), ("T", ["table8"])])
def test_names_are_completed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], begun: str, names: list[str]
) -> None:
    monkeypatch.setenv("_LWPROF_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_LINE", f"lwprof experiment {begun}")
    with pytest.raises(SystemExit):
        main([])
    assert capsys.readouterr().out.split() == [f"plain,{name}" for name in names]
