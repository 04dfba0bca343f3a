"""``lwprof experiment``: the ShuffleNetV2 paper's tables, measured here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

from lwprof.cli import gate, progress
from lwprof.cli.options import LARGEST, IntegerRange, debug_option
from lwprof.cli.output import destination, guests, output_options
from lwprof.cli.runtime_options import LAYOUT, budget_option, margin_option, one_runtime, precision_option, seed_option
from lwprof.timing.contract import ALL_CORES

TITLES = {
    "g1": "Table 1, equal channel widths",
    "g2": "Table 2, group convolutions",
    "g3": "Table 3, fragments",
    "g4": "Table 4, element-wise operations",
    "table8": "Table 8, networks of the catalogue",
}


def _complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
    return [CompletionItem(name, help=text) for name, text in TITLES.items() if name.startswith(incomplete.lower())]


def _plain(ctx: click.Context, param: click.Parameter, name: Any) -> str:
    from lwprof.experiments import check

    return check(str(name))


@click.command("experiment", short_help="Measure a table of the ShuffleNetV2 paper on this machine.")
@click.argument("name", metavar=f"[{'|'.join(TITLES)}]", callback=_plain, shell_complete=_complete)
@click.option(
    "--columns",
    metavar="NAME,…",
    default="",
    show_default="the GPU's on a GPU, else ARM's",
    help="Columns of the table with commas between them: 'ARM x1,ARM x2', all of arm or gpu, or all.",
)
@click.option(
    "--batch",
    type=IntegerRange(1, LARGEST),
    show_default="1; of table8 on a GPU 8",
    help="Images in one call.",
)
@LAYOUT
@one_runtime
@budget_option("12 for each column, 60 for table8")
@precision_option()
@margin_option("does not count")
@seed_option()
@output_options
@debug_option
def experiment_command(
    name: str,
    columns: str,
    batch: int | None,
    layout: str,
    backend: str | None,
    device: str | None,
    dtype: str | None,
    threads: int | None,
    cores: str | None,
    budget: float | None,
    precision: float,
    margin: float,
    seed: int,
    format_name: str | None,
    output: Path | None,
) -> int:
    """Measure a table of the ShuffleNetV2 paper (arXiv 1807.11164) on this machine.

    g1 to g4 are its Tables 1 to 4, one for each guideline: networks of equal mult-adds that differ in one thing.
    Speeds here and in the paper stand side by side, relative to the first row, and a sentence says whether the
    guideline holds here. table8 says how like the paper's devices this one ranks networks. Ctrl-C ends the timing and
    shows what was measured until then.
    """
    target = destination(format_name, output)
    from lwprof import experiments

    with progress.bar() as show, guests():
        result = experiments.experiment(
            name,
            columns=columns,
            backend=backend or "",
            device=device or "cpu",
            dtype=dtype or "",
            layout=layout,
            threads=threads or 1,
            cores=cores or ALL_CORES,
            batch=batch,
            budget_s=budget,
            precision=precision,
            margin=margin,
            seed=seed,
            progress=show,
        )
    target.write(result)
    if result.interrupted:
        return gate.interrupted(any(row.measured for row in result.rows))
    gate.timed(result.untimed)
    return 0
