"""Targets: a backend with the options that it runs with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from lwprof.errors import BackendError, InputError
from lwprof.results.latency import Untimed
from lwprof.timing import devices, pinning
from lwprof.timing.backends import (
    CONTIGUOUS,
    DEFAULT,
    DEFAULT_ON_ARM,
    Backend,
    Options,
    check,
    named,
    usable,
)
from lwprof.timing.devices import Device
from lwprof.timing.emulation import counting


@dataclass(frozen=True, slots=True)
class Target:
    """What networks are timed on."""

    backend: Backend
    options: Options
    unusable: str | None = None
    """Why it cannot be used here, and what to do."""

    @property
    def setting(self) -> str:
        """Name it: the backend, and what else was chosen."""
        options = self.options
        parts = (
            self.backend.name,
            options.device if options.device != "cpu" else "",
            options.dtype,
            options.layout if options.layout != CONTIGUOUS else "",
            "cold L2" if options.cold_l2 else "",
        )
        return " ".join(filter(None, parts))

    @property
    def device(self) -> Device:
        """Where it runs."""
        return devices.parse(self.options.device)

    @property
    def is_counted(self) -> bool:
        """Whether instructions are counted on it instead of time."""
        return self.device.kind == devices.EMULATED

    @property
    def is_reference(self) -> bool:
        """Whether others are held against what it computes."""
        return self.unusable is None and self.backend.is_reference(self.options)

    def untimed(self, reason: str, difference: float | None = None, *, failed: bool = True) -> Untimed:
        """Put down that a network was not timed on it."""
        return Untimed(self.backend.name, self.options.device, self.setting, reason, difference, failed)


def find_targets(backends: Sequence[str], choices: Sequence[Options] = (Options(),)) -> tuple[Target, ...]:
    """Combine backends with options; where no backend is named, each device takes its own.

    A combination that cannot be used is left out where its backend can be used otherwise, and its options on
    another backend; else it is a target that is not timed, with the reason.

    Raises:
        InputError: a backend, device, dtype or layout is unknown, or there are no such cores.
        BackendError: none can be used, or threads cannot be pinned to cores here.
    """
    for options in choices:
        check(options)
    choices = [_possible(options) for options in choices]
    pinning.check(choices)
    wanted = (
        [(name, options) for name in backends for options in choices]
        if backends
        else [(_default(options), options) for options in choices]
    )
    found = [
        Target(backend, options, _unusable(backend, options))
        for name, options in dict.fromkeys(wanted)
        for backend in [named(name)]
    ]
    good = [target for target in found if target.unusable is None]
    if not good:
        raise BackendError(str(found[0].unusable))
    names, used = {target.backend.name for target in good}, {target.options for target in good}
    return tuple(
        target
        for target in found
        if target.unusable is None or target.backend.name not in names or target.options not in used
    )


def names(given: str | Sequence[str], what: str) -> Sequence[str]:
    """Take one name or several.

    Raises:
        InputError: it is neither.
    """
    found = [given] if isinstance(given, str) else given
    if not isinstance(found, Sequence) or not found or not all(isinstance(name, str) for name in found):
        raise InputError(f"{what} must be a name, or a list of names, not {given!r}")
    return found


def _default(options: Options) -> str:
    return DEFAULT_ON_ARM if devices.parse(options.device).is_arm else DEFAULT


def _possible(options: Options) -> Options:
    """Name a device as results do; one thread at a time is emulated."""
    device = devices.parse(options.device)
    threads = 1 if device.kind == devices.EMULATED else options.threads
    return replace(options, device=device.name, threads=threads)


def _unusable(backend: Backend, options: Options) -> str | None:
    """Say why a backend cannot be used, or what it would run on is not there."""
    reason = usable(backend, options)
    device = devices.parse(options.device)
    return counting.unavailable(device, options.dtype) if reason is None and device.kind == devices.EMULATED else reason
