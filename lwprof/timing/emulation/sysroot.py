"""The sysroot: what an emulated Python finds of Linux on ARM."""

from __future__ import annotations

import os
from pathlib import Path

from lwprof.timing.emulation import sources
from lwprof.timing.emulation.packages import Apt, Report, Wanted

ARCHITECTURE = "arm64"
PACKAGES = ("python3-minimal", "libpython3-stdlib", "libgomp1", "libstdc++6", "libc6")
LOADER = Path("lib/ld-linux-aarch64.so.1")

PROCESSOR = """\
processor\t: {number}
BogoMIPS\t: 48.00
Features\t: fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop asimddp ssbs
CPU implementer\t: 0x41
CPU architecture: 8
CPU variant\t: 0x4
CPU part\t: 0xd0b
CPU revision\t: 1

"""
"""Of /proc/cpuinfo: a library that looks there for what it may use has to find ARM's, not this machine's."""


def fetch(apt: Path, folder: Path, report: Report) -> tuple[Wanted, int]:
    """Unpack a Python for ARM and what it needs; what that was, and the bytes that were downloaded.

    Args:
        apt: folder for the state of apt.
        folder: where to.
        report: takes a line on what is going on.

    Raises:
        BackendError: it cannot be fetched.
    """
    current = sources.release()
    archives = sources.of_arm(current)
    packages = Apt(apt, ARCHITECTURE, [sources.line(archive, current.family, ARCHITECTURE) for archive in archives])
    report(f"sysroot: reading what {archives[0].uri} has for {ARCHITECTURE}")
    read = packages.update()
    wanted, fetched = packages.fetch(PACKAGES, folder, "sysroot", report)
    _complete(folder)
    return wanted, read + fetched


def python(folder: Path) -> Path:
    """The Python in a sysroot."""
    return (folder / "usr" / "bin" / "python3").resolve()


def _complete(folder: Path) -> None:
    """Add what an installed system has beside its packages: ``/lib`` where that is ``/usr/lib``, and ``/proc``."""
    if not (folder / LOADER).exists():
        if (folder / "lib").is_dir():
            (folder / LOADER).symlink_to(Path("..") / "usr" / LOADER)
        else:
            os.symlink("usr/lib", folder / "lib")
    (folder / "proc").mkdir(exist_ok=True)
    (folder / "proc" / "cpuinfo").write_text("".join(PROCESSOR.format(number=number) for number in range(2)))
