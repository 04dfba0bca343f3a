"""Budgets of instructions are held against what an emulated core executes, which is made up here."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from fake_emulator import Emulated, executed, installed
from torch import nn

import lwprof
from lwprof.auditing import Measuring, Policy, budgets
from lwprof.errors import BackendError, InputError
from lwprof.results.audit import AuditedModel, Budget
from lwprof.results.loading import from_dict

NAME = "max_arm_instructions"


@pytest.fixture
def emulator(monkeypatch: pytest.MonkeyPatch) -> Emulated:
    return installed(monkeypatch)


class Net(nn.Conv2d):
    def __init__(self) -> None:
        super().__init__(3, 4, 1)


class Other(Net):
    pass


class Third(Net):
    pass


def audited(*networks: nn.Module, **table: Any) -> Any:
    given = table.pop("limits", table)
    return lwprof.audit([*networks] or [Net()], policy=Policy(select=["D6"]), budgets=given, input_size=(3, 8, 8))


def of(model: AuditedModel) -> dict[str, Budget]:
    return {budget.name: budget for budget in model.budgets}


def one(**limits: Any) -> Budget:
    (model,) = audited(**limits).models
    (budget,) = model.budgets
    assert model.ok == budget.ok
    return budget


@pytest.mark.parametrize(("total", "ok"), [(999_999, True), (1_000_000, True), (1_000_100, True), (1_000_101, False)])
def test_total_holds_within_a_ten_thousandth(emulator: Emulated, total: int, ok: bool) -> None:
    emulator.executes = {"Net": executed(total)}
    budget = one(max_arm_instructions="1M")
    assert (budget.name, budget.limit, budget.actual, budget.ok, budget.advisory) == (NAME, 1e6, total, ok, False)
    assert budget.remark == "ncnn 1.0, float32, on an emulated cortex-a76; up to 0.01 % more is kept"
    assert budget.failure_code == 0


@pytest.mark.parametrize(("fma", "ok"), [(75_178_015, True), (75_178_016, True), (75_178_017, False)])
def test_classes_hold_to_the_instruction(emulator: Emulated, fma: int, ok: bool) -> None:
    emulator.executes = {"Net": executed(101_000_000, fma)}
    budget = one(limits={NAME: {"vector_fma": 75_178_016}})
    assert (budget.name, budget.limit, budget.actual, budget.ok) == (f"{NAME}.vector_fma", 75_178_016, fma, ok)
    assert budget.remark == "ncnn 1.0, float32, on an emulated cortex-a76"


def test_one_count_is_held_against_every_limit_of_a_network(emulator: Emulated) -> None:
    emulator.executes = {"Net": executed(3000, 2000)}
    table = {"scalar": 500, "vector_fma": "2k", "total": 2900, "core": "cortex-a72", "dtype": "float16"}
    (model,) = audited(limits={NAME: table, "max_params": 16}).models
    assert {name: budget.ok for name, budget in of(model).items()} == {
        "max_params": True, NAME: False, f"{NAME}.vector_fma": True, f"{NAME}.scalar": False,
    }  # fmt: skip
    assert emulator.log == ["Net cortex-a72 float16"]
    assert of(model)[NAME].remark.startswith("ncnn 1.0, float16, on an emulated cortex-a72;")


def test_they_are_exact_and_need_no_clock(emulator: Emulated) -> None:
    result = audited(max_arm_instructions=1000)
    assert (result.ok, result.warnings) == (True, ())
    assert result.environment["ncnn"] == "1.0"
    assert not result.environment.keys() & {"device", "budget_s"}
    assert from_dict(result.to_dict()) == result


def test_without_such_a_budget_nothing_is_counted(emulator: Emulated) -> None:
    result = audited(max_params=16)
    assert (emulator.log, result.environment) == ([], {})


def test_missing_emulator_is_said_for_each_network_and_hides_nothing(emulator: Emulated) -> None:
    emulator.not_installed = "arm-emulated is not installed: lwprof doctor --install arm-emulated"
    result = audited(Net(), Other(), limits={NAME: {"total": 1, "branch": 1}, "max_params": 16})
    assert not result.ok
    for model in result.models:
        found = of(model)
        assert found.pop("max_params").ok
        assert [(budget.actual, budget.ok, budget.failure_code) for budget in found.values()] == [(None, False, 3)] * 2
        assert {budget.remark for budget in found.values()} == {f"not counted: {emulator.not_installed}"}


def test_network_that_cannot_be_converted_hides_nothing(emulator: Emulated) -> None:
    emulator.unconvertible = {"Other": "ncnn has no aten::warp"}
    one, other, third = audited(Net(), Other(), Third(), max_arm_instructions=1000).models
    assert (one.ok, other.ok, third.ok) == (True, False, True)
    assert (other.budgets[0].remark, other.budgets[0].failure_code) == ("not counted: ncnn has no aten::warp", 3)
    assert emulator.log == ["Net", "Third"]


def test_network_that_torch_cannot_run_is_a_wrong_input(emulator: Emulated) -> None:
    class Weary(Net):
        calls = 0

        def forward(self, image: torch.Tensor) -> torch.Tensor:
            if not image.is_meta:
                raise ValueError("too tired")
            return super().forward(image)

    weary, other = audited(Weary(), Other(), max_arm_instructions=1000).models
    assert (weary.budgets[0].failure_code, other.ok) == (2, True)
    assert "too tired" in weary.budgets[0].remark


@pytest.mark.slow
def test_network_that_cannot_be_looked_at_is_not_counted(emulator: Emulated) -> None:
    result = lwprof.audit(["nowhere.py:Net", "mbv2"], budgets={NAME: "1k"}, policy=Policy(select=["D6"]))
    failed, good = result.models
    assert failed.budgets == ()
    assert [budget.ok for budget in good.budgets] == [True]


def interrupting(label: str) -> Callable[[str], None]:
    def press(counted: str) -> None:
        if counted == label:
            raise KeyboardInterrupt

    return press


def test_ctrl_c_keeps_what_was_counted(emulator: Emulated) -> None:
    emulator.when_counting = interrupting("Other")
    result = audited(Net(), Other(), Third(), limits={NAME: 1000, "max_params": 16})
    assert (result.interrupted, result.ok) == (True, False)
    assert [of(model)["max_params"].ok for model in result.models] == [True] * 3
    assert [of(model)[NAME].actual for model in result.models] == [1000, None, None]
    assert {of(model)[NAME].remark for model in result.models[1:]} == {"not counted: interrupted"}
    assert {of(model)[NAME].failure_code for model in result.models} == {0}


@pytest.mark.slow
def test_networks_are_built_one_after_the_other(emulator: Emulated, tmp_path: Path) -> None:
    file = tmp_path / "net.py"
    file.write_text(
        "from torch import nn\nfrom weakref import WeakSet\nALIVE, MOST = WeakSet(), [0]\n"
        "class Net(nn.Conv2d):\n"
        "    def __init__(self, out=4):\n"
        "        super().__init__(3, out, 1)\n"
        "        ALIVE.add(self)\n"
        "        MOST[0] = max(MOST[0], len(ALIVE))\n"
        "import sys\nsys.modules['_kept_by_the_test'] = sys.modules[__name__]\n"
    )
    specs = [f"{file}:Net:out={out}" for out in (1, 2, 3)]
    lwprof.audit(specs, budgets={NAME: "1k"}, policy=Policy(select=["D6"]), input_size=(3, 8, 8))
    assert sys.modules.pop("_kept_by_the_test").MOST == [1]
    assert len(emulator.log) == 3


def test_progress_goes_from_nothing_to_all(emulator: Emulated) -> None:
    said: list[tuple[str, float]] = []
    lwprof.audit(
        [Net(), Other(), Third()], policy=Policy(select=["D6"]), budgets={NAME: "1k"}, input_size=(3, 8, 8),
        progress=lambda *what: said.append(what),
    )  # fmt: skip
    shares = [share for what, share in said if not what.startswith("audit ")]
    assert shares == sorted(shares)
    assert 0 <= shares[0] < 1 / 3 <= shares[len(shares) // 2] < 2 / 3 <= shares[-1] <= 1


def test_later_limits_go_before_earlier_ones() -> None:
    base = budgets.parse({NAME: {"total": "90M", "vector_fma": 5, "core": "cortex-a53"}}, "file")
    both = budgets.parse({NAME: "80M", f"{NAME}.dtype": "float16"}, "line", base)
    assert both.instructions is not None
    assert both.instructions.most == {"total": 80e6, "vector_fma": 5}
    assert (both.instructions.core, both.instructions.dtype) == ("cortex-a53", "float16")
    assert base.instructions is not None
    assert base.instructions.most == {"total": 90e6, "vector_fma": 5}
    assert budgets.parse({"max_params": 3}, "line", base).instructions == base.instructions


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("many", f"{NAME}.total must be a number such as 102M, not 'many'"),
        (True, f"{NAME}.total must be a number such as 102M, not True"),
        (-1, f"{NAME}.total must be 0 or more, not -1"),
        ("10 MB", f"{NAME}.total is no number of bytes"),
        ({"totl": 3}, f"{NAME}: unknown setting 'totl'; did you mean 'total'?"),
        ({"": 3}, f"{NAME}: unknown setting ''; there is total"),
        ({"threads": 3}, f"{NAME}: unknown setting 'threads'; there is total, vector_fma, vector_load, "),
        ({"core": "cortex-a72"}, f'{NAME} limits nothing; write {{total = "102M"}}'),
        ({"total": 3, "core": "cortex-a73"}, f"{NAME}.core: no core 'cortex-a73' is emulated; there is cortex-a76, "),
        ({"total": 3, "core": 76}, f"{NAME}.core: it must be a name, not 76"),
        ({"total": 3, "dtype": "float17"}, f"{NAME}.dtype: unknown dtype 'float17'; there is float32"),
    ],
)
def test_wrong_limits_are_refused_in_one_line(given: Any, words: str) -> None:
    with pytest.raises(InputError) as caught:
        budgets.parse({NAME: given}, "lwprof.toml: [audit.budgets.tiny]")
    assert str(caught.value).startswith(f"lwprof.toml: [audit.budgets.tiny]: {words}")
    assert "\n" not in str(caught.value)


def test_latency_is_not_measured_on_an_emulated_core(emulator: Emulated) -> None:
    table = {"max_latency_ratio": {"to": "mbv2", "ratio": 2, "device": "arm-emulated"}}
    says = "on arm-emulated instructions are counted, which max_arm_instructions limits"
    (model,) = audited(limits=table).models
    assert says in model.budgets[0].remark
    table["max_latency_ratio"]["enforced"] = True
    with pytest.raises(InputError, match=says):
        audited(limits=table)


@pytest.mark.parametrize("measuring", [Measuring(device="arm-emulated"), Measuring(device="ssh://pi@board")])
def test_missing_device_to_measure_on_is_said_before_the_audit(emulator: Emulated, measuring: Measuring) -> None:
    emulator.not_installed = emulator.missing = "ncnn is not installed: pip install 'lwprof[ncnn]'"
    with pytest.raises(BackendError, match=r"^ncnn is not installed"):
        lwprof.audit("nowhere.py:Net", measuring=measuring)
