from __future__ import annotations

from pathlib import Path

import pytest
from processor_trees import ODROID_XU4, PI_4, RK3588, Board, plant

import lwprof
from lwprof.timing.environment import cpu_model, environment, governor
from lwprof.timing.portable.machine import description


def test_environment_is_a_flat_record() -> None:
    record = environment()
    assert {"lwprof", "python", "os", "machine", "cpu", "cores", "governor", "load_1min"} <= set(record)
    assert record["lwprof"] == lwprof.__version__
    assert isinstance(record["cores"], int)
    assert record["cores"] >= 1
    assert all(value is None or isinstance(value, str | int | float) for value in record.values())


def test_variables_that_change_runtimes_are_recorded_where_they_are_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_PROC_BIND", "true")
    monkeypatch.setenv("OMP_WAIT_POLICY", "")
    monkeypatch.delenv("KMP_BLOCKTIME", raising=False)
    record = environment()
    assert record["OMP_PROC_BIND"] == "true"
    assert not {"OMP_WAIT_POLICY", "KMP_BLOCKTIME"} & set(record)


def test_cpu_model_is_read_from_the_system(tmp_path: Path) -> None:
    (tmp_path / "cpuinfo").write_text("processor\t: 0\nmodel name\t: Example CPU: 3 GHz\n")
    assert cpu_model(tmp_path, tmp_path) == "Example CPU: 3 GHz"


@pytest.mark.parametrize(
    ("board", "cpu", "big"),
    [
        (PI_4, "4x Cortex-A72", None),
        (RK3588, "4x Cortex-A76, 4x Cortex-A55", "4-7"),
        (ODROID_XU4, "4x Cortex-A15, 4x Cortex-A7", "4-7"),
    ],
)
def test_on_arm_the_cores_are_named_and_big_ones_told(board: Board, cpu: str, big: str | None, tmp_path: Path) -> None:
    record = description(*plant(board, tmp_path))
    assert (record["cpu"], record.get("big_cores")) == (cpu, big)


def test_governors_of_all_cores_are_named_once(tmp_path: Path) -> None:
    assert governor(tmp_path) is None
    for core, name in enumerate(["powersave", "powersave", "performance"]):
        folder = tmp_path / f"devices/system/cpu/cpu{core}/cpufreq"
        folder.mkdir(parents=True)
        (folder / "scaling_governor").write_text(f"{name}\n")
    assert governor(tmp_path) == "performance,powersave"
    assert governor(tmp_path, of="2") == "performance"
