"""``lwprof report``: show saved results again."""

from __future__ import annotations

from pathlib import Path

import click

from lwprof.cli.options import debug_option, layer_options, view_option
from lwprof.cli.output import destination, output_options
from lwprof.errors import InputError


@click.command("report", short_help="Show saved results again.")
@click.argument("files", metavar="RESULT.json...", nargs=-1, required=True, type=click.Path(path_type=Path))
@view_option
@layer_options
@output_options
@debug_option
def report_command(
    files: tuple[Path, ...],
    view: str,
    depth: int,
    sort: str | None,
    top: int | None,
    format_name: str | None,
    output: Path | None,
) -> None:
    """Show saved results again, in any format."""
    target = destination(format_name, output)
    from lwprof import results

    loaded = [results.load(file) for file in files]
    if len(loaded) > 1 and target.format in ("csv", "json"):
        raise InputError(f"{len(loaded)} results do not fit into one {target.format} document; give one at a time")
    target.write(*loaded, view=view, depth=depth, sort=sort, top=top)
