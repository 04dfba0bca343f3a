"""Packages: fetched by apt and unpacked by dpkg, with a state of their own that leaves the system's as it is."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from lwprof import units
from lwprof.errors import BackendError
from lwprof.timing.emulation import programs

Report = Callable[[str], None]

INTERVAL_S = 5.0
"""Between two lines about how far a download is."""

KEPT = "Acquire::"
"""Of apt's configuration: how this machine fetches, proxies among it. Its hooks, pins and lists are not for us."""
LEFT = ("Acquire::IndexTargets", "Acquire::Languages")

SETTINGS = """\
Dir::Etc::main "/dev/null";
Dir::Etc::parts "/dev/null";
Dir::Etc::sourcelist "{folder}/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
Dir::State "{folder}/state";
Dir::State::lists "{folder}/state/lists";
Dir::State::status "{folder}/status";
Dir::State::extended_states "{folder}/state/extended_states";
Dir::Cache "{folder}/cache";
Dir::Cache::archives "{folder}/cache/archives";
Dir::Cache::pkgcache "";
Dir::Cache::srcpkgcache "";
Dir::Log "{folder}/log";
APT::Architecture "{architecture}";
APT::Architectures {{ "{architecture}"; }};
APT::Sandbox::User "";
APT::Install-Recommends "false";
APT::Update::Error-Mode "any";
"""

INSTALLED = """\
Package: {}
Status: install ok installed
Maintainer: -
Architecture: {}
Version: {}
Description: -

"""
"""A paragraph of dpkg's status."""


@dataclass(frozen=True, slots=True)
class Package:
    """A package that is to be unpacked."""

    name: str
    version: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """Packages with all that they need."""

    packages: tuple[Package, ...]
    download_bytes: int
    """That have still to be fetched."""
    disk_bytes: int

    def __str__(self) -> str:
        sizes = f"{units.size(self.download_bytes)}, {units.size(self.disk_bytes)} unpacked"
        return f"{units.number_of(len(self.packages), 'package')} ({sizes})"

    def version(self, name: str) -> str:
        """Upstream's version of a package: ``3.11.2`` of ``3.11.2-6+deb12u8``."""
        found = next(package.version for package in self.packages if re.fullmatch(name, package.name))
        return found.partition(":")[2].partition("-")[0] if ":" in found else found.partition("-")[0]


class Apt:
    """apt with lists, archives and a status of its own."""

    def __init__(self, folder: Path, architecture: str, sources: Iterable[str]) -> None:
        """Prepare a state in which nothing is installed.

        Args:
            folder: where it lies; one that is there is gone on with.
            architecture: of the packages.
            sources: lines of apt's list of sources.
        """
        self.folder, self.architecture = folder, architecture
        for name in ("state/lists/partial", "cache/archives/partial"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        self.assume([])
        (folder / "sources.list").write_text("".join(sources), encoding="utf-8")
        kept = [line for line in programs.run(["apt-config", "dump"]).splitlines() if line.startswith(KEPT)]
        own = [line for line in kept if not line.startswith(LEFT)]
        settings = SETTINGS.format(folder=folder, architecture=architecture)
        (folder / "apt.conf").write_text("\n".join([*own, settings]), encoding="utf-8")

    def assume(self, installed: Iterable[Package]) -> None:
        """Let packages count as installed, whatever they need themselves."""
        texts = (INSTALLED.format(package.name, self.architecture, package.version) for package in installed)
        (self.folder / "status").write_text("".join(texts), encoding="utf-8")

    def update(self) -> int:
        """Read what the archives have; the bytes that were fetched.

        Raises:
            BackendError: they cannot be read.
        """
        return _fetched(self._get("update"))

    def wanted(self, names: Sequence[str]) -> Wanted:
        """Find what has to be installed for some packages to run.

        Raises:
            BackendError: the archives lack something.
        """
        listed = self._get("--print-uris", "--verbose-versions", "install", *names)
        sections = re.findall(r"^The following (?:NEW )?packages will be \w+:\n((?:  .+\n)+)", listed, re.MULTILINE)
        packages = re.findall(r"^ +(\S+) \((?:\S+ => )?(\S+)\)", "".join(sections), re.MULTILINE)
        download = re.search(r"^Need to get ([\d.,]+ \w+)", listed, re.MULTILINE)
        disk = re.search(r"([\d.,]+ \w+) of additional disk space", listed)
        return Wanted(tuple(Package(*found) for found in packages), _bytes(download), _bytes(disk))

    def download(self, names: Sequence[str], wanted: Wanted, report: Report) -> int:
        """Fetch packages; the bytes that were fetched.

        Raises:
            BackendError: not all can be fetched.
        """
        done, latest = 0, 0.0

        def follow(line: str) -> None:
            nonlocal done, latest
            now = time.monotonic()
            if line.startswith("Get:"):
                done, latest = done + 1, latest if done else now
            if done and now - latest >= INTERVAL_S:
                latest = now
                report(f"  package {done} of {len(wanted.packages)}")

        return _fetched(self._get("--download-only", "install", *names, line=follow))

    def fetch(self, names: Sequence[str], folder: Path, what: str, report: Report) -> tuple[Wanted, int]:
        """Fetch packages with all that they need, and unpack them; what that was, and the bytes that were fetched.

        Args:
            names: of the packages.
            folder: where to.
            what: they are, in the lines of the report.
            report: takes a line on what is going on.

        Raises:
            BackendError: not all can be fetched, or one is not whole.
        """
        wanted = self.wanted(names)
        report(f"{what}: downloading {wanted}")
        downloaded = self.download(names, wanted, report)
        report(f"{what}: unpacking")
        self.unpack(wanted, folder)
        return wanted, downloaded

    def unpack(self, wanted: Wanted, target: Path) -> None:
        """Unpack packages that were fetched.

        Raises:
            BackendError: one is not whole.
        """
        archives = self.folder / "cache" / "archives"
        for package in wanted.packages:
            file = next(archives.glob(f"{package.name}_{package.version.replace(':', '%3a')}_*.deb"), None)
            if file is None:
                raise BackendError(f"apt-get fetched no {package.name} {package.version}; {programs.AGAIN}")
            try:
                programs.run(["dpkg", "-x", file, target])
            except BackendError:
                file.unlink(missing_ok=True)  # it is not whole: another time it is fetched anew
                raise

    def _get(self, *arguments: str, line: Callable[[str], None] | None = None) -> str:
        own = {"APT_CONFIG": str(self.folder / "apt.conf"), "DEBIAN_FRONTEND": "noninteractive"}
        environment = programs.untranslated() | own
        return programs.run(["apt-get", "--quiet", "--yes", *arguments], environment=environment, line=line)


def _fetched(written: str) -> int:
    """Bytes of apt's summary ``Fetched 15.7 MB in 1s (15.7 MB/s)``."""
    return _bytes(re.search(r"^Fetched ([\d.,]+ \w+)", written, re.MULTILINE))


def _bytes(found: re.Match[str] | None) -> int:
    return int(units.amount(found[1], of_bytes=True) or 0) if found else 0
