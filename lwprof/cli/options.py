"""Options and arguments that several commands share."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.shell_completion import CompletionItem

from lwprof.errors import InputError

if TYPE_CHECKING:
    from lwprof.results import TensorSpec

F = TypeVar("F", bound=Callable[..., Any])

LARGEST = 2**31 - 1
"""Batch: more than any memory holds, and still a number that every library can take."""


def _note_debug(ctx: click.Context, _: click.Parameter, given: bool) -> None:
    if given and isinstance(ctx.obj, dict):
        ctx.obj["debug"] = True


debug_option = click.option(
    "--debug",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_note_debug,
    help="Show the traceback of an error.",
)


class InputSize(click.ParamType["TensorSpec"]):
    """Size of one input without the batch: ``3,224,224``, or ``16:int64`` for another dtype."""

    name = "SIZE"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> TensorSpec:
        from lwprof import specs

        return specs.input_size(value) if isinstance(value, str) else value


class FiniteRange(click.FloatRange):
    """A range of numbers, to which "nan" does not belong."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value} is not a finite number", param, ctx)
        return number


class OneOf(click.ParamType[str]):
    """A choice whose names are looked up only when somebody makes or completes it."""

    def __init__(self, names: Callable[[], Sequence[str]]) -> None:
        self.names = names
        self.name = "choice"

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        return f"[{'|'.join(self.names())}]"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if value not in self.names():
            self.fail(f"{value!r} is not one of {', '.join(self.names())}", param, ctx)
        return str(value)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        return [CompletionItem(name) for name in self.names() if name.startswith(incomplete)]


def complete_name(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete the name of a network of the catalogue."""
    from lwprof import catalog

    entries = catalog.entries().items()
    return [CompletionItem(name, help=entry.title) for name, entry in entries if name.startswith(incomplete)]


def complete_spec(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete a model spec: the catalogue's names, a network's options, else files."""
    from lwprof import catalog

    name, colon, options = incomplete.partition(":")
    if colon:
        try:
            entry = catalog.find(name)
        except InputError:
            return []
        given, comma, last = options.rpartition(",")
        known = [*(option.name for option in entry.options), "resolution"]
        return [
            CompletionItem(f"{name}:{given}{comma}{option}=", help="")
            for option in known
            if option.startswith(last) and f"{option}=" not in given
        ]
    return complete_name(ctx, param, incomplete) or [CompletionItem(incomplete, type="file")]


spec_argument = click.argument("spec", shell_complete=complete_spec)
specs_argument = click.argument("specs", metavar="SPEC...", nargs=-1, required=True, shell_complete=complete_spec)

input_size_option = click.option(
    "--input-size",
    "input_sizes",
    type=InputSize(),
    multiple=True,
    help="Size of an input without the batch, such as 3,32,32 or 16:int64; repeat it for several inputs. "
    "Default: the catalogue's resolution, else 3,224,224.",
)
block_option = click.option("--block", metavar="TYPE", help="Class of the building block, where the guess is wrong.")

batch_option = click.option(
    "--batch", type=click.IntRange(1, LARGEST), default=1, show_default=True, help="Images in one call."
)
strict_option = click.option("--strict", is_flag=True, help="Exit with 1 when an operator could not be counted.")


def _views() -> Sequence[str]:
    from lwprof.reports import VIEWS

    return VIEWS


def _sorts() -> Sequence[str]:
    from lwprof.reports import SORTS

    return SORTS


view_option = click.option(
    "--view", type=OneOf(_views), default="paper", show_default=True, help="View of memory access."
)


def layer_options(command: F) -> F:
    """Add what decides which layers a profile shows: ``--depth``, ``--sort`` and ``--top``."""
    positive = click.IntRange(min=1)
    for option in (
        click.option("--top", type=positive, help="Show only so many layers, the costliest first."),
        click.option("--sort", type=OneOf(_sorts), help="List layers by their own cost instead of the tree."),
        click.option("--depth", type=positive, default=2, show_default=True, help="Depth of the layer tree."),
    ):
        command = option(command)
    return command
