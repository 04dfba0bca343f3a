"""Options and arguments that several commands share."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.shell_completion import CompletionItem

from lwprof import units
from lwprof.cli.completion import complete_spec

if TYPE_CHECKING:
    from lwprof.models.specs import Size

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
DEBUG_ADVICE = "; run again with --debug for the traceback"


class InputSize(click.ParamType["Size"]):
    """Size of one input without the batch: ``3x224x224`` or ``3,224,224``, and ``16:int64`` for another dtype."""

    name = "SIZE"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Size:
        from lwprof.models import specs

        return specs.input_size(value) if isinstance(value, str) else value


class IntegerRange(click.IntRange):
    """A range of integers."""

    name = "integer"


class FiniteRange(click.FloatRange):
    """A range of numbers, to which "nan" does not belong."""

    name = "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value} is not a finite number", param, ctx)
        return number


class Amount(click.ParamType[Decimal]):
    """A count with a unit prefix: ``150M``, ``600k``, ``1.2G``, or in full ``4_000_000``.

    >>> Amount().convert("4.2M", None, None) == 4_200_000, Amount().convert("5e5", None, None) == 500_000
    (True, True)
    """

    name = "NUMBER"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Decimal:
        if isinstance(value, Decimal):
            return value
        number = units.amount(value)
        if number is None:
            self.fail(f"{value!r} is not a number such as 150M, 600k or 4000000", param, ctx)
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


spec_argument = click.argument("spec", shell_complete=complete_spec)
specs_argument = click.argument("specs", metavar="SPEC...", nargs=-1, required=True, shell_complete=complete_spec)

input_size_option = click.option(
    "--input-size",
    "input_sizes",
    type=InputSize(),
    multiple=True,
    help="Size of an input without the batch, such as 3x32x32 or 16:int64; repeat it for several inputs. "
    "Default: the network's usual size, else 3x224x224.",
)
inputs_option = click.option(
    "--inputs",
    metavar="NAME",
    help="Function that makes the inputs: NAME in the network's own file or module, FILE.py:NAME or pkg.mod:NAME. It "
    "returns a tensor, a tuple, or a dict by keyword, which are taken as they are, batch included.",
)
weights_option = click.option(
    "--weights",
    metavar="FILE",
    type=click.Path(),
    help="Weights to load: a state_dict as .pth, .pt or .safetensors.",
)


def _files_or_none(_: click.Context, __: click.Parameter, given: tuple[str, ...]) -> tuple[str | None, ...]:
    return tuple(None if file == "-" else file for file in given)


weights_files_option = click.option(
    "--weights",
    "weights_files",
    metavar="FILE",
    multiple=True,
    type=click.Path(),
    callback=_files_or_none,
    help="Weights to load, as for profile; repeat it for each network in their order, with - for none.",
)
block_option = click.option("--block", metavar="TYPE", help="Class of the building block, where the guess is wrong.")

batch_option = click.option(
    "--batch", type=IntegerRange(1, LARGEST), default=1, show_default=True, help="Images in one call."
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
    positive = IntegerRange(min=1)
    for option in (
        click.option("--top", type=positive, help="Show only so many layers, the costliest first."),
        click.option(
            "--sort",
            type=OneOf(_sorts),
            help="List layers by their own cost instead of the tree; by time, where they are timed.",
        ),
        click.option("--depth", type=positive, default=2, show_default=True, help="Depth of the layer tree."),
    ):
        command = option(command)
    return command
