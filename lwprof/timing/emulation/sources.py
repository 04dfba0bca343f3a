"""Sources: where this machine's packages come from, and where those for another processor do."""

from __future__ import annotations

import platform
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from lwprof.errors import BackendError
from lwprof.timing.emulation import programs

KEYRINGS = Path("/usr/share/keyrings")
PORTS = "http://ports.ubuntu.com/ubuntu-ports"
"""Where Ubuntu keeps what is not for PCs."""


@dataclass(frozen=True, slots=True)
class Release:
    """A release of Debian or Ubuntu."""

    family: str
    """"debian" or "ubuntu"."""
    codename: str

    def __str__(self) -> str:
        return f"{self.family} {self.codename}"


@dataclass(frozen=True, slots=True)
class Archive:
    """A part of a release in an archive, as apt is told of it."""

    uri: str
    suite: str
    component: str

    @property
    def is_release(self) -> bool:
        """Whether it holds a release as a whole, and not what was added to it later."""
        return "-" not in self.suite


def release() -> Release:
    """Read which release this machine runs; one that is derived from another counts as that.

    Raises:
        BackendError: it is neither Debian nor Ubuntu.
    """
    try:
        found = platform.freedesktop_os_release()
    except OSError as error:
        raise BackendError("arm-emulated is installed from Debian's or Ubuntu's packages; this is neither") from error
    origins = (found.get("ID", ""), *found.get("ID_LIKE", "").split())
    for family, variable in (("ubuntu", "UBUNTU_CODENAME"), ("debian", "DEBIAN_CODENAME")):
        codename = found.get(variable) or (found.get("VERSION_CODENAME") if found.get("ID") == family else None)
        if family in origins and codename:
            return Release(family, codename)
    name = found.get("PRETTY_NAME", "this system")
    raise BackendError(f"arm-emulated is installed from the packages of a release of Debian or Ubuntu; {name} is none")


def own(current: Release, components: Collection[str]) -> list[Archive]:
    """Ask apt for the archives of this machine's own packages, updates of the release among them.

    Raises:
        BackendError: apt knows none.
    """
    listed = list(_listed())
    official = [line for line in listed if line[3].lower() == current.family]
    suites = {f"{current.codename}{suffix}" for suffix in ("", "-updates", "-security")}
    found = {
        Archive(uri, suite, component): None
        for uri, suite, component, origin, codename in official or listed
        if component in components and not uri.startswith("cdrom:")
        if suite in suites or codename == current.codename
    }
    if not found:
        raise BackendError(f"apt's list of sources names no archive of {current}")
    return list(found)


def of_arm(current: Release) -> list[Archive]:
    """The archive of the release with packages for ARM: this machine's own mirror, where that has them.

    Raises:
        BackendError: apt knows no archive of the release.
    """
    if current.family == "ubuntu" and platform.machine() != "aarch64":
        return [Archive(PORTS, current.codename, "main")]
    main = own(current, ("main",))
    return [archive for archive in main if archive.is_release][:1] or main[:1]


def line(archive: Archive, family: str, architecture: str) -> str:
    """Write an archive as apt's list of sources has it, signed by whom the release is signed by."""
    keyring = KEYRINGS / f"{family}-archive-keyring.gpg"
    signed = f" signed-by={keyring}" if keyring.is_file() else ""
    options = f"arch={architecture} target=Packages lang=none pdiffs=no{signed}"
    return f"deb [{options}] {archive.uri} {archive.suite} {archive.component}\n"


def _listed() -> Iterator[list[str]]:
    """What apt would read: address, suite, component, origin and codename; the last two only where it has read."""
    keys = ("CREATED_BY", "REPO_URI", "RELEASE", "COMPONENT", "ORIGIN", "CODENAME")
    form = "|".join(f"$({key})" for key in keys)
    for arguments in ([], ["--no-release-info"]):  # where nothing was read, the first lists nothing
        rows = [
            row.split("|")
            for row in programs.run(["apt-get", "indextargets", "--format", form, *arguments]).split("\n")
        ]
        found = [["" if "$(" in value else value for value in row[1:]] for row in rows if row[0] == "Packages"]
        if found:
            yield from found
            return
