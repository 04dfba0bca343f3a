"""What emulation needs: QEMU, a Python for ARM and a runtime for it, in a folder of the user's cache."""

from __future__ import annotations

import errno
import importlib.metadata
import shutil
import sys
from pathlib import Path

from lwprof import units
from lwprof.errors import BackendError
from lwprof.files import folder_bytes
from lwprof.timing.conversions.cache import cache_folder
from lwprof.timing.devices import EMULATED
from lwprof.timing.emulation import parts, programs, qemu, sysroot, wheels
from lwprof.timing.emulation.emulator import Emulator, check
from lwprof.timing.emulation.packages import Report

__all__ = ["INSTALL", "NAME", "REMOVE", "Emulator", "folder", "found", "install", "remove", "size"]

NAME = EMULATED
INSTALL = f"lwprof doctor --install {NAME}"
REMOVE = f"lwprof doctor --remove {NAME}"

QEMU, SYSROOT, PACKAGES, APT = "qemu", "sysroot", "packages", "apt"

SIZES = {QEMU: (25, 20), SYSROOT: (25, 80), PACKAGES: (21, 75)}
"""Megabytes to download and on the disk, about."""
ROOM = 150
"""Megabytes that installing takes beside, for a while."""


def folder() -> Path:
    """Where it all lies."""
    return cache_folder().absolute() / NAME


def found() -> Emulator:
    """What was installed.

    Raises:
        BackendError: something is missing; the sentence says how to install it.
    """
    place = folder()
    emulator = qemu.found(place / QEMU)
    system, packages = _system(place), parts.record(place / PACKAGES)
    there = {f"{qemu.PROGRAM} that takes plugins": emulator, "Python for ARM": system, "ncnn for ARM": packages}
    if emulator is None or not system or not packages:
        _supported()
        missing = ", no ".join(name for name, thing in there.items() if not thing)
        raise BackendError(f"{NAME} is not installed (there is no {missing}): {INSTALL}")
    if packages["ncnn"] != _ncnn():
        raise BackendError(f"the emulated ncnn is {packages['ncnn']}, the one installed here {_ncnn()}: {INSTALL}")
    versions = {"qemu": emulator.version, "python": system["python"]}
    return Emulator(
        emulator.command, emulator.environment, place / SYSROOT, sysroot.python(place / SYSROOT), place / PACKAGES,
        versions | {name: packages[name] for name in ("ncnn", "numpy")},
    )  # fmt: skip


def install(report: Report) -> None:
    """Fetch what is missing, and see that it runs; parts that are there are left as they are.

    Args:
        report: takes a line of text on every step.

    Raises:
        BackendError: this machine cannot have it, there is no connection or no space, or it does not run.
    """
    _supported()
    place, runtime = folder(), _ncnn()
    try:
        with parts.alone(place, report):
            _install(place, runtime, report)
    except KeyboardInterrupt:
        report(f"{NAME} is not complete; {programs.AGAIN}")
        raise
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise BackendError(f"there is no space left in {place}") from error
        raise BackendError(f"{NAME} cannot be installed in {place}: {error.strerror or error}") from error


def remove() -> int:
    """Remove everything; the bytes that it took.

    Raises:
        BackendError: somebody is installing, or it cannot be removed.
    """
    place = folder()
    taken = size()
    if place.exists():
        try:
            with parts.alone(place, None):
                shutil.rmtree(place)
        except OSError as error:
            raise BackendError(f"{place} cannot be removed: {error.strerror or error}") from error
    return taken


def size() -> int:
    """Bytes of all that is installed."""
    return folder_bytes(folder())


def _install(place: Path, runtime: str, report: Report) -> None:
    place.mkdir(exist_ok=True)
    for left in place.glob(".*"):  # by one that was interrupted
        shutil.rmtree(left, ignore_errors=True)
    system, packages = _system(place), parts.record(place / PACKAGES)
    has_qemu, has_packages = qemu.found(place / QEMU), bool(system) and packages.get("ncnn") == runtime
    missing = [
        part for part, there in ((QEMU, has_qemu), (SYSROOT, system), (PACKAGES, has_packages)) if not there
    ]  # fmt: skip
    _announce(place, missing, report)
    downloaded = 0
    if QEMU in missing:
        with parts.part(place, QEMU) as (new, record):
            wanted, fetched = qemu.fetch(place / APT / QEMU, new, report)
            record["qemu"], downloaded = wanted.version(qemu.PACKAGE), downloaded + fetched
        qemu.forget()
    if SYSROOT in missing:
        with parts.part(place, SYSROOT) as (new, record):
            wanted, fetched = sysroot.fetch(place / APT / SYSROOT, new, report)
            record |= {"python": wanted.version(r"libpython3\.\d+-stdlib"), "glibc": wanted.version("libc6")}
            downloaded += fetched
        system = dict(record)
    if PACKAGES in missing:
        python = ".".join(system["python"].split(".")[:2])
        report(f"packages: ncnn {runtime} and numpy for Python {python} on ARM")
        with parts.part(place, PACKAGES) as (new, record):
            downloaded += wheels.install([f"ncnn=={runtime}", "numpy"], python, system["glibc"], new, report)
            record |= wheels.versions(new)
    report("check: importing ncnn in the emulated Python")
    emulator = found()
    try:
        check(emulator)
    except BackendError as error:
        raise BackendError(f"{error}: {REMOVE}, and install it anew") from error
    shutil.rmtree(place / APT, ignore_errors=True)
    versions = ", ".join(f"{name} {version}" for name, version in emulator.versions.items())
    report(f"{NAME} is installed: {versions}; {units.size(downloaded)} downloaded, {units.size(size())} in {place}")


def _announce(place: Path, missing: list[str], report: Report) -> None:
    """Say what it will take.

    Raises:
        BackendError: there is no room for it.
    """
    if not missing:
        report(f"{NAME} is there; it is checked")
        return
    download, disk = (sum(SIZES[part][column] for part in missing) for column in (0, 1))
    report(f"{NAME} takes about {download} MB to download and {disk} MB in {place}")
    free = shutil.disk_usage(place).free // 10**6
    if free < disk + ROOM:
        raise BackendError(f"there is no space in {place}: installing takes {disk + ROOM} MB, {free} MB are free")


def _supported() -> None:
    """See that this is a system with apt.

    Raises:
        BackendError: it is not.
    """
    if sys.platform != "linux":
        raise BackendError(f"{NAME} runs on Linux only: use a machine or a container with Debian or Ubuntu")
    absent = [name for name in ("apt-get", "dpkg") if shutil.which(name) is None]
    if absent:
        raise BackendError(f"{NAME} is installed by apt-get and dpkg, which are not here: use Debian or Ubuntu")


def _system(place: Path) -> dict[str, str]:
    """Versions of what the sysroot holds; none if its Python is not there."""
    return parts.record(place / SYSROOT) if sysroot.python(place / SYSROOT).is_file() else {}


def _ncnn() -> str:
    """Version of the runtime here, which is to be the emulated one's.

    Raises:
        BackendError: it is not installed.
    """
    try:
        return importlib.metadata.version("ncnn")
    except importlib.metadata.PackageNotFoundError as error:
        raise BackendError("ncnn is not installed: pip install 'lwprof[ncnn]'") from error
