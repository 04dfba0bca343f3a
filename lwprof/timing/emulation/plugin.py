"""The plugin that counts instructions inside QEMU: it is compiled on first use, tried, and its counts are read."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from lwprof.errors import BackendError
from lwprof.results.instructions import Instructions
from lwprof.timing.conversions.cache import cache_folder
from lwprof.timing.devices import EMULATED
from lwprof.timing.emulation import probe

SOURCE = Path(__file__).parent / "plugin" / "arm_instructions.c"
FLAGS = ("-O2", "-shared", "-fPIC")
COMPILERS = ("cc", "gcc", "clang")
NEWEST = 7
"""Version of QEMU's plugin interface, that of QEMU 11."""

LIMIT_S = 120.0
"""After which a compiler or QEMU is taken to hang; both take a fraction of a second."""

_TOO_NEW = re.compile(r"supports only a minimum version of (\d+)|the plugin interface (\d+) is newer")
_TOO_OLD = re.compile(r"supports only up to version \d+|does not declare API version")
_NO_PLUGINS = re.compile(r"unknown option|unrecognized option|invalid option", re.IGNORECASE)


def compiled(qemu: Sequence[str | Path], environment: Mapping[str, str] | None = None) -> Path:
    """Give the plugin for this QEMU, which has counted a known program with it.

    Args:
        qemu: the command that starts ``qemu-aarch64``.
        environment: variables that it needs beside those there are.

    Raises:
        BackendError: there is no C compiler, or it fails; QEMU has no plugins, too new or too old ones, or counts
            wrongly.
    """
    compiler = _compiler()
    library = _library(compiler)
    failure = _failure(qemu, library, environment)
    if (wanted := _wanted(failure)) is not None and wanted <= NEWEST:
        library = _library(compiler, (f"-DINTERFACE={wanted}",))
        failure = _failure(qemu, library, environment)
    if failure:
        raise BackendError(_sentence(qemu, failure, environment))
    return library


def option(library: Path, counts: Path) -> str:
    """What QEMU takes as ``-plugin`` to append counts to a file; both paths are absolute.

    >>> option(Path("/a,b/arm.so"), Path("/tmp/counts"))
    'file=/a,,b/arm.so,out=/tmp/counts'
    """
    return ",".join(f"{name}={str(path).replace(',', ',,')}" for name, path in (("file", library), ("out", counts)))


def read(path: Path) -> list[Instructions]:
    """Read the counts of all regions that were closed, in their order.

    Raises:
        BackendError: the file cannot be read, or other threads were not idle in a region.
    """
    try:
        lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        elsewhere = max((line.pop("elsewhere") for line in lines), default=0)
        found = [Instructions(total=sum(line.values()), **line) for line in lines]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise BackendError(f"the counted instructions in {path} cannot be read: {error}") from error
    if elsewhere:
        raise BackendError(
            f"a network was not counted alone: other threads executed {elsewhere:,} instructions meanwhile"
        )
    return found


def _compiler() -> list[str]:
    """The C compiler: ``$CC``, or the first there is."""
    try:
        given = shlex.split(os.environ.get("CC", ""))
    except ValueError as error:
        raise BackendError(f"cannot read CC ({error}): write a command as for a shell") from error
    if given:
        if shutil.which(given[0]):
            return given
        raise BackendError(f"the C compiler {given[0]} that CC names is not there; arm-emulated needs one (gcc, clang)")
    if found := next(filter(None, map(shutil.which, COMPILERS)), None):
        return [found]
    raise BackendError("arm-emulated needs a C compiler: install gcc and libc6-dev, or clang")


def _library(compiler: Sequence[str], defines: Sequence[str] = ()) -> Path:
    """The compiled plugin, from the cache or new."""
    source = SOURCE.read_bytes()
    command = [*compiler, *FLAGS, *defines]
    key = hashlib.blake2b(source, digest_size=20)
    key.update(json.dumps([command, _run([*compiler, "--version"]).stdout]).encode())
    place = cache_folder() / EMULATED / f"arm_instructions-{key.hexdigest()}.so"
    if place.is_file():
        return place
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".", dir=place.parent) as folder:
            made = Path(folder) / "made.so"
            done = _run([*command, "-o", str(made), str(SOURCE)])
            if done.returncode or not made.exists():
                raise BackendError(f"{Path(compiler[0]).name} cannot compile the plugin for QEMU: {_error(done)}")
            os.replace(made, place)
    except OSError as error:
        raise BackendError(f"the plugin for QEMU cannot be kept in {place.parent}: {error.strerror}") from error
    return place


def _failure(qemu: Sequence[str | Path], library: Path, environment: Mapping[str, str] | None) -> str:
    """What is wrong with a plugin in this QEMU; empty if it counts a known program as it should."""
    with tempfile.TemporaryDirectory(prefix="lwprof-", ignore_cleanup_errors=True) as temporary:
        program, counts = Path(temporary) / "probe", Path(temporary) / "counts"
        program.write_bytes(probe.program(probe.BODY))
        program.chmod(0o755)
        done = _run([*qemu, "-plugin", option(library, counts), program], environment)
        if done.returncode:
            return done.stderr.strip() or f"it ended with code {done.returncode}"
        found = read(counts)
        if not found:
            return f"it says nothing of a known program; is {tempfile.gettempdir()} full?"
        return "" if found == [probe.COUNTS] else f"it counts a known program wrongly ({found})"


def _wanted(failure: str) -> int | None:
    """The lowest version that a QEMU takes whose plugins are newer."""
    found = _TOO_NEW.search(failure)
    return int(found[1] or found[2]) if found else None


def _sentence(qemu: Sequence[str | Path], failure: str, environment: Mapping[str, str] | None) -> str:
    if _NO_PLUGINS.search(failure):
        return (
            f"{qemu[0]} was built without plugins, as are qemu-user-static and Debian's qemu-user from Debian 13 on; "
            "lwprof doctor --install arm-emulated fetches one that has them"
        )
    if (wanted := _wanted(failure)) is not None:
        version = f"version {wanted} of its plugin interface, and lwprof knows those up to {NEWEST}"
        return f"{_version(qemu, environment)} is too new: it has {version}; QEMU 7 to 11 will do"
    if _TOO_OLD.search(failure):
        return f"{_version(qemu, environment)} is too old for the plugin; QEMU 7 to 11 will do"
    return f"{_version(qemu, environment)} does not run the plugin: {failure.splitlines()[0]}"


def _version(qemu: Sequence[str | Path], environment: Mapping[str, str] | None) -> str:
    """Name a QEMU with its version.

    It says "qemu-aarch64 version 7.2.22 (Debian 1:7.2+dfsg-7)", and more.
    """
    found = re.search(r"version ([\d.]+)", _run([*qemu, "--version"], environment).stdout)
    return f"QEMU {found[1]} ({qemu[0]})" if found else str(qemu[0])


def _error(done: subprocess.CompletedProcess[str]) -> str:
    """The first error that a compiler says."""
    lines = [line.strip() for line in (done.stderr + done.stdout).splitlines() if line.strip()]
    found = next((line for line in lines if "error" in line.lower()), lines[0] if lines else "")
    return found or f"it ended with code {done.returncode}"


def _run(
    command: Sequence[str | Path], environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    name = Path(command[0]).name
    try:
        return subprocess.run(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            env=os.environ | {"LC_ALL": "C"} | dict(environment or {}),
            timeout=LIMIT_S,
            check=False,
        )
    except OSError as error:
        raise BackendError(f"{name} cannot be started: {error.strerror or error}") from error
    except subprocess.TimeoutExpired as error:
        raise BackendError(f"{name} did not end within {LIMIT_S:g} s and was ended") from error
