"""Pinning: threads of this process on the cores that somebody chose, while networks are loaded and timed."""

from __future__ import annotations

import platform
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from lwprof.errors import BackendError, InputError
from lwprof.timing import devices
from lwprof.timing.contract import ALL_CORES, Options
from lwprof.timing.portable import cores
from lwprof.timing.portable.affinity import CAN_PIN, Affinity


def check(choices: Sequence[Options]) -> None:
    """Tell whether cores can be chosen as they are; a board says so itself, once it is reached.

    Raises:
        InputError: there are no such cores here, or nothing is timed.
        BackendError: this system does not let threads be pinned.
    """
    chosen = [options for options in choices if options.cores != ALL_CORES]
    for options in chosen:
        try:
            cores.check(options.cores)
        except ValueError as error:
            raise InputError(str(error)) from error
    if chosen and all(devices.parse(options.device).kind == devices.EMULATED for options in choices):
        raise InputError("instructions are the same on all cores of this machine: do not choose cores for arm-emulated")
    found_here(chosen)


def found_here(choices: Sequence[Options]) -> tuple[int, ...]:
    """Find the processors of this machine that were chosen; none where nothing was.

    Raises:
        InputError: there are no such cores here.
        BackendError: this system does not let threads be pinned.
    """
    text = next((options.cores for options in choices if not devices.parse(options.device).is_arm), ALL_CORES)
    if text == ALL_CORES:
        return ()
    if not CAN_PIN:
        system = {"Darwin": "macOS"}.get(platform.system(), platform.system())
        raise BackendError(f"threads cannot be pinned to cores on {system}: leave the choice of cores out")
    try:
        return cores.chosen(text, cores.processors())
    except ValueError as error:
        raise InputError(str(error)) from error


@contextmanager
def pinned(chosen: Sequence[int]) -> Iterator[Affinity]:
    """Pin all threads to processors, and put them back; they run wherever they could where none was chosen."""
    affinity = Affinity(chosen)
    try:
        affinity.pin()
        yield affinity
    finally:
        affinity.restore()
