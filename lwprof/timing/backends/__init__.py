"""The runtimes that networks are timed on. To add one: its file, and its place in ``BACKENDS``."""

from __future__ import annotations

from numbers import Integral

from lwprof.errors import InputError, near
from lwprof.timing import devices
from lwprof.timing.backends.executorch import ExecuTorch
from lwprof.timing.backends.litert import LiteRt
from lwprof.timing.backends.ncnn import Ncnn
from lwprof.timing.backends.onnxruntime import OnnxRuntime
from lwprof.timing.backends.openvino import OpenVino
from lwprof.timing.backends.torch_compile import TorchCompile
from lwprof.timing.backends.torch_cudagraphs import TorchCudaGraphs
from lwprof.timing.backends.torch_eager import TorchEager
from lwprof.timing.contract import (
    CHANNELS_LAST,
    CONTIGUOUS,
    MOST_THREADS,
    Backend,
    Conversion,
    Loaded,
    Options,
    Source,
)

__all__ = [
    "BACKENDS",
    "CHANNELS_LAST",
    "CONTIGUOUS",
    "DEFAULT",
    "DEFAULT_ON_ARM",
    "DTYPES",
    "MOST_THREADS",
    "Backend",
    "Conversion",
    "Loaded",
    "Options",
    "Source",
    "check",
    "install_line",
    "named",
    "usable",
]

BACKENDS: tuple[Backend, ...] = (
    TorchEager(),
    TorchCompile(),
    TorchCudaGraphs(),
    OnnxRuntime(),
    OpenVino(),
    Ncnn(),
    ExecuTorch(),
    LiteRt(),
)

DTYPES = tuple(dict.fromkeys(dtype for backend in BACKENDS for dtype in backend.dtypes))

DEFAULT, DEFAULT_ON_ARM = "torch", "ncnn"
"""Backends that are taken where none is named."""


def named(name: str) -> Backend:
    """Give the backend called ``name``.

    Raises:
        InputError: there is none; the message lists those there are.
    """
    for backend in BACKENDS:
        if backend.name == name:
            return backend
    known = [backend.name for backend in BACKENDS]
    hint = near(name, known) or f"; there is {', '.join(known)}"
    raise InputError(f"unknown backend {name!r}{hint}")


def check(options: Options) -> None:
    """Refuse options that no backend knows.

    Raises:
        InputError: the message lists what there is.
    """
    for name, number in (("threads", options.threads), ("seed", options.seed)):
        if not isinstance(number, Integral) or isinstance(number, bool):
            raise InputError(f"{name} must be a whole number, not {number!r}")
    if options.seed < 0:
        raise InputError(f"seed must be 0 or more, not {options.seed}")
    if not 1 <= options.threads <= MOST_THREADS:
        wanted = "1 or more" if options.threads < 1 else f"at most {MOST_THREADS}"
        raise InputError(f"cannot run on {options.threads} threads; give {wanted}")
    devices.parse(options.device)
    for what, given, known in (
        ("dtype", options.dtype, ("", *DTYPES)),
        ("layout", options.layout, (CONTIGUOUS, CHANNELS_LAST)),
    ):
        if given not in known:
            raise InputError(f"unknown {what} {given!r}; there is {', '.join(filter(None, known))}")


def usable(backend: Backend, options: Options) -> str | None:
    """Say why a backend cannot be used with ``options``, and what to do; ``None`` where it can."""
    device = devices.parse(options.device)
    if device.kind not in backend.devices:
        given = device.kind if device.kind == devices.EMULATED else device.name
        return f"backend {backend.name} has no device {given!r}; it has {devices.shown(backend.devices)}"
    for what, given, offered in (
        ("dtype", options.dtype, ("", *backend.dtypes)),
        ("layout", options.layout, backend.layouts),
    ):
        if given not in offered:
            return f"backend {backend.name} has no {what} {given!r}; it has {', '.join(filter(None, offered))}"
    reason = backend.unavailable(device.kind)
    if reason is None or not backend.extra or "pip install" in reason:
        return reason
    return f"{reason}: {install_line(backend)}"


def install_line(backend: Backend) -> str:
    """The line that installs what a backend needs."""
    return f"pip install 'lwprof[{backend.extra}]'"
