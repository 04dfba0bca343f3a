"""What to time on, as it is typed; and what is said where that is not there."""

from __future__ import annotations

import json
import os
from typing import Any

import pytest
from fake_backends import Fake

from lwprof.timing import backends, pinning
from lwprof.timing.backends.torch_eager import TorchEager
from lwprof.timing.portable.affinity import CAN_PIN

SMALL = ("--input-size", "3,8,8")
COMPARE = ("compare", "net.py:TinyNet", "net.py:TinyNet:width=8", *SMALL, "--budget", "0.2")
AUDIT = ("audit", "net.py:TinyNet", *SMALL)
LIMIT = ("--budget", "max_latency_ratio.to=net.py:TinyNet", "--budget", "max_latency_ratio.ratio=1000")


@pytest.fixture
def fakes(monkeypatch: pytest.MonkeyPatch) -> dict[str, Fake]:
    found = {name: Fake(name) for name in ("quick", "small")}
    monkeypatch.setattr(backends, "BACKENDS", (TorchEager(), *found.values()))
    monkeypatch.setattr(backends, "DTYPES", ("float32", "int8"))
    return found


@pytest.mark.parametrize("command", [COMPARE, AUDIT])
@pytest.mark.parametrize(
    ("option", "says"),
    [
        (("--backend", "torhc"), "unknown backend 'torhc'; did you mean 'torch'?"),
        (("--backend", "abacus"), "unknown backend 'abacus'; there is torch, quick, small"),
        (("--backend", ""), "name a backend; there is torch, quick, small"),
        (("--device", "tpu"), "unknown device 'tpu'; there is cpu, cuda, arm-emulated, ssh://user@board"),
        (("--dtype", "float8"), "unknown dtype 'float8'; there is float32, int8"),
        (("--dtype", " "), "name a dtype; there is float32, int8"),
    ],
)
def test_unknown_names_are_refused_before_any_work(
    run: Any, fakes: dict[str, Fake], command: tuple[str, ...], option: tuple[str, str], says: str
) -> None:
    outcome = run(*command, *option)
    assert (outcome.code, outcome.out) == (2, "")
    assert says in outcome.err
    assert outcome.err.count("\n") == 1


@pytest.mark.parametrize("names", ["torch,,quick", ",torch", "torch,"])
def test_a_name_between_commas_is_missed(run: Any, fakes: dict[str, Fake], names: str) -> None:
    outcome = run(*COMPARE, "--backend", names)
    assert outcome.code == 2
    assert "name a backend; there is torch, quick, small" in outcome.err


def settings_of(outcome: Any) -> list[list[str]]:
    return [[timing["setting"] for timing in model["timings"]] for model in json.loads(outcome.out)["models"]]


@pytest.mark.slow
def test_spaces_and_repetitions_do_not_count(run: Any, fakes: dict[str, Fake]) -> None:
    outcome = run(*COMPARE, "--backend", " quick, torch,quick", "--format", "json")
    assert (outcome.code, outcome.err) == (0, "")
    assert settings_of(outcome) == [["quick", "torch"]] * 2


def test_missing_backend_leaves_the_others_and_is_exit_code_3(run: Any, fakes: dict[str, Fake]) -> None:
    fakes["quick"].missing = "quick is not installed"
    outcome = run(*COMPARE, "--backend", "torch,quick", "--format", "json")
    assert outcome.code == 3
    assert outcome.err == "error: quick is not installed: pip install 'lwprof[quick]'\n"
    assert settings_of(outcome) == [["torch"]] * 2


def test_only_missing_backends_are_said_before_any_work(run: Any, fakes: dict[str, Fake]) -> None:
    fakes["quick"].missing = "quick is not installed"
    outcome = run("compare", "no_such_file.py:Net", "--backend", "quick")
    assert (outcome.code, outcome.out) == (3, "")
    assert outcome.err == "error: quick is not installed: pip install 'lwprof[quick]'\n"


@pytest.mark.slow
def test_several_reasons_are_one_line(run: Any, fakes: dict[str, Fake]) -> None:
    fakes["quick"].missing = "quick is not installed"
    fakes["small"].refuses = {"TinyNet": "no operator for layer a", "TinyNet:width=8": "no operator for layer b"}
    outcome = run(*COMPARE, "--backend", "torch,quick,small", "--format", "json")
    assert outcome.code == 3
    assert outcome.err == "error: quick is not installed: pip install 'lwprof[quick]' (and 2 more, in the report)\n"


@pytest.mark.slow
def test_backend_that_computes_something_else_is_exit_code_3(run: Any, fakes: dict[str, Fake]) -> None:
    fakes["quick"].wrong_by = 0.01
    outcome = run(*COMPARE, "--backend", "torch,quick,small")
    assert outcome.code == 3
    assert outcome.err == (
        "error: quick computes something else than torch for TinyNet: the largest difference is 0.01 of the output's "
        "range, at most 0.0001 is accepted (and 1 more, in the report)\n"
    )
    assert "- not timed: quick computes something else than torch for TinyNet, TinyNet:width=8:" in outcome.out
    saved = run(*COMPARE, "--backend", "torch,quick,small", "--format", "json")
    assert (saved.code, settings_of(saved)) == (3, [["torch", "small"]] * 2)
    alone = run(*COMPARE, "--backend", "quick", "--format", "json")
    assert (alone.code, settings_of(alone)) == (3, [[], []])


@pytest.mark.slow
def test_missing_backend_weighs_more_than_a_gate(run: Any, fakes: dict[str, Fake]) -> None:
    fakes["quick"].missing = "quick is not installed"
    strange = ("compare", "net.py:Strange", *SMALL, "--budget", "0.2", "--strict", "--backend", "torch,quick")
    assert run(*strange).code == 3
    fakes["quick"].missing = None
    assert run(*strange[:-1], "torch").code == 1


@pytest.mark.slow
def test_network_that_torch_cannot_run_is_exit_code_2_and_the_others_are_timed(
    run: Any, fakes: dict[str, Fake]
) -> None:
    outcome = run("compare", "net.py:Weary", "net.py:TinyNet", *SMALL, "--budget", "0.3")
    assert outcome.code == 2
    assert outcome.err == "error: Weary cannot be timed: ValueError: too tired; everything else is shown\n"
    assert outcome.out.count("too tired") == 1
    fakes["quick"].missing = "quick is not installed"
    both = run("compare", "net.py:Weary", "net.py:TinyNet", *SMALL, "--budget", "0.3", "--backend", "torch,quick")
    assert both.code == 2  # before 3, which the missing backend is


def test_interruption_while_something_is_loaded(run: Any, fakes: dict[str, Fake]) -> None:
    def press() -> None:
        raise KeyboardInterrupt

    fakes["quick"].when_loading = press
    outcome = run(*COMPARE, "--backend", "torch,quick", "--format", "json")
    assert (outcome.code, outcome.err) == (130, "error: interrupted; nothing had been measured yet\n")
    assert [model["totals"]["params"] for model in json.loads(outcome.out)["models"]] == [112, 224]


def test_structure_alone_needs_no_backend(run: Any, fakes: dict[str, Fake]) -> None:
    fakes["quick"].missing = "quick is not installed"
    outcome = run(*COMPARE, "--backend", "quick", "--no-time", "--format", "json")
    assert (outcome.code, settings_of(outcome)) == (0, [[], []])


@pytest.mark.parametrize("command", [COMPARE, (*AUDIT, "--measure")])
@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("fast", "cannot read the cores 'fast'; write big, little, all, or numbers such as 0,2-3"),
        ("", "cannot read the cores ''; write big, little, all, or numbers such as 0,2-3"),
        ("9999", "there is no core 9999 here; there is "),
    ],
)
def test_cores_that_are_not_there_are_exit_code_2(run: Any, command: tuple[str, ...], text: str, says: str) -> None:
    if not CAN_PIN:
        pytest.skip("no core can be chosen here")
    outcome = run(*command, "--cores", text)
    assert (outcome.code, outcome.out) == (2, "")
    assert says in outcome.err
    assert outcome.err.count("\n") == 1


def test_cores_are_exit_code_3_where_no_thread_can_be_pinned(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pinning, "CAN_PIN", False)
    monkeypatch.setattr("platform.system", lambda: "Darwin")
    outcome = run(*COMPARE, "--cores", "big")
    assert (outcome.code, outcome.out) == (3, "")
    assert outcome.err == "error: threads cannot be pinned to cores on macOS: leave the choice of cores out\n"


def test_instructions_are_counted_on_no_core_of_this_machine(run: Any) -> None:
    outcome = run(*COMPARE, "--cores", "0", "--device", "arm-emulated")
    assert (outcome.code, outcome.out) == (2, "")
    assert "do not choose cores for arm-emulated" in outcome.err


@pytest.mark.slow
def test_chosen_cores_are_told_with_what_was_timed(run: Any) -> None:
    if not CAN_PIN:
        pytest.skip("no core can be chosen here")
    usable = os.sched_getaffinity(0)
    core = str(max(usable))
    document = json.loads(run(*COMPARE, "--cores", core, "--format", "json").out)
    assert document["environment"]["chosen_cores"] == core
    assert [model["timings"][0]["cores"] for model in document["models"]] == [core, core]
    assert os.sched_getaffinity(0) == usable


def test_cores_for_nothing_that_is_timed_are_refused(run: Any) -> None:
    outcome = run(*AUDIT, "--cores", "0")
    assert (outcome.code, outcome.out) == (2, "")
    assert "--cores goes with --measure or a latency budget" in outcome.err


def test_cold_cache_is_a_gpus(run: Any) -> None:
    outcome = run(*COMPARE, "--cold-l2")
    assert outcome.code == 2
    assert outcome.err == "error: only a GPU's L2 cache can be emptied; name a device such as 'cuda'\n"


@pytest.mark.slow
def test_latency_budget_is_timed_where_the_audit_is_told_to(run: Any, fakes: dict[str, Fake]) -> None:
    outcome = run(*AUDIT, *LIMIT, "--backend", "quick", "--dtype", "int8", "--threads", "2", "--fail-on", "never")
    assert outcome.code == 0, outcome.err
    assert {(options.dtype, options.threads) for _, options in fakes["quick"].loads} == {("int8", 2)}
    own = ("--budget", "max_latency_ratio.backend=small", "--budget", "max_latency_ratio.threads=1")
    assert run(*AUDIT, *LIMIT, *own, "--backend", "quick", "--fail-on", "never").code == 0
    assert {options.threads for _, options in fakes["small"].loads} == {1}


def test_runtime_without_anything_to_time_is_refused(run: Any, fakes: dict[str, Fake]) -> None:
    outcome = run(*AUDIT, "--backend", "quick")
    assert (outcome.code, outcome.out) == (2, "")
    assert "--backend goes with --measure or a latency budget" in outcome.err


@pytest.mark.parametrize("timed", [("--measure",), (*LIMIT, "--budget", "max_latency_ratio.enforced=true")])
def test_audit_that_cannot_be_timed_is_exit_code_3_at_once(
    run: Any, fakes: dict[str, Fake], timed: tuple[str, ...]
) -> None:
    fakes["quick"].missing = "quick is not installed"
    outcome = run(*AUDIT, *timed, "--backend", "quick")
    assert (outcome.code, outcome.out) == (3, "")
    assert outcome.err == "error: quick is not installed: pip install 'lwprof[quick]'\n"


def test_advice_that_cannot_be_measured_fails_nothing(run: Any, fakes: dict[str, Fake]) -> None:
    fakes["quick"].missing = "quick is not installed"
    own = ("--budget", "max_latency_ratio.backend=quick")
    outcome = run(*AUDIT, *LIMIT, *own, "--fail-on", "never", "--format", "json")
    assert outcome.code == 0
    (budget,) = json.loads(outcome.out)["models"][0]["budgets"]
    assert (budget["actual"], budget["advisory"]) == (None, True)
    assert "quick is not installed: pip install 'lwprof[quick]'" in budget["remark"]


@pytest.mark.slow
def test_enforced_budget_on_a_backend_that_computes_something_else_is_exit_code_3(
    run: Any, fakes: dict[str, Fake]
) -> None:
    fakes["quick"].wrong_by = 0.01
    enforced = (*AUDIT, *LIMIT, "--budget", "max_latency_ratio.enforced=true", "--backend", "quick")
    outcome = run(*enforced, "--format", "json")
    assert outcome.code == 3
    assert "max_latency_ratio not measured against net.py:TinyNet: quick computes something else" in outcome.err
    assert outcome.err.count("error: ") == 1
    (budget,) = json.loads(outcome.out)["models"][0]["budgets"]
    assert (budget["ok"], budget["actual"], budget["failure_code"]) == (False, None, 3)
    assert run(*AUDIT, *LIMIT, "--backend", "quick", "--fail-on", "never").code == 0  # advice fails nothing


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("backend", "abacus", "max_latency_ratio.backend: unknown backend 'abacus'; there is torch, quick, small"),
        ("device", "tpu", "max_latency_ratio.device: unknown device 'tpu'; there is cpu, cuda, arm-"),
        ("dtype", "float8", "max_latency_ratio.dtype: unknown dtype 'float8'; there is float32, int8"),
        ("threads", "none", "max_latency_ratio.threads must be a whole number from 1 to 1024, not 'none'"),
    ],
)
def test_wrong_runtime_of_a_latency_budget_is_named(
    run: Any, fakes: dict[str, Fake], key: str, value: str, says: str
) -> None:
    outcome = run(*AUDIT, *LIMIT, "--budget", f"max_latency_ratio.{key}={value}")
    assert (outcome.code, outcome.out) == (2, "")
    assert says in outcome.err
