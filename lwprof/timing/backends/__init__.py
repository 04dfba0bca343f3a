"""The runtimes that networks are timed on. To add one: its file, and its place in ``BACKENDS``."""

from __future__ import annotations

from lwprof.errors import BackendError, InputError
from lwprof.timing.backends.contract import Backend, Inputs, Options, Session
from lwprof.timing.backends.torch_eager import TorchEager

__all__ = ["BACKENDS", "Backend", "Inputs", "Options", "Session", "find"]

BACKENDS: tuple[Backend, ...] = (TorchEager(),)


def find(name: str, options: Options) -> Backend:
    """Give the backend called ``name``, ready to be used with ``options``.

    Raises:
        InputError: there is no such backend, or an option has an impossible value.
        BackendError: the backend is not installed, or has no such device.
    """
    if options.threads < 1:
        raise InputError(f"cannot run on {options.threads} threads; give 1 or more")
    for backend in BACKENDS:
        if backend.name == name:
            break
    else:
        raise InputError(f"unknown backend {name!r}; there is {', '.join(backend.name for backend in BACKENDS)}")
    if options.device not in backend.devices:
        raise BackendError(f"backend {name} has no device {options.device!r}; it has {', '.join(backend.devices)}")
    if (reason := backend.unavailable()) is not None:
        raise BackendError(reason)
    return backend
