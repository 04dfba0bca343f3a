"""What ``lwprof doctor`` looks at."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from lwprof.errors import BackendError, first_line

if TYPE_CHECKING:
    from lwprof.timing.backends import Backend


class Check(NamedTuple):
    """One thing looked at."""

    subject: str
    found: str
    state: str
    """"ok", "note" or "problem"."""
    advice: str = ""


def checks() -> Iterator[Check]:
    """Look at everything."""
    from lwprof.cli.machine_checks import machine_checks

    yield from _libraries()
    yield from _backends()
    yield _emulation()
    yield from _conversions()
    yield from machine_checks()


def _libraries() -> Iterator[Check]:
    import importlib.metadata
    import platform

    yield Check("python", platform.python_version(), "ok")
    try:
        version, requirements = importlib.metadata.version("lwprof"), importlib.metadata.requires("lwprof") or []
    except importlib.metadata.PackageNotFoundError:
        yield Check("lwprof", "not installed as a package", "note", "pip install . in its folder")
        return
    yield Check("lwprof", version, "ok")
    yield from _required(requirements)


def _required(requirements: Iterable[str]) -> Iterator[Check]:
    """Check every requirement that holds always; one with a condition only if it is there."""
    import importlib.metadata

    for requirement in requirements:
        wanted, _, marker = requirement.partition(";")
        parts = re.match(r"\s*([\w.-]+)\s*(?:>=\s*([\w.]+))?", wanted)
        if parts is None or "extra" in marker:
            continue
        name, least = parts[1], parts[2] or "0"
        try:
            found = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            if not marker:
                yield Check(name, "missing", "problem", f"pip install '{wanted.strip()}'")
            continue
        if _numbers(found) < _numbers(least):
            yield Check(name, found, "problem", f"pip install '{wanted.strip()}'")
        else:
            yield Check(name, found, "ok")


def _numbers(version: str) -> list[int]:
    """Compare as much of a version as orders releases."""
    return [int(number) for number in re.findall(r"\d+", version.partition("+")[0])[:3]]


def _backends() -> Iterator[Check]:
    from lwprof.timing.backends import BACKENDS

    try:
        importlib.import_module("torch")
        broken = ""
    except Exception as error:
        broken = f"torch cannot be imported ({first_line(error)})"
    for backend in BACKENDS:
        if broken:  # nothing runs, and nothing is converted, without it
            needed = backend.name == "torch"
            yield Check(_named(backend), broken, "problem" if needed else "note",
                        "pip install --force-reinstall torch" if needed else "")  # fmt: skip
        else:
            yield _backend(backend)


def _backend(backend: Backend) -> Check:
    """Whether a backend can be used, with which versions and where; only torch has to be there."""
    from lwprof.timing.backends import Options, usable
    from lwprof.timing.devices import EMULATED, SSH

    state = "problem" if backend.name == "torch" else "note"
    try:
        names = {kind: "ssh://board" if kind == SSH else kind for kind in backend.devices}
        reasons = {kind: usable(backend, Options(name)) for kind, name in names.items()}
        if EMULATED in reasons and reasons[EMULATED] is None:
            reasons[EMULATED] = _emulated()
        devices = [device for device, reason in reasons.items() if reason is None]
        if devices:
            versions = ", ".join(f"{name} {version}" for name, version in backend.versions().items())
            return Check(_named(backend), f"usable on {', '.join(devices)}: {versions}", "ok")
    except Exception as error:
        return Check(_named(backend), f"broken ({first_line(error)})", state, _again(backend))
    found, _, advice = str(next(iter(reasons.values()))).partition(": pip ")
    return Check(_named(backend), found, state, f"pip {advice}" if advice else "")


def _named(backend: Backend) -> str:
    return f"backend {backend.name}"


def _again(backend: Backend) -> str:
    from lwprof.timing.backends import install_line

    return install_line(backend).replace("install", "install --force-reinstall") if backend.extra else ""


def _emulated() -> str | None:
    """Say why nothing can be emulated; ``None`` where it can."""
    from lwprof.timing.emulation import counting

    try:
        counting.found()
    except BackendError as error:
        return str(error)
    return None


def _emulation() -> Check:
    from lwprof import units
    from lwprof.timing.emulation import counting, installation

    try:
        found = counting.found()
    except BackendError as error:
        what, _, advice = str(error).partition(": ")
        return Check(installation.NAME, what.removeprefix(f"{installation.NAME} is "), "note", advice)
    versions = ", ".join(f"{name} {version}" for name, version in found.versions.items())
    taken = f"{units.size(installation.size())} in {installation.folder()}"
    return Check(installation.NAME, f"{versions}; {taken}", "ok", f"{installation.REMOVE} removes it")


def _conversions() -> Iterator[Check]:
    from lwprof.timing.conversions import cache

    kept, size = cache.contents()
    remedy = "lwprof doctor --clear-cache removes them" if size else ""
    yield Check("cache", f"{amount(kept, size)} in {cache.cache_folder()}", "ok", remedy)


def amount(conversions: int, size: int) -> str:
    """Write how many conversions there are, and what they take."""
    from lwprof import units

    return f"{units.number_of(conversions, 'conversion')} ({units.size(size)})"
