"""``lwprof audit`` on emulated cores and on boards that are not there: what is counted is made up."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from fake_emulator import Emulated, executed, installed
from wide_network import SOURCE

from lwprof.auditing import measuring
from lwprof.errors import BackendError
from lwprof.timing.boards import ssh

TINY = ("audit", "net.py:TinyNet", "--input-size", "3x8x8", "--select", "D6")
WIDE = ("audit", "wide.py:Wide", "--input-size", "32x56x56", "--select", "G1", "--fail-on", "never")
NAME = "max_arm_instructions"


@pytest.fixture(autouse=True)
def emulator(run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Emulated:
    (tmp_path / "wide.py").write_text(SOURCE)
    return installed(monkeypatch)


def budgets(outcome: Any) -> list[dict[str, tuple[float | None, bool]]]:
    models = json.loads(outcome.out)["models"]
    return [{one["name"]: (one["actual"], one["ok"]) for one in model["budgets"]} for model in models]


@pytest.mark.slow
def test_too_many_instructions_are_exit_code_1(run: Any, emulator: Emulated) -> None:
    emulator.executes = {"TinyNet": executed(2_000_000, 1_000)}
    assert run(*TINY, "--budget", f"{NAME}=2M").code == 0
    outcome = run(*TINY, "--budget", f"{NAME}=1.9M", "--fail-on", "never")
    assert (outcome.code, outcome.err) == (1, "")
    assert "2,000,000" in outcome.out
    fma = run(*TINY, "--budget", f"{NAME}.vector_fma=999", "--format", "json")
    assert (fma.code, budgets(fma)) == (1, [{f"{NAME}.vector_fma": (1000, False)}])


@pytest.mark.slow
def test_settings_say_core_and_dtype(run: Any, emulator: Emulated, tmp_path: Path) -> None:
    (tmp_path / "lwprof.toml").write_text(
        '[networks]\ntiny = { spec = "net.py:TinyNet", input_size = "3x8x8" }\n'
        '[audit]\nselect = ["D6"]\n'
        f'[audit.budgets.tiny]\n{NAME} = {{ total = "1k", core = "cortex-a72", dtype = "float16" }}\n'
    )
    assert run("audit").code == 0
    assert run("audit", "--budget", f"{NAME}.core=cortex-a53", "--budget", f"{NAME}=900").code == 1
    assert emulator.log == ["tiny cortex-a72 float16", "tiny cortex-a53 float16"]
    (tmp_path / "lwprof.toml").write_text(f"[audit.budgets.mbv2]\n{NAME}.core = 'cortex-m4'\n")
    outcome = run("audit", "mbv2")
    assert outcome.code == 2
    assert f"lwprof.toml: [audit.budgets.mbv2]: {NAME}.core: no core 'cortex-m4' is emulated" in outcome.err


def test_missing_emulator_is_exit_code_3_and_said_once(run: Any, emulator: Emulated) -> None:
    emulator.not_installed = "arm-emulated is not installed: lwprof doctor --install arm-emulated"
    limits = ("--budget", f"{NAME}=2M", "--budget", f"{NAME}.vector_fma=3", "--budget", "max_params=1")
    outcome = run(*TINY, *limits, "--format", "json")
    assert outcome.code == 3
    assert outcome.err == f"error: TinyNet: {NAME} not counted: {emulator.not_installed}\n"
    assert budgets(outcome) == [{"max_params": (112, False), NAME: (None, False), f"{NAME}.vector_fma": (None, False)}]


def test_a_baseline_knows_no_instructions_and_is_written_without_them(
    run: Any, emulator: Emulated, tmp_path: Path
) -> None:
    emulator.not_installed = "arm-emulated is not installed: lwprof doctor --install arm-emulated"
    outcome = run(*TINY, "--budget", f"{NAME}=2M", "--write-baseline", "known.json")
    assert outcome.code == 3
    assert outcome.err.splitlines() == [
        f"error: TinyNet: {NAME} not counted: {emulator.not_installed}",
        "wrote known.json, which knows 0 findings in 1 network",
    ]
    assert "instructions" not in (tmp_path / "known.json").read_text()


def test_network_that_cannot_be_converted_is_exit_code_3_and_others_are_counted(run: Any, emulator: Emulated) -> None:
    emulator.unconvertible = {"TinyNet": "ncnn has no such layer"}
    outcome = run(*TINY, "net.py:TinyNet:width=8", "--budget", f"{NAME}=2M", "--format", "json")
    assert outcome.code == 3
    assert outcome.err == f"error: TinyNet: {NAME} not counted: ncnn has no such layer\n"
    assert budgets(outcome) == [{NAME: (None, False)}, {NAME: (1000, True)}]


def test_ctrl_c_while_counting_shows_what_was_found(run: Any, emulator: Emulated) -> None:
    def press(label: str) -> None:
        raise KeyboardInterrupt

    emulator.when_counting = press
    outcome = run(*TINY, "--budget", f"{NAME}=2M", "--budget", "max_params=200", "--format", "json")
    assert (outcome.code, outcome.err) == (130, "error: interrupted; what was found until then is shown\n")
    assert budgets(outcome) == [{"max_params": (112, True), NAME: (None, False)}]


@pytest.mark.slow
def test_measuring_on_an_emulated_core_counts(run: Any, emulator: Emulated) -> None:
    outcome = run(*WIDE, "--measure", "--device", "arm-emulated:cortex-a53", "--format", "json")
    assert (outcome.code, outcome.err) == (0, "")
    found = [one["alternative"] for one in json.loads(outcome.out)["models"][0]["findings"]]
    assert [(one["gain"], one["unmeasured"], one["counted"]["core"]) for one in found] == [(None, "", "cortex-a53")]
    table = run(*WIDE, "--measure", "--device", "arm-emulated").out
    assert "what is suggested, in instructions" in table
    assert "as many instructions" in table
    assert "timed" not in table


@pytest.mark.parametrize("device", ["arm-emulated", "ssh://pi@board"])
def test_what_is_not_there_to_measure_on_is_exit_code_3_at_once(
    run: Any, emulator: Emulated, monkeypatch: pytest.MonkeyPatch, device: str
) -> None:
    def connect(*_: object) -> None:
        raise BackendError(f"{device} is not there")

    emulator.not_installed = f"{device} is not there"
    monkeypatch.setattr(ssh, "connect", connect)
    outcome = run(*WIDE, "--measure", "--device", device)
    assert (outcome.code, outcome.out, outcome.err) == (3, "", f"error: {device} is not there\n")


def test_device_goes_with_measuring(run: Any) -> None:
    outcome = run(*TINY, "--device", "arm-emulated", "--budget", f"{NAME}=2M")
    assert outcome.code == 2
    assert "--device goes with --measure or a latency budget" in outcome.err


@pytest.mark.slow
def test_seconds_end_counting_only_where_they_are_given(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[float] = []

    def outcomes(waiting: Any, target: Any, seconds: float, *others: Any) -> Any:
        asked.append(seconds)
        return iter(())

    monkeypatch.setattr(measuring.counts, "outcomes", outcomes)
    run(*WIDE, "--measure", "--device", "arm-emulated")
    run(*WIDE, "--measure", "--device", "arm-emulated", "--seconds", "7")
    assert asked == [float("inf"), 7]
