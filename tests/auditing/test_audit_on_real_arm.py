"""Audits that count on a real emulated core, and measure over a real connection."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from torch import nn

import lwprof
from lwprof.auditing import Measuring, Policy
from lwprof.results.audit import AuditedModel
from lwprof.timing.boards import ssh
from lwprof.timing.emulation.installation import Emulator

NAME = "max_arm_instructions"
SIZE = (32, 28, 28)
MULT_ADDS = 32 * 256 * 28 * 28


def wide() -> nn.Module:
    """A 1x1 convolution of unequal widths, which a guideline finds fault with, and nothing else."""
    return nn.Sequential(nn.Conv2d(32, 256, 1, bias=False))


def counted(total: float, fma: float, *, measure: bool = False) -> AuditedModel:
    result = lwprof.audit(
        wide(),
        policy=Policy(select=["G1"]),
        budgets={NAME: {"total": total, "vector_fma": fma}},
        measuring=Measuring(device="arm-emulated", alternatives=measure),
        input_size=SIZE,
    )
    assert result.boards == {}
    return result.models[0]


@pytest.mark.slow
def test_instructions_are_limited_and_alternatives_counted(arm_emulator: Emulator) -> None:
    first = counted(1e9, MULT_ADDS / 4, measure=True)
    total, fma = first.budgets
    assert (total.ok, fma.ok, fma.actual) == (True, True, MULT_ADDS / 4), total.remark
    assert fma.remark == f"ncnn {arm_emulator.versions['ncnn']}, float32, on an emulated cortex-a76"
    assert total.actual is not None
    (found,) = first.findings
    assert found.alternative is not None
    gain = found.alternative.counted
    assert gain is not None, found.alternative.unmeasured
    assert gain.before.vector_fma == MULT_ADDS / 4
    assert gain.after.vector_fma < gain.after.total < gain.before.total
    assert (gain.verdict, gain.ratio) == ("fewer", gain.after.total / gain.before.total)
    again = counted(total.actual, MULT_ADDS / 4 - 1)
    assert [budget.ok for budget in again.budgets] == [True, False]
    assert again.budgets[0].actual == pytest.approx(total.actual, rel=1e-4)


@pytest.mark.slow
def test_alternatives_are_timed_on_a_board(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("ncnn")
    client = tmp_path / "client"
    client.write_text('#!/bin/sh\nfor last; do :; done\nexec sh -c "$last"\n')
    client.chmod(0o755)
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    monkeypatch.setenv(ssh.VARIABLE, str(client))
    device = f"ssh://board{python}"
    result = lwprof.audit(
        wide(),
        policy=Policy(select=["G1"]),
        measuring=Measuring(device=device, total_s=2, budget_s=2),
        input_size=SIZE,
    )
    (found,) = result.models[0].findings
    assert found.alternative is not None
    gain = found.alternative.gain
    assert gain is not None, found.alternative.unmeasured
    assert (gain.backend, gain.device, gain.dtype) == ("ncnn", device, "float32")
    assert list(result.boards) == [device]
    assert result.boards[device]["ncnn"]


@pytest.mark.slow
def test_the_example_of_the_docs_is_met_to_the_instruction(arm_emulator: Emulator) -> None:
    example = Path(__file__).parents[2] / "docs" / "examples" / "arm.toml"
    (model,) = lwprof.audit(config=example, policy=Policy(select=["D6"])).models
    total, fma = model.budgets
    assert (total.ok, fma.ok, fma.actual) == (True, True, fma.limit)
    assert model.totals is not None
    assert fma.actual == model.totals.mult_adds / 4  # lanes of a vector of float32
