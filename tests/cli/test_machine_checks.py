"""What ``lwprof doctor`` says of the cores."""

from __future__ import annotations

from pathlib import Path

from processor_trees import PI_5, RK3588, plant

from lwprof.cli.doctor_checks import Check
from lwprof.cli.machine_checks import machine_checks


def rows_of(proc: Path, sys: Path) -> dict[str, list[Check]]:
    rows: dict[str, list[Check]] = {}
    for check in machine_checks(proc, sys):
        rows.setdefault(check.subject, []).append(check)
    return rows


def test_cores_are_named_by_kind_with_their_governor_and_the_big_ones_marked(tmp_path: Path) -> None:
    little, *big = RK3588.clusters
    board = RK3588._replace(clusters=[little._replace(governor="powersave"), *big])
    rows = rows_of(*plant(board, tmp_path))
    assert rows["processor"][0].found == "4x Cortex-A76, 4x Cortex-A55"
    assert rows["governor"][0].found == "powersave,schedutil"
    assert [(check.found, check.advice) for check in rows["cores"]] == [
        ("4x Cortex-A76 2.35 GHz (4-7, big); governor schedutil", "--cores big takes these"),
        ("4x Cortex-A55 1.8 GHz (0-3, little); governor powersave", ""),
    ]
    told = {check.found: check.advice for check in rows["timing"]}
    assert told["threads may move between big cores (4-7) and slower ones"] == "choose big ones (--cores big)"
    assert told["the CPU frequency scales (governor powersave,schedutil)"] == "set the governor to performance"


def test_a_governor_that_all_cores_share_is_told_once(tmp_path: Path) -> None:
    rows = rows_of(*plant(PI_5, tmp_path))
    assert [check.found for check in rows["cores"] + rows["governor"]] == ["4x Cortex-A76 2.4 GHz (0-3)", "ondemand"]


def test_cores_of_which_no_more_is_known_than_of_the_processor_have_no_row(tmp_path: Path) -> None:
    proc, sys = tmp_path / "proc", tmp_path / "sys"
    proc.mkdir()
    (proc / "cpuinfo").write_text("".join(f"processor : {number}\nmodel name : Example CPU\n\n" for number in (0, 1)))
    rows = rows_of(proc, sys)
    assert rows["processor"][0].found == "Example CPU"
    assert "cores" not in rows
    assert "usable cores" in rows


def test_offline_cores_are_told(tmp_path: Path) -> None:
    rows = rows_of(*plant(RK3588._replace(offline=(6, 7)), tmp_path))
    assert "6-7 offline" in rows["usable cores"][0].found


def test_heat_is_told_and_a_board_that_is_slowed_down_by_it(tmp_path: Path) -> None:
    proc, sys = plant(PI_5, tmp_path)
    assert "temperature" not in rows_of(proc, sys)
    zone, firmware = sys / "class/thermal/thermal_zone0", sys / "devices/platform/soc/soc:firmware"
    zone.mkdir(parents=True)
    (zone / "temp").write_text("84500\n")
    firmware.mkdir(parents=True)
    (firmware / "get_throttled").write_text("0\n")
    rows = rows_of(proc, sys)
    assert rows["temperature"][0].found == "84 °C"
    assert not any("slowed down" in check.found for check in rows["timing"])
    (firmware / "get_throttled").write_text("80008\n")
    (check,) = [check for check in rows_of(proc, sys)["timing"] if "slowed down" in check.found]
    assert (check.state, check.advice) == ("note", "cool it, or give it a stronger supply")
