"""Options that say what to time on and for how long: backend, device, dtype, threads, cores; budget, precision."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click
from click.shell_completion import CompletionItem

from lwprof.cli.options import FiniteRange, IntegerRange
from lwprof.timing.contract import ALL_CORES, CHANNELS_LAST, CONTIGUOUS, MOST_THREADS

F = TypeVar("F", bound=Callable[..., Any])

DEVICES_TIMED = "Where to time: cpu, cuda, ssh://user@board"
WHERE = f"{DEVICES_TIMED}; on arm-emulated, instructions are counted."
PINNED = "Pin all threads to cores: big, little, or numbers such as 0,2-3."
BY_DEVICE = "ncnn on boards and arm-emulated, else torch"
LAYOUTS = click.Choice([CONTIGUOUS, CHANNELS_LAST])
IMAGES_LIE = "How images lie in memory."


class Name(click.ParamType[str]):
    """Name of a backend, a device or a dtype; an unknown one is refused before any work."""

    def __init__(self, what: str) -> None:
        self.what = what
        self.name = what.upper()

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        from lwprof.timing import backends

        name = str(value).strip()
        if not name:
            self.fail(f"name a {self.what}; there is {', '.join(_known(self.what))}", param, ctx)
        if "," in name:
            self.fail(f"name one {self.what}, not several: {name!r}", param, ctx)
        if self.what == "backend":
            backends.named(name)
        else:
            backends.check(backends.Options(device=name) if self.what == "device" else backends.Options(dtype=name))
        return name

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        return [CompletionItem(name) for name in _known(self.what) if name.startswith(incomplete)]


class Cores(click.ParamType[str]):
    """Which processors to pin threads to; what nobody can read is refused before any work."""

    name = "CORES"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        from lwprof.timing.portable import cores

        try:
            cores.check(text := str(value).strip())
        except ValueError as error:
            self.fail(str(error), param, ctx)
        return text

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        from lwprof.timing.portable import cores

        return [CompletionItem(name) for name in (cores.BIG, cores.LITTLE, cores.ALL) if name.startswith(incomplete)]


class Names(click.ParamType[tuple[str, ...]]):
    """Such names with commas between them, each once: ``torch,onnxruntime``."""

    def __init__(self, what: str) -> None:
        self.one = Name(what)
        self.name = f"{self.one.name},…"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        if not isinstance(value, str):
            return tuple(value)
        return tuple(dict.fromkeys(self.one.convert(name, param, ctx) for name in value.split(",")))

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        before, comma, last = incomplete.rpartition(",")
        given = before.split(",")
        return [
            CompletionItem(f"{before}{comma}{item.value}")
            for item in self.one.shell_complete(ctx, param, last)
            if item.value not in given
        ]


def _known(what: str) -> Sequence[str]:
    from lwprof.timing import backends, devices

    if what == "backend":
        return [backend.name for backend in backends.BACKENDS]
    return devices.SHOWN if what == "device" else backends.DTYPES


class Counts(click.ParamType[tuple[int, ...]]):
    """Numbers of threads with commas between them, each once: ``1,2``."""

    name = "NUMBER,…"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, ...]:
        if not isinstance(value, str):
            return tuple(value)
        one: click.ParamType[Any] = IntegerRange(1, MOST_THREADS)
        return tuple(dict.fromkeys(one.convert(number.strip(), param, ctx) for number in value.split(",")))


CORES = click.option("--cores", type=Cores(), default=ALL_CORES, show_default=True, help=PINNED)
THREADS = click.option("--threads", type=IntegerRange(1, MOST_THREADS), default=1, show_default=True,
                       help="Threads of the CPU, for each backend.")  # fmt: skip
SEVERAL_THREADS = click.option("--threads", type=Counts(), default=(1,), show_default="1",
                               help="Threads of the CPU, for each backend, with commas between several.")  # fmt: skip
COLD_L2 = click.option("--cold-l2", is_flag=True, help="Empty a GPU's L2 cache before every call.")
LAYOUT = click.option("--layout", type=LAYOUTS, default=CONTIGUOUS, show_default=True, help=IMAGES_LIE)
DTYPES = click.option("--dtype", "dtypes", type=Names("dtype"), default=(), show_default="the network's own",
                      help="What to compute in, with commas between several.")  # fmt: skip
DEVICES = click.option("--device", "devices", type=Names("device"), default="cpu", show_default=True,
                       help=f"{WHERE} Several with commas between them.")  # fmt: skip
DEVICES_HERE = click.option("--device", "devices", type=Names("device"), default="cpu", show_default=True,
                            help="Where to time: cpu, cuda, or both with a comma between them.")  # fmt: skip
BACKENDS = click.option("--backend", "backends", type=Names("backend"), default=(), show_default=BY_DEVICE,
                        help="What to time on, with commas between several.")  # fmt: skip
BACKENDS_HERE = click.option("--backend", "backends", type=Names("backend"), default=(), show_default="torch",
                             help="What to time on, with commas between several.")  # fmt: skip


def several_runtimes(command: F) -> F:
    """Add options of a command that times on several backends: all combinations, in the same rounds."""
    for option in (CORES, THREADS, COLD_L2, LAYOUT, DTYPES, DEVICES, BACKENDS):
        command = option(command)
    return command


def several_rooflines(command: F) -> F:
    """Add options of a command that measures ceilings: of all combinations, also of numbers of threads."""
    for option in (CORES, SEVERAL_THREADS, LAYOUT, DTYPES, DEVICES_HERE, BACKENDS_HERE):
        command = option(command)
    return command


def one_runtime(command: F, *, audits: bool = False) -> F:
    """Add options of a command that times on one backend; what is not given is ``None``.

    One that ``audits`` may count instructions instead, and has budgets.
    """
    return _one_backend(
        command,
        device=WHERE if audits else f"{DEVICES_TIMED}.",
        backend="What to time on" + "; latency budgets that name one are timed on theirs" * audits + ".",
        usual_backend=BY_DEVICE if audits else "ncnn on boards, else torch",
    )


def layer_runtime(command: F) -> F:
    """Add options of a command that may time layers on one backend; what is not given is ``None``."""
    return _one_backend(
        command,
        device="Where to time; layers are told apart on cpu.",
        backend="What to time on: torch or onnxruntime.",
        usual_backend="torch",
        layout=True,
    )


def _one_backend(command: F, *, device: str, backend: str, usual_backend: str, layout: bool = False) -> F:
    """Add options that are ``None`` unless they are given; ``device`` and ``backend`` are what these two say."""
    for option in (
        click.option("--cores", type=Cores(), show_default=ALL_CORES, help=PINNED),
        click.option("--threads", type=IntegerRange(1, MOST_THREADS), show_default="1",
                     help="Threads of the CPU."),
        *[click.option("--layout", type=LAYOUTS, show_default=CONTIGUOUS, help=IMAGES_LIE)] * layout,
        click.option("--dtype", type=Name("dtype"), show_default="the network's own", help="What to compute in."),
        click.option("--device", type=Name("device"), show_default="cpu", help=device),
        click.option("--backend", type=Name("backend"), show_default=usual_backend, help=backend),
    ):  # fmt: skip
        command = option(command)
    return command


def budget_option(usual: str, text: str = "Seconds of measuring for all of it together.") -> Callable[[F], F]:
    """Add ``--budget``, which is ``None`` unless it is given, and then ``usual``."""
    return click.option(
        "--budget",
        metavar="SECONDS",
        type=FiniteRange(min=0, min_open=True, max=86_400),
        show_default=usual,
        help=text,
    )


def precision_option(of: str = "every 95 % interval", default: float | None = 0.02) -> Callable[[F], F]:
    """Add ``--precision`` ``of`` some interval; where there is no ``default``, it is ``None`` unless it is given."""
    return click.option(
        "--precision",
        type=FiniteRange(min=0, min_open=True, max=1),
        default=default,
        show_default=default is not None or "0.02",
        help=f"Stop once {of} is at most this share of its median wide.",
    )


def margin_option(text: str) -> Callable[[F], F]:
    """Add ``--margin``; ``text`` says what becomes of a difference within it."""
    return click.option(
        "--margin",
        type=FiniteRange(min=0, max=1),
        default=0.01,
        show_default=True,
        help=f"A difference within this share {text}.",
    )


def seed_option(default: int | None = 0) -> Callable[[F], F]:
    """Add ``--seed``; where there is no ``default``, it is ``None`` unless it is given."""
    return click.option(
        "--seed",
        type=IntegerRange(0, 2**63 - 1),
        default=default,
        show_default=default is not None or "0",
        help="Seed of everything random.",
    )
