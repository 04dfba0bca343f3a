"""Files of /proc and /sys as machines have them, as far as they tell of processors."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple


class Cluster(NamedTuple):
    """Processors that are alike."""

    numbers: range
    implementer: int
    part: int
    khz: int | None
    capacity: int | None = None
    governor: str = "schedutil"


class Board(NamedTuple):
    """A machine by its clusters."""

    clusters: Sequence[Cluster]
    model_name: str = ""
    """What every processor says before the numbers of its core."""
    last: str = ""
    """What stands below all processors."""
    offline: Sequence[int] = ()


PI_4 = Board(
    [Cluster(range(4), 0x41, 0xD08, 1_800_000, governor="ondemand")],
    last="Hardware\t: BCM2835\nRevision\t: c03114\nModel\t\t: Raspberry Pi 4 Model B Rev 1.4\n",
)
PI_5 = Board(
    [Cluster(range(4), 0x41, 0xD0B, 2_400_000, 1024, "ondemand")],
    last="Revision\t: d04170\nModel\t\t: Raspberry Pi 5 Model B Rev 1.0\n",
)
RK3588 = Board(
    [
        Cluster(range(4), 0x41, 0xD05, 1_800_000, 406),
        Cluster(range(4, 6), 0x41, 0xD0B, 2_352_000, 1024),  # one kind of core, whose clusters are clocked apart
        Cluster(range(6, 8), 0x41, 0xD0B, 2_304_000, 1003),
    ]
)
ODROID_XU4 = Board(
    [Cluster(range(4), 0x41, 0xC07, 1_500_000), Cluster(range(4, 8), 0x41, 0xC0F, 2_000_000)],
    model_name="ARMv7 Processor rev 3 (v7l)",
    last="Hardware\t: Hardkernel Odroid XU4\n",
)
SNAPDRAGON_855 = Board(
    [
        Cluster(range(4), 0x51, 0x805, 1_785_600, 226),
        Cluster(range(4, 7), 0x51, 0x804, 2_419_200, 871),
        Cluster(range(7, 8), 0x51, 0x804, 2_841_600, 1024),
    ]
)
SNAPDRAGON_8_GEN_2 = Board(
    [
        Cluster(range(3), 0x41, 0xD46, 2_016_000, 350),
        Cluster(range(3, 5), 0x41, 0xD4D, 2_803_200, 852),
        Cluster(range(5, 7), 0x41, 0xD47, 2_803_200, 852),
        Cluster(range(7, 8), 0x41, 0xD4E, 3_187_200, 1024),
    ]
)
PIXEL_6 = Board(
    [
        Cluster(range(4), 0x41, 0xD05, 1_803_000, 160),
        Cluster(range(4, 6), 0x41, 0xD0B, 2_253_000, 498),
        Cluster(range(6, 8), 0x41, 0xD44, 2_802_000, 1024),
    ]
)
M1 = Board([Cluster(range(4), 0x61, 0x022, 2_064_000, 485), Cluster(range(4, 8), 0x61, 0x023, 3_204_000, 1024)])


def plant(board: Board, root: Path) -> tuple[Path, Path]:
    """Write the files of a machine, and give its /proc and /sys."""
    proc, sys = root / "proc", root / "sys"
    cpus = sys / "devices/system/cpu"
    for folder in (proc, cpus):
        folder.mkdir(parents=True)
    stanzas, online = [], []
    for cluster in board.clusters:
        for number in cluster.numbers:
            folder = cpus / f"cpu{number}"
            folder.mkdir()
            if cluster.capacity is not None:
                (folder / "cpu_capacity").write_text(f"{cluster.capacity}\n")
            if number in board.offline:
                continue
            online.append(number)
            if cluster.khz is not None:
                (folder / "cpufreq").mkdir()
                (folder / "cpufreq/cpuinfo_max_freq").write_text(f"{cluster.khz}\n")
                (folder / "cpufreq/scaling_governor").write_text(f"{cluster.governor}\n")
            name = f"model name\t: {board.model_name}\n" if board.model_name else ""
            stanzas.append(
                f"processor\t: {number}\n{name}BogoMIPS\t: 48.00\nFeatures\t: fp asimd crc32 cpuid\n"
                f"CPU implementer\t: {cluster.implementer:#04x}\nCPU architecture: 8\nCPU variant\t: 0x0\n"
                f"CPU part\t: {cluster.part:#05x}\nCPU revision\t: 3\n"
            )
    (proc / "cpuinfo").write_text("\n".join([*stanzas, board.last]))
    everyone = [number for cluster in board.clusters for number in cluster.numbers]
    (cpus / "present").write_text(f"0-{everyone[-1]}\n")
    (cpus / "online").write_text(",".join(map(str, online)) + "\n")
    return proc, sys
