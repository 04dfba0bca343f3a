"""QEMU: the program that executes ARM's instructions, from the system's packages."""

from __future__ import annotations

import functools
import os
import platform
import re
import shutil
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from lwprof.errors import BackendError
from lwprof.timing.emulation import programs, sources
from lwprof.timing.emulation.packages import Apt, Package, Report, Wanted

PROGRAM = "qemu-aarch64"
PACKAGE = "qemu-user"
DYNAMIC = {"debian": "bookworm", "ubuntu": "noble"}
"""Releases whose package loads libraries, which takes plugins; in later ones it is linked statically."""
STATUS = Path("/var/lib/dpkg/status")
"""Where dpkg says what is installed; it is only read."""

LIBRARIES = "LD_LIBRARY_PATH"
PASSED = ("PATH", "HOME", "TMPDIR", LIBRARIES)
"""Variables that an emulated process gets of ours: others could change what it executes."""


@dataclass(frozen=True, slots=True)
class Qemu:
    """A QEMU that takes plugins."""

    program: Path
    version: str
    libraries: str = ""
    """Folders of what it loads, where those are not the system's."""

    @property
    def command(self) -> tuple[str, ...]:
        """How it is called; the libraries are its own, not those of the program that it runs."""
        return (str(self.program), "-U", LIBRARIES)

    @property
    def environment(self) -> dict[str, str]:
        """All variables that it is run with."""
        return _environment(self.libraries)


def forget() -> None:
    """Look anew, since something was installed."""
    _version.cache_clear()


def found(folder: Path) -> Qemu | None:
    """The system's QEMU, or else the one that lies in a folder; ``None`` where neither is there and takes plugins."""
    if (there := shutil.which(PROGRAM)) and (version := _version(there)):
        return Qemu(Path(there), version)
    program, libraries = folder / "usr" / "bin" / PROGRAM, _libraries(folder)
    if program.is_file() and (version := _version(str(program), libraries)):
        return Qemu(program, version, libraries)
    return None


def fetch(apt: Path, folder: Path, report: Report) -> tuple[Wanted, int]:
    """Unpack QEMU and the libraries that this system lacks; what that was, and the bytes that were downloaded.

    Args:
        apt: folder for the state of apt.
        folder: where to.
        report: takes a line on what is going on.

    Raises:
        BackendError: it cannot be fetched, or what the system has takes no plugins.
    """
    current = sources.release()
    architecture = programs.run(["dpkg", "--print-architecture"]).strip()
    archives = sources.own(current, ("main", "universe"))
    packages, downloaded = _known(apt / current.codename, archives, current, architecture, report)
    needed = packages.wanted([PACKAGE]).packages
    if len(needed) == 1:  # it loads no library, so it is linked statically, and takes no plugins
        suite = DYNAMIC[current.family]
        older = list(dict.fromkeys(replace(archive, suite=suite) for archive in archives if archive.is_release))
        packages, read = _known(apt / suite, older, current, architecture, report)
        downloaded += read
        needed = packages.wanted([PACKAGE]).packages
    packages.assume(_installed({package.name for package in needed} - {PACKAGE}, architecture))
    wanted, fetched = packages.fetch([PACKAGE], folder, "qemu", report)
    if not _version(str(folder / "usr" / "bin" / PROGRAM), _libraries(folder)):
        raise BackendError(
            f"the package {PACKAGE} has no {PROGRAM} here that runs and takes plugins: put one on PATH that does"
        )
    for program in (folder / "usr" / "bin").glob("qemu-*"):
        if program.name != PROGRAM:  # those for other processors are most of it
            program.unlink()
    return wanted, downloaded + fetched


def _known(
    apt: Path, archives: Sequence[sources.Archive], current: sources.Release, architecture: str, report: Report
) -> tuple[Apt, int]:
    """Read what archives have."""
    lines = [sources.line(archive, current.family, architecture) for archive in archives]
    packages = Apt(apt, architecture, lines)
    report(f"qemu: reading what {archives[0].uri} {archives[0].suite} has for {architecture}")
    return packages, packages.update()


def _installed(names: Collection[str], architecture: str) -> Iterator[Package]:
    """Those packages that are installed here."""
    for text in STATUS.read_text(encoding="utf-8", errors="replace").split("\n\n"):
        fields = dict(re.findall(r"^(Package|Status|Architecture|Version): (.+)$", text, re.MULTILINE))
        here = fields.get("Architecture") in (architecture, "all") and fields.get("Status") == "install ok installed"
        if here and fields["Package"] in names:
            yield Package(fields["Package"], fields["Version"])


@functools.lru_cache
def _version(program: str, libraries: str = "") -> str | None:
    """Version of a QEMU that runs and takes plugins; one that is linked statically does not."""
    try:
        if "-plugin" not in programs.run([program, "-h"], environment=_environment(libraries)):
            return None
        said = programs.run([program, "--version"], environment=_environment(libraries))
    except BackendError:
        return None
    version = re.search(r"version (\d+(?:\.\d+)+)", said)
    return version[1] if version else None


def _environment(libraries: str) -> dict[str, str]:
    passed: Mapping[str, str] = {name: os.environ[name] for name in PASSED if name in os.environ}
    added = ":".join(filter(None, (libraries, passed.get(LIBRARIES, "")))) if libraries else ""
    return {**passed, **({LIBRARIES: added} if added else {}), "LC_ALL": "C.UTF-8"}


def _libraries(folder: Path) -> str:
    """Folders with the libraries that were unpacked."""
    names = (f"{platform.machine()}-linux-gnu", "")
    places = (folder / base / name for base in ("usr/lib", "lib") for name in names)
    return ":".join(str(place) for place in places if any(place.glob("*.so*")))
