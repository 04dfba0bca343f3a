"""backends.md: what every backend offers, and which networks of the catalogue it runs."""

from __future__ import annotations

import sys
from typing import NamedTuple

from lwprof.models import catalog
from lwprof.reports import render
from lwprof.reports.contents import Column, Table
from lwprof.timing import devices
from lwprof.timing.backends import BACKENDS, DEFAULT, DEFAULT_ON_ARM, Backend, install_line
from pages.notice import GENERATED


class Lack(NamedTuple):
    """What a backend lacks for a network, and what of it its error names."""

    what: str
    named: str


ADDER = Lack("the adder operator (lwprof::adder2d)", "adder2d")


APART = ("executorch", "litert")
"""Backends that the project's tests do not install."""

REFUSED: dict[str, dict[str, Lack]] = {
    "onnxruntime": {"addernet_resnet20": ADDER, "addernet_resnet50": ADDER},
    "openvino": {"addernet_resnet20": ADDER, "addernet_resnet50": ADDER},
    "ncnn": {
        "addernet_resnet20": ADDER,
        "addernet_resnet50": ADDER,
        "mbv2_sa": Lack("a reshape that its shuffle attention makes", "Reshape"),
    },
    **{name: {"addernet_resnet20": ADDER, "addernet_resnet50": ADDER} for name in APART},
}
"""What lacks in a backend to run a network; a test runs every network on every backend that it finds installed."""


def page() -> str:
    """Every backend: what it offers, what it needs, and the catalogue's networks that it does not run."""
    offers = (
        "What `lwprof compare --backend` runs networks on; [timing.md](timing.md) says how, and what is checked "
        "before. `lwprof doctor` shows which can be used here."
    )
    networks = (
        "At its defaults, every network of the catalogue is run on every installed backend by a test. "
        f"{' and '.join(APART)} are asked where they are installed, which they are not for the project's own tests. "
        "A backend that lacks an operator names it and the module that runs it; the other rows of a table go on."
    )
    on_arm = (
        f"`{devices.EMULATED}` stands for `{devices.EMULATED}:{devices.CORES[0]}`; "
        f"{' and '.join(f'`{core}`' for core in devices.CORES[1:])} are emulated as well ([arm.md](arm.md)). "
        "Boards need Python and the runtime ([boards.md](boards.md)). "
        f"Where no backend is named, both take {DEFAULT_ON_ARM}, and the other devices {DEFAULT}."
    )
    parts = [GENERATED, "# Backends", offers, _offers(), on_arm, "## Networks", networks, _networks()]
    return "\n\n".join(parts) + "\n"


def _offers() -> str:
    columns = tuple(Column(name, name) for name in ("backend", "what it is", "devices", "dtypes", "layouts", "install"))
    rows = [
        (
            backend.name,
            _described(backend),
            devices.shown(backend.devices),
            ", ".join(backend.dtypes),
            ", ".join(backend.layouts),
            install_line(backend) if backend.extra else "comes with lwprof",
        )
        for backend in BACKENDS
    ]
    return render(Table.of("backends", columns, rows), "markdown").rstrip()


def _described(backend: Backend) -> str:
    """The first line of its file."""
    first, _, _ = str(sys.modules[type(backend).__module__].__doc__).partition("\n")
    return first.removesuffix(".").replace("``", "")


def _networks() -> str:
    shown = [backend for backend in BACKENDS if "cpu" in backend.devices and backend.name not in APART]
    columns = (Column("name", "network"), *(Column(backend.name, backend.name) for backend in shown))
    rows = [(name, *(_answer(backend, name) for backend in shown)) for name in catalog.entries()]
    return render(Table.of("conversions", columns, rows), "markdown").rstrip()


def _answer(backend: Backend, name: str) -> str:
    lack = REFUSED.get(backend.name, {}).get(name)
    return "yes" if lack is None else f"no: lacks {lack.what}"
