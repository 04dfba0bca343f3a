"""Entry: the ``lwprof`` command, its list of commands, and the exit code of everything that can go wrong."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from typing import Any

import click

import lwprof
from lwprof.cli import completion
from lwprof.cli.audit_command import audit_command
from lwprof.cli.compare_command import compare_command
from lwprof.cli.crosscheck_command import crosscheck_command
from lwprof.cli.doctor_command import doctor_command
from lwprof.cli.experiment_command import experiment_command
from lwprof.cli.explain_command import explain_command
from lwprof.cli.list_command import list_command
from lwprof.cli.options import DEBUG_ADVICE, debug_option
from lwprof.cli.output import abandon, abandon_stdout, open_streams
from lwprof.cli.profile_command import profile_command
from lwprof.cli.report_command import report_command
from lwprof.cli.roofline_command import roofline_command
from lwprof.cli.show_command import show_command
from lwprof.errors import INTERRUPTED, LwprofError, described

COMMANDS = (
    list_command,
    show_command,
    profile_command,
    compare_command,
    audit_command,
    explain_command,
    crosscheck_command,
    experiment_command,
    roofline_command,
    report_command,
    doctor_command,
)
"""Every command, in the order in which somebody meets them."""

LONGEST_WORD = 160
"""Of an error line, in letters: paths are shorter, only absurd specs are not."""


class _Group(click.Group):
    """A group that lists its commands in the order of :data:`COMMANDS`."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)

    def make_context(self, *arguments: Any, **options: Any) -> click.Context:
        """Parse the line; a reader of the help who has gone (``head``) is no error."""
        with _departures():
            return super().make_context(*arguments, **options)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; Ctrl-C does not write the empty line of click's own."""
        try:
            with _departures():
                return super().invoke(ctx)
        except KeyboardInterrupt as error:
            raise click.Abort from error


@contextlib.contextmanager
def _departures() -> Iterator[None]:
    """End quietly where nobody reads any more; click would end with 1."""
    try:
        yield
    except BrokenPipeError as error:
        abandon_stdout()
        raise click.exceptions.Exit(0) from error


@click.group(
    cls=_Group,
    commands={command.name or "": command for command in COMMANDS},
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 done, 1 a gate found something, 2 the request or input was wrong, 3 a backend or "
    "library is not available, 4 internal error, 130 interrupted.",
)
@click.version_option(lwprof.__version__, message="%(prog)s %(version)s")
@debug_option
@click.pass_context
def group(ctx: click.Context) -> None:
    """Show what convolutional networks cost, why, and how long they take.

    A network is named by a model spec: mbv2 · mbv2:width=0.75,resolution=160 · path/net.py:TinyNet ·
    pkg.mod:make_net · timm:lcnet_050 · torchvision:resnet18 · net.onnx
    """
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    state: dict[str, bool] = {}
    open_streams()
    try:
        with _noted(state):
            code = group.main(
                None if arguments is None else list(arguments),
                prog_name="lwprof",
                complete_var=completion.VARIABLE,
                standalone_mode=False,
                obj=state,
            )
        sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except BrokenPipeError:
        abandon_stdout()
        return 0
    except (KeyboardInterrupt, click.Abort) as error:
        return _fail("interrupted", INTERRUPTED, error, state)
    except click.ClickException as error:
        return _fail(_usage(error), 2, error, state)
    except LwprofError as error:
        return _fail(str(error), error.exit_code, error, state)
    except SystemExit as error:
        if completion.VARIABLE in os.environ:
            raise
        return _fail(*described(error), error, state)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            return _internal(error, state)
        abandon_stdout()
        return _fail("cannot write to standard output: no space left", 2, error, state)
    except BaseException as error:  # also what a network's own code may raise, such as GeneratorExit
        return _internal(error, state)


@contextlib.contextmanager
def _noted(state: dict[str, bool]) -> Iterator[None]:
    """Note Ctrl-C in ``state``, since libraries lose it: torch goes on without numpy where it hits numpy's import."""

    def note(*_: object) -> None:
        state["interrupted"] = True
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread() or (
        signal.getsignal(signal.SIGINT) is not signal.default_int_handler
    ):
        yield
        return
    signal.signal(signal.SIGINT, note)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _internal(error: BaseException, state: dict[str, bool]) -> int:
    if state.get("interrupted"):
        return _fail("interrupted", INTERRUPTED, error, state)
    message, code = described(error)
    advice = "" if state.get("debug") or code != LwprofError.exit_code else DEBUG_ADVICE
    return _fail(f"{message}{advice}", code, error, state)


def _fail(message: str, code: int, error: BaseException, state: dict[str, bool]) -> int:
    try:
        if state.get("debug"):
            import traceback

            traceback.print_exception(error)
        from lwprof.reports.contents import printable

        click.echo(f"error: {_clipped(printable(' '.join(message.split())))}", err=True)
    except OSError:  # nobody reads it, or there is no room for it: the exit code remains
        abandon_stdout()
        abandon(sys.stderr)
    return code


def _clipped(message: str) -> str:
    r"""Cut the middle out of very long words, and write bytes that are no text as such.

    >>> _clipped("unknown network 'm\\udcff'"), len(_clipped("m" * 5000))
    ("unknown network 'm\\xff'", 82)
    """
    message = re.sub(r"\\udc([89a-f][0-9a-f])", r"\\x\1", message)
    return re.sub(rf"\S{{{LONGEST_WORD + 1},}}", lambda word: f"{word[0][:60]}…{word[0][-21:]}", message)


def _usage(error: click.ClickException) -> str:
    message = error.format_message().rstrip(".").replace(". Did you mean", "; did you mean")
    message = message[:1].lower() + message[1:]
    context = getattr(error, "ctx", None)
    if context is None:
        return message
    return f"{message}{'' if message.endswith('?') else ';'} see {context.command_path} --help"
