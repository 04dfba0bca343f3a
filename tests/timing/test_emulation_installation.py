"""Installing what emulation needs: programs of the same names stand in for apt, dpkg, pip and QEMU."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import importlib.metadata
import os
import platform
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from lwprof.errors import BackendError
from lwprof.timing.emulation import installation, packages, programs, qemu, sources, wheels

BEGIN = """#!/bin/sh
PATH=/usr/bin:/bin
here=${0%/*}
log() { echo "$*" >>"$here/log"; }
may() { if [ -e "$here/fail-$1" ]; then cat "$here/fail-$1"; exit 100; fi; }
"""

APT_GET = """
case "$*" in
*indextargets*) cat "$here/sources"; exit;;
esac
apt=${APT_CONFIG%/*}
cp "$APT_CONFIG" "$here/apt.conf"
suite=$(sed -n '1s/.* \\([a-z-]*\\) main$/\\1/p' "$apt/sources.list")
case "$*" in
*update*)
  log "update $suite"; may update
  echo 'Fetched 9 MB in 1s (9 MB/s)';;
*--print-uris*)
  may resolve
  echo 'The following additional packages will be installed:'
  echo '   tar (1.34)'
  echo 'Suggested packages:'
  echo '   glibc-doc (2.36)'
  echo 'The following NEW packages will be installed:'
  case "$*" in
  *qemu-user*)
    if [ "$suite" != trixie ] && ! grep -q 'Package: libglib2.0-0' "$apt/status"; then
      echo '   libglib2.0-0 (2.74.6-2)'
    fi
    if [ "$suite" != trixie ] && ! grep -q 'Package: libc6' "$apt/status"; then
      echo '   libc6 (2.36-9)'
    fi
    echo '   qemu-user (1:7.2+dfsg-7)';;
  *)
    echo '   libpython3.11-stdlib (3.11.2-6+deb12u8)'
    echo '   python3-minimal (3.11.2-1+b1)'
    echo 'The following packages will be upgraded:'
    echo '   libc6 (2.36-8 => 2.36-9+deb12u14)';;
  esac
  echo '1 upgraded, 2 newly installed, 0 to remove and 0 not upgraded.'
  echo 'Need to get 4 MB/15 MB of archives.'
  echo 'After this operation, 76.8 MB of additional disk space will be used.';;
*--download-only*)
  log "download $suite"; may download
  cd "$apt/cache/archives"
  for name in libc6_2.36-9+deb12u14_arm64 libpython3.11-stdlib_3.11.2-6+deb12u8_arm64 \\
    python3-minimal_3.11.2-1+b1_arm64 libglib2.0-0_2.74.6-2_amd64 qemu-user_1%3a7.2+dfsg-7_amd64
  do echo "Get:1 $name"; : >"$name.deb"; done
  echo 'Fetched 4 MB in 1s (4 MB/s)';;
esac
"""

DPKG = """
if [ "$1" = --print-architecture ]; then echo amd64; exit; fi
name=${2##*/}; log "unpack ${name%%_*}"; may unpack
mkdir -p "$3/usr/bin" "$3/usr/lib/x86_64-linux-gnu"
case "$name" in
qemu*) cp "$here/emulator" "$3/usr/bin/qemu-aarch64"; : >"$3/usr/bin/qemu-riscv64";;
libglib*) : >"$3/usr/lib/x86_64-linux-gnu/libglib-2.0.so.0";;
python3*) : >"$3/usr/bin/python3.11"; ln -s python3.11 "$3/usr/bin/python3";;
esac
"""

PIP = """
log "pip $*"; may pip
while [ "$1" != --target ]; do shift; done
for last; do case "$last" in ncnn==*) version=${last#*==};; esac; done
mkdir -p "$2/ncnn-$version.dist-info" "$2/numpy-2.4.6.dist-info"
echo "  Downloading ncnn-$version-cp311-cp311-manylinux_2_28_aarch64.whl (5 MB)"
"""

EMULATOR = """
case "$1" in
-h) [ -e "$here/static" ] || echo '-plugin QEMU_PLUGIN';;
--version) echo 'qemu-aarch64 version 7.2.22 (Debian 1:7.2)';;
*) may run; log run; echo '["aarch64", "3.11.2", "2.4.6", "1.0.7"]';;
esac
"""

SOURCES = """\
Packages|http://mirror/debian/|bookworm|main|Debian|bookworm
Packages|http://mirror/debian/|bookworm-updates|main|Debian|bookworm-updates
Packages|http://elsewhere/pgdg/|bookworm-pgdg|main|apt.postgresql.org|bookworm-pgdg
Packages|http://elsewhere/tools/|bookworm|main|Somebody|bookworm
Translations|http://mirror/debian/|bookworm|main|Debian|bookworm
"""

CONFIGURATION = """\
echo 'Acquire::http::Proxy "http://proxy:3128";'
echo 'Acquire::Languages:: "de";'
echo 'Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled "true";'
echo 'APT::Update::Post-Invoke:: "rm -f /var/cache/apt/archives/*.deb";'
"""

STATUS = """\
Package: libc6
Status: install ok installed
Architecture: amd64
Version: 2.36-9
Depends: libgcc-s1

Package: libglib2.0-0
Status: deinstall ok config-files
Architecture: amd64
Version: 2.74.6-1

Package: qemu-user
Status: install ok installed
Architecture: amd64
Version: 1:7.2
"""

BOOKWORM = {"ID": "debian", "VERSION_CODENAME": "bookworm", "PRETTY_NAME": "Debian GNU/Linux 12 (bookworm)"}
SYSROOT = [
    "update bookworm",
    "download bookworm",
    "unpack libpython3.11-stdlib",
    "unpack python3-minimal",
    "unpack libc6",
]
FROM_NOTHING = [*SYSROOT, "pip", "run"]


@dataclass
class System:
    """A system with stand-ins for its programs."""

    bin: Path
    place: Path

    def program(self, name: str, text: str) -> None:
        (self.bin / name).write_text(BEGIN + text)
        (self.bin / name).chmod(0o755)

    def log(self) -> list[str]:
        """What was called since the last time that somebody asked."""
        log = self.bin / "log"
        lines = log.read_text().splitlines() if log.exists() else []
        log.unlink(missing_ok=True)
        return ["pip" if line.startswith("pip ") else line for line in lines]

    def fail(self, step: str, written: str) -> None:
        (self.bin / f"fail-{step}").write_text(written)

    def mend(self) -> None:
        for path in self.bin.glob("fail-*"):
            path.unlink()


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> System:
    found = System(tmp_path / "bin", tmp_path / "cache" / "arm-emulated")
    found.bin.mkdir()
    for name, text in (("apt-get", APT_GET), ("apt-config", CONFIGURATION), ("dpkg", DPKG), ("pip", PIP),
                       ("emulator", EMULATOR.replace("$here", str(found.bin)).replace("may run; log run; ", "")),
                       ("qemu-aarch64", EMULATOR)):  # fmt: skip
        found.program(name, text)
    (found.bin / "sources").write_text(SOURCES)
    (tmp_path / "status").write_text(STATUS)
    monkeypatch.setenv("PATH", str(found.bin))
    monkeypatch.setenv("LWPROF_CACHE", str(found.place.parent))
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(platform, "freedesktop_os_release", lambda: BOOKWORM)
    monkeypatch.setattr(wheels, "PIP", (str(found.bin / "pip"),))
    monkeypatch.setattr(qemu, "STATUS", tmp_path / "status")
    monkeypatch.setattr(importlib.metadata, "version", {"ncnn": "1.0.7"}.__getitem__)
    qemu.forget()
    return found


def installed() -> list[str]:
    lines: list[str] = []
    installation.install(lines.append)
    return lines


@pytest.mark.slow
def test_from_nothing(system: System) -> None:
    with pytest.raises(BackendError) as error:
        installation.found()
    assert str(error.value) == (
        "arm-emulated is not installed (there is no Python for ARM, no ncnn for ARM): "
        "lwprof doctor --install arm-emulated"
    )
    first, *steps, last = installed()
    assert first == f"arm-emulated takes about 46 MB to download and 155 MB in {system.place}"
    assert steps == [
        "sysroot: reading what http://mirror/debian/ has for arm64",
        "sysroot: downloading 3 packages (4.00 MB, 76.80 MB unpacked)",
        "sysroot: unpacking",
        "packages: ncnn 1.0.7 and numpy for Python 3.11 on ARM",
        "  downloading ncnn-1.0.7-cp311-cp311-manylinux_2_28_aarch64.whl (5 MB)",
        "check: importing ncnn in the emulated Python",
    ]
    assert last.startswith(
        "arm-emulated is installed: qemu 7.2.22, python 3.11.2, ncnn 1.0.7, numpy 2.4.6; 18.00 MB downloaded, "
    )
    assert last.endswith(f" in {system.place}")
    assert system.log() == FROM_NOTHING
    emulator = installation.found()
    assert emulator.command == (str(system.bin / "qemu-aarch64"), "-U", "LD_LIBRARY_PATH")
    assert emulator.versions == {"qemu": "7.2.22", "python": "3.11.2", "ncnn": "1.0.7", "numpy": "2.4.6"}
    assert (emulator.sysroot, emulator.packages) == (system.place / "sysroot", system.place / "packages")
    assert emulator.python == system.place / "sysroot" / "usr" / "bin" / "python3.11"
    assert "CPU part\t: 0xd0b" in (emulator.sysroot / "proc" / "cpuinfo").read_text()
    assert os.readlink(emulator.sysroot / "lib") == "usr/lib"
    assert sorted(path.name for path in system.place.iterdir()) == ["packages", "sysroot"]


@pytest.mark.slow
def test_what_is_there_is_not_fetched_again(system: System) -> None:
    installed()
    system.log()
    lines = installed()
    assert lines[0] == "arm-emulated is there; it is checked"
    assert "; 0 B downloaded, " in lines[-1]
    assert system.log() == ["run"]


@pytest.mark.slow
def test_another_runtime_here_needs_another_there(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    installed()
    system.log()
    monkeypatch.setattr(importlib.metadata, "version", {"ncnn": "1.0.8"}.__getitem__)
    with pytest.raises(BackendError) as error:
        installation.found()
    assert str(error.value) == (
        "the emulated ncnn is 1.0.7, the one installed here 1.0.8: lwprof doctor --install arm-emulated"
    )
    installed()
    assert system.log() == ["pip", "run"]
    assert installation.found().versions["ncnn"] == "1.0.8"
    assert not list(system.place.glob("packages/*1.0.7*"))


OFFLINE = """\
W: Failed to fetch http://mirror/debian/dists/bookworm/InRelease  Temporary failure resolving 'mirror'
E: Some index files failed to download.
"""
RETRYING = """\
WARNING: Retrying (Retry(total=0)) after connection broken by 'NewConnectionError("HTTPConnection(host='a', port=9): \
Failed to establish a new connection: [Errno 111] Connection refused")': /simple/ncnn/
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("step", "written", "sentence", "remaining"),
    [
        (
            "update", OFFLINE,
            "there is no connection (Temporary failure resolving 'mirror'); the same command goes on from where it was",
            FROM_NOTHING,
        ),
        ("resolve", "E: Unable to locate package libgomp1\n", "apt-get failed: Unable to locate package libgomp1",
         FROM_NOTHING),
        ("download", "E: You don't have enough free space in /c/archives/.\n",
         "there is no space left (You don't have enough free space in /c/archives/.)", FROM_NOTHING),
        ("unpack", "dpkg-deb: error: unexpected end of file\n", "dpkg failed: unexpected end of file", FROM_NOTHING),
        ("pip", RETRYING + "ERROR: No matching distribution found for ncnn==1.0.7\n",
         "there is no connection (Connection refused); the same command goes on from where it was", ["pip", "run"]),
        ("pip", "ERROR: No matching distribution found for ncnn==1.0.7\n",
         "pip failed: No matching distribution found for ncnn==1.0.7", ["pip", "run"]),
        ("pip", "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device\n",
         "there is no space left (No space left on device)",
         ["pip", "run"]),
        ("pip", "/usr/bin/python3: No module named pip\n", "pip is missing here: python -m ensurepip", ["pip", "run"]),
    ],
)  # fmt: skip
def test_what_fails_is_one_sentence_and_the_rest_is_kept(
    system: System, step: str, written: str, sentence: str, remaining: list[str]
) -> None:
    system.fail(step, written)
    with pytest.raises(BackendError) as error:
        installed()
    assert str(error.value) == sentence
    with pytest.raises(BackendError, match="arm-emulated is not installed"):
        installation.found()
    system.mend()
    system.log()
    installed()
    assert system.log() == remaining
    assert installation.found().versions["ncnn"] == "1.0.7"


def test_a_package_that_is_not_whole_is_fetched_anew(system: System) -> None:
    system.fail("unpack", "dpkg-deb: error: unexpected end of file\n")
    with pytest.raises(BackendError):
        installed()
    left = {path.name.partition("_")[0] for path in system.place.glob("apt/sysroot/cache/archives/*.deb")}
    assert "python3-minimal" in left
    assert "libpython3.11-stdlib" not in left


@pytest.mark.slow
def test_what_was_downloaded_outlives_an_interruption(system: System) -> None:
    lines = []

    def press(line: str) -> None:
        lines.append(line)
        if line == "sysroot: unpacking":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        installation.install(press)
    assert lines[-1] == "arm-emulated is not complete; the same command goes on from where it was"
    assert list(system.place.glob("apt/sysroot/cache/archives/python3-minimal_*.deb"))
    assert (system.place / ".sysroot").is_dir()
    installed()
    assert not (system.place / ".sysroot").exists()


def test_an_interruption_ends_the_program_that_runs() -> None:
    seen = []

    def press(line: str) -> None:
        seen.append(int(line))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        programs.run(["sh", "-c", "echo $$; exec tail -f /dev/null"], line=press)
    with pytest.raises(ProcessLookupError):
        os.kill(seen[0], 0)


def test_too_little_space_is_said_before_anything_is_fetched(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10**9, 0, 12 * 10**6))  # type: ignore[attr-defined]
    with pytest.raises(BackendError) as error:
        installed()
    assert str(error.value) == f"there is no space in {system.place}: installing takes 305 MB, 12 MB are free"
    assert system.log() == []


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        (errno.ENOSPC, "there is no space left in {}"),
        (errno.EROFS, "arm-emulated cannot be installed in {}: Read-only file system"),
    ],
)
def test_a_folder_that_cannot_be_written(
    system: System, monkeypatch: pytest.MonkeyPatch, code: int, sentence: str
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(BackendError) as error:
        installed()
    assert str(error.value) == sentence.format(system.place)


def is_held(place: Path) -> bool:
    with open(place.with_name("arm-emulated.lock")) as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False


@pytest.mark.slow
def test_a_second_one_waits_and_says_so(system: System) -> None:
    system.place.mkdir(parents=True)
    with contextlib.ExitStack() as held:
        lock = held.enter_context(open(system.place.with_name("arm-emulated.lock"), "a"))
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(BackendError) as error:
            installation.remove()
        assert str(error.value) == f"somebody is installing in {system.place} at the moment"
        lines = []

        def release(line: str) -> None:
            lines.append(line)
            held.close()
            if len(lines) > 1:
                assert is_held(system.place)

        installation.install(release)
    assert lines[0] == f"another process is installing in {system.place}; waiting for it"
    assert lines[-1].startswith("arm-emulated is installed")


@pytest.mark.slow
def test_a_runtime_that_does_not_run(system: System) -> None:
    system.fail("run", "Illegal instruction\n")
    with pytest.raises(BackendError) as error:
        installed()
    assert str(error.value) == (
        "the emulated ncnn does not run (qemu-aarch64 failed: Illegal instruction): "
        "lwprof doctor --remove arm-emulated, and install it anew"
    )


@pytest.mark.slow
def test_qemu_comes_from_the_packages_where_the_system_has_none(system: System) -> None:
    (system.bin / "qemu-aarch64").unlink()
    lines = installed()
    assert lines[1:3] == [
        "qemu: reading what http://mirror/debian/ bookworm has for amd64",
        "qemu: downloading 2 packages (4.00 MB, 76.80 MB unpacked)",
    ]
    fetched = ["update bookworm", "download bookworm", "unpack libglib2.0-0", "unpack qemu-user"]
    assert system.log() == [*fetched, *SYSROOT, "pip"]
    emulator = installation.found()
    assert emulator.command[0] == str(system.place / "qemu" / "usr" / "bin" / "qemu-aarch64")
    assert emulator.environment["LD_LIBRARY_PATH"] == str(system.place / "qemu" / "usr" / "lib" / "x86_64-linux-gnu")
    assert [path.name for path in (system.place / "qemu" / "usr" / "bin").iterdir()] == ["qemu-aarch64"]


@pytest.mark.slow
def test_a_release_whose_qemu_takes_no_plugins_gets_an_older_one(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(platform, "freedesktop_os_release", lambda: BOOKWORM | {"VERSION_CODENAME": "trixie"})
    (system.bin / "sources").write_text(SOURCES.replace("bookworm", "trixie"))
    (system.bin / "qemu-aarch64").write_text("#!/bin/sh\n")  # it is there, and its help knows no plugins
    installed()
    assert system.log()[:3] == ["update trixie", "update bookworm", "download bookworm"]
    assert installation.found().command[0] == str(system.place / "qemu" / "usr" / "bin" / "qemu-aarch64")


@pytest.mark.slow
def test_a_qemu_that_takes_no_plugins_is_of_no_use(system: System) -> None:
    (system.bin / "qemu-aarch64").unlink()
    (system.bin / "static").touch()
    with pytest.raises(BackendError) as error:
        installed()
    assert str(error.value) == (
        "the package qemu-user has no qemu-aarch64 here that runs and takes plugins: put one on PATH that does"
    )


@pytest.mark.slow
def test_apt_fetches_as_this_machine_does_and_runs_none_of_its_hooks(system: System) -> None:
    installed()
    written = (system.bin / "apt.conf").read_text()
    assert 'Acquire::http::Proxy "http://proxy:3128";' in written
    assert f'Dir::State::status "{system.place}/apt/sysroot/status";' in written
    assert 'APT::Architectures { "arm64"; };' in written
    for absent in ("Post-Invoke", "Contents", '"de"'):
        assert absent not in written


def test_wheels_are_those_that_the_emulated_python_can_load(system: System) -> None:
    wheels.install(["ncnn==1.0.7"], "3.12", "2.31", system.place / "new", print)
    (line,) = (system.bin / "log").read_text().splitlines()
    assert "--abi cp312 --abi abi3 --abi none" in line
    assert "--platform manylinux_2_31_aarch64" in line
    assert "--platform manylinux_2_17_aarch64" in line
    assert "manylinux_2_32" not in line
    assert "--no-deps" in line


@pytest.mark.slow
def test_an_emulated_process_sees_none_of_the_users_variables(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    installed()
    for variable in ("OMP_NUM_THREADS", "PYTHONHOME", "LD_PRELOAD", "QEMU_CPU"):
        monkeypatch.setenv(variable, "1")
    monkeypatch.setenv("LD_LIBRARY_PATH", "/libraries")
    environment = installation.found().environment
    assert set(environment) <= {"PATH", "HOME", "TMPDIR", "LC_ALL", "LD_LIBRARY_PATH"}
    assert environment["LD_LIBRARY_PATH"] == "/libraries"


@pytest.mark.slow
def test_a_folder_may_be_named_from_where_one_is(
    system: System, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LWPROF_CACHE", "cache")
    installed()
    assert f'Dir::Cache "{system.place}/apt/sysroot/cache";' in (system.bin / "apt.conf").read_text()
    assert installation.found().sysroot == system.place / "sysroot"


@pytest.mark.slow
def test_removing(system: System) -> None:
    assert (installation.size(), installation.remove()) == (0, 0)
    installed()
    taken = installation.size()
    assert taken > 0
    assert installation.remove() == taken
    assert not system.place.exists()


def test_other_systems(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    (system.bin / "apt-get").unlink()
    for call in (installed, installation.found):
        with pytest.raises(BackendError) as error:
            call()  # type: ignore[operator]
        assert str(error.value) == (
            "arm-emulated is installed by apt-get and dpkg, which are not here: use Debian or Ubuntu"
        )
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(BackendError, match="arm-emulated runs on Linux only: use a machine or a container with Debian"):
        installed()


def test_without_the_runtime_here(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> str:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", absent)
    with pytest.raises(BackendError) as error:
        installed()
    assert str(error.value) == "ncnn is not installed: pip install 'lwprof[ncnn]'"


@pytest.mark.parametrize(
    ("found", "family", "codename"),
    [
        (BOOKWORM, "debian", "bookworm"),
        ({"ID": "ubuntu", "ID_LIKE": "debian", "VERSION_CODENAME": "noble", "UBUNTU_CODENAME": "noble"},
         "ubuntu", "noble"),
        ({"ID": "linuxmint", "ID_LIKE": "ubuntu debian", "VERSION_CODENAME": "wilma", "UBUNTU_CODENAME": "noble"},
         "ubuntu", "noble"),
        ({"ID": "lmde", "ID_LIKE": "debian", "VERSION_CODENAME": "faye", "DEBIAN_CODENAME": "bookworm"},
         "debian", "bookworm"),
    ],
)  # fmt: skip
def test_releases(monkeypatch: pytest.MonkeyPatch, found: dict[str, str], family: str, codename: str) -> None:
    monkeypatch.setattr(platform, "freedesktop_os_release", lambda: found)
    assert sources.release() == sources.Release(family, codename)


def test_a_release_of_something_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "freedesktop_os_release", lambda: {"ID": "kali", "PRETTY_NAME": "Kali"})
    with pytest.raises(BackendError, match="the packages of a release of Debian or Ubuntu; Kali is none"):
        sources.release()


def test_archives_are_the_releases_own(system: System) -> None:
    current = sources.Release("debian", "bookworm")
    mirror = [sources.Archive("http://mirror/debian/", suite, "main") for suite in ("bookworm", "bookworm-updates")]
    assert sources.own(current, ("main",)) == mirror
    assert sources.of_arm(current) == mirror[:1]
    with pytest.raises(BackendError, match="apt's list of sources names no archive of debian sid"):
        sources.own(sources.Release("debian", "sid"), ("main",))


def test_archives_where_apt_has_read_nothing_yet(system: System) -> None:
    unread = "Packages|http://mirror/debian/|bookworm|main|$(ORIGIN)|$(CODENAME)"
    system.program("apt-get", f"case \"$*\" in *no-release-info*) echo '{unread}';; esac\n")
    found = sources.own(sources.Release("debian", "bookworm"), ("main",))
    assert found == [sources.Archive("http://mirror/debian/", "bookworm", "main")]


@pytest.mark.parametrize(("machine", "uri"), [("x86_64", sources.PORTS), ("aarch64", "http://ports/ubuntu/")])
def test_ubuntu_has_arm_elsewhere(system: System, monkeypatch: pytest.MonkeyPatch, machine: str, uri: str) -> None:
    monkeypatch.setattr(platform, "machine", lambda: machine)
    (system.bin / "sources").write_text("Packages|http://ports/ubuntu/|noble|main|Ubuntu|noble\n")
    assert sources.of_arm(sources.Release("ubuntu", "noble")) == [sources.Archive(uri, "noble", "main")]


def test_a_list_of_sources_names_the_keyring_that_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "KEYRINGS", tmp_path)
    archive = sources.Archive("http://mirror/debian/", "bookworm", "main")
    plain = "deb [arch=arm64 target=Packages lang=none pdiffs=no] http://mirror/debian/ bookworm main\n"
    assert sources.line(archive, "debian", "arm64") == plain
    keyring = tmp_path / "debian-archive-keyring.gpg"
    keyring.touch()
    assert sources.line(archive, "debian", "arm64") == plain.replace("]", f" signed-by={keyring}]")


@pytest.mark.slow
def test_a_long_download_is_followed(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "INTERVAL_S", 0.0)
    assert "  package 3 of 3" in installed()


@pytest.mark.slow
def test_asking_what_is_installed_imports_no_torch() -> None:
    code = "import sys, lwprof.timing.emulation.installation; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-P", "-c", code]).returncode == 0


def test_programs_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(BackendError, match="nowhere cannot be run: No such file or directory"):
        programs.run([tmp_path / "nowhere"])


def test_a_program_that_was_killed_says_so() -> None:
    with pytest.raises(BackendError, match="sh failed: it was ended by signal 9"):
        programs.run(["sh", "-c", "kill -9 $$"])
