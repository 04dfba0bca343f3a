"""Cores: what a machine's processors are called, which are big, and which somebody chooses."""

from __future__ import annotations

from pathlib import Path

import pytest
from processor_trees import (
    M1,
    ODROID_XU4,
    PI_4,
    PI_5,
    PIXEL_6,
    RK3588,
    SNAPDRAGON_8_GEN_2,
    SNAPDRAGON_855,
    Board,
    Cluster,
    plant,
)

from lwprof.timing.portable import cores

EVERYONE = range(64)


def found_on(board: Board, folder: Path, allowed: object = EVERYONE) -> list[cores.Processor]:
    return cores.processors(*plant(board, folder), allowed)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("board", "described"),
    [
        (PI_4, ["4x Cortex-A72 1.8 GHz (0-3)"]),
        (PI_5, ["4x Cortex-A76 2.4 GHz (0-3)"]),
        (RK3588, ["4x Cortex-A76 2.35 GHz (4-7, big)", "4x Cortex-A55 1.8 GHz (0-3, little)"]),
        (ODROID_XU4, ["4x Cortex-A15 2 GHz (4-7, big)", "4x Cortex-A7 1.5 GHz (0-3, little)"]),
        (
            SNAPDRAGON_855,
            [
                "1x Kryo 4xx Gold 2.84 GHz (7, big)",
                "3x Kryo 4xx Gold 2.42 GHz (4-6)",
                "4x Kryo 4xx Silver 1.79 GHz (0-3, little)",
            ],
        ),
        (
            SNAPDRAGON_8_GEN_2,
            [
                "1x Cortex-X3 3.19 GHz (7, big)",
                "2x Cortex-A715 2.8 GHz (3-4)",
                "2x Cortex-A710 2.8 GHz (5-6)",
                "3x Cortex-A510 2.02 GHz (0-2, little)",
            ],
        ),
        (
            PIXEL_6,
            [
                "2x Cortex-X1 2.8 GHz (6-7, big)",
                "2x Cortex-A76 2.25 GHz (4-5)",
                "4x Cortex-A55 1.8 GHz (0-3, little)",
            ],
        ),
        (M1, ["4x M1 Firestorm 3.2 GHz (4-7, big)", "4x M1 Icestorm 2.06 GHz (0-3, little)"]),
    ],
)
def test_cores_of_boards_are_named_by_kind_the_fastest_first(
    board: Board, described: list[str], tmp_path: Path
) -> None:
    assert [group.described for group in cores.groups(found_on(board, tmp_path))] == described


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("big", (4, 5, 6, 7)),
        ("little", (0, 1, 2, 3)),
        ("all", (0, 1, 2, 3, 4, 5, 6, 7)),
        ("6", (6,)),
        ("5,0-2,1", (0, 1, 2, 5)),
    ],
)
def test_cores_are_chosen_by_size_or_number(text: str, numbers: tuple[int, ...], tmp_path: Path) -> None:
    assert cores.chosen(text, found_on(RK3588, tmp_path)) == numbers


def test_only_those_are_taken_that_the_process_may_use(tmp_path: Path) -> None:
    found = found_on(RK3588, tmp_path, allowed={0, 1, 5})
    assert cores.chosen("big", found) == (5,)
    assert cores.chosen("all", found) == (0, 1, 5)
    with pytest.raises(ValueError, match="this process may not use core 4, only 0-1,5"):
        cores.chosen("4-5", found)


def test_where_no_big_one_may_be_used_that_is_said(tmp_path: Path) -> None:
    found = found_on(RK3588, tmp_path, allowed={0, 1})
    with pytest.raises(ValueError, match=r"this process may not use the big cores \(4-7\), only 0-1"):
        cores.chosen("big", found)


def test_an_offline_core_is_in_no_group_and_cannot_be_chosen(tmp_path: Path) -> None:
    found = found_on(RK3588._replace(offline=(5, 6)), tmp_path)
    assert cores.groups(found)[0].described == "2x Cortex-A76 2.35 GHz (4,7, big)"
    assert cores.chosen("big", found) == (4, 7)
    with pytest.raises(ValueError, match="core 6 is offline"):
        cores.chosen("4,6", found)


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="there is no core 8 here; there is 0-7"):
        cores.chosen("7-8", found_on(RK3588, tmp_path))


@pytest.mark.parametrize("text", ["", "huge", "Big", "1,", "3-1", "-1", "1;2", "0x1", "12345", "1 2", "²"])
def test_what_nobody_can_read_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="write big, little, all, or numbers such as 0,2-3"):
        cores.check(text)


def test_cores_that_are_alike_are_all_big_and_none_is_little(tmp_path: Path) -> None:
    found = found_on(PI_5, tmp_path)
    assert cores.chosen("big", found) == (0, 1, 2, 3)
    with pytest.raises(ValueError, match="the cores of this machine are all alike: there are no little ones"):
        cores.chosen("little", found)


def test_without_capacities_and_clocks_nobody_knows_which_are_big(tmp_path: Path) -> None:
    silent = Board([Cluster(range(4), 0x41, 0xD05, None), Cluster(range(4, 8), 0x41, 0xD0B, None)])
    found = found_on(silent, tmp_path)
    assert [group.described for group in cores.groups(found)] == ["4x Cortex-A55 (0-3)", "4x Cortex-A76 (4-7)"]
    with pytest.raises(ValueError, match="does not say which of its cores are big; choose them by their numbers"):
        cores.chosen("big", found)


def test_a_core_without_a_name_is_called_by_its_numbers(tmp_path: Path) -> None:
    found = found_on(Board([Cluster(range(2), 0x41, 0xFF1, None)]), tmp_path)
    assert cores.groups(found)[0].brief == "2x ARM core 0x41/0xff1"


def x86(folder: Path, khz: list[int]) -> tuple[Path, Path]:
    proc, sys = folder / "proc", folder / "sys"
    proc.mkdir()
    stanzas = [f"processor\t: {number}\nmodel name\t: Example CPU: 3 GHz\n" for number in range(len(khz))]
    (proc / "cpuinfo").write_text("\n".join(stanzas))
    for number, value in enumerate(khz):
        cpufreq = sys / f"devices/system/cpu/cpu{number}/cpufreq"
        cpufreq.mkdir(parents=True)
        (cpufreq / "cpuinfo_max_freq").write_text(f"{value}\n")
    return proc, sys


def test_a_clock_that_favours_a_core_makes_none_big_on_x86(tmp_path: Path) -> None:
    found = cores.processors(*x86(tmp_path, [4_000_000, 5_000_000]), EVERYONE)
    assert [group.described for group in cores.groups(found)] == ["2x Example CPU: 3 GHz 5 GHz (0-1)"]


def test_hybrid_x86_has_big_cores(tmp_path: Path) -> None:
    proc, sys = x86(tmp_path, [4_900_000, 5_000_000, 3_800_000, 3_800_000])
    for device, numbers in (("cpu_core", "0-1"), ("cpu_atom", "2-3")):
        (sys / "devices" / device).mkdir()
        (sys / "devices" / device / "cpus").write_text(f"{numbers}\n")
    found = cores.processors(proc, sys, EVERYONE)
    assert [group.brief for group in cores.groups(found)] == [
        "2x Example CPU: 3 GHz P-core",
        "2x Example CPU: 3 GHz E-core",
    ]
    assert (cores.chosen("big", found), cores.chosen("little", found)) == ((0, 1), (2, 3))


def test_where_the_system_says_nothing_there_are_cores_all_the_same(tmp_path: Path) -> None:
    found = cores.processors(tmp_path, tmp_path, EVERYONE)
    (group,) = cores.groups(found)
    assert (group.name, group.size, len(group.numbers)) == ("", "", len(found))
    assert cores.chosen("all", found) == group.numbers
