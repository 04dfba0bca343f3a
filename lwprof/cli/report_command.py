"""``lwprof report``: show saved results again."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import click

from lwprof.cli.options import debug_option, layer_options, view_option
from lwprof.cli.output import destination, output_options

SHOWS = ("audits", "profiles")


@click.command("report", short_help="Show saved results again.")
@click.argument("files", metavar="RESULT.json...", nargs=-1, required=True, type=click.Path(path_type=Path))
@view_option
@layer_options
@click.option(
    "--folder",
    metavar="FOLDER",
    default="",
    help="Where an audit ran, from the root of the repository: sarif, junit and github name files from there.",
)
@partial(output_options, shows=SHOWS)
@debug_option
def report_command(
    files: tuple[Path, ...],
    view: str,
    depth: int,
    sort: str | None,
    top: int | None,
    folder: str,
    format_name: str | None,
    output: Path | None,
) -> None:
    """Show saved results again, in any format.

    Several comparisons, of several machines say, are one table, with the file before each setting; ratios are those of
    each file. Several results of one kind are one CSV, with the file in its first column; several of any kind are one
    array in JSON.
    """
    target = destination(format_name, output, shows=SHOWS)
    from lwprof.results import loading

    loaded = [(str(file), loading.load(file)) for file in files]
    target.write_all(loaded, view=view, depth=depth, sort=sort, top=top, folder=folder)
