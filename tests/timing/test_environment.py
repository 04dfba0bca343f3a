from __future__ import annotations

from pathlib import Path

import lwprof
from lwprof.timing.environment import cpu_model, environment, governor


def test_environment_is_a_flat_record() -> None:
    record = environment()
    assert {"lwprof", "python", "os", "machine", "cpu", "cores", "governor", "load_1min"} <= set(record)
    assert record["lwprof"] == lwprof.__version__
    assert isinstance(record["cores"], int)
    assert record["cores"] >= 1
    assert all(value is None or isinstance(value, str | int | float) for value in record.values())


def test_cpu_model_is_read_from_the_system(tmp_path: Path) -> None:
    (tmp_path / "cpuinfo").write_text("processor\t: 0\nmodel name\t: Example CPU: 3 GHz\n")
    assert cpu_model(tmp_path / "cpuinfo") == "Example CPU: 3 GHz"


def test_governors_of_all_cores_are_named_once(tmp_path: Path) -> None:
    assert governor(tmp_path) is None
    for core, name in enumerate(["powersave", "powersave", "performance"]):
        folder = tmp_path / f"cpu{core}" / "cpufreq"
        folder.mkdir(parents=True)
        (folder / "scaling_governor").write_text(f"{name}\n")
    assert governor(tmp_path) == "performance,powersave"
