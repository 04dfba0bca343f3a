"""networks.md: every network of the catalogue."""

from __future__ import annotations

import re

import lwprof
from lwprof import units
from lwprof.cli.card import card
from lwprof.models import aliases, catalog
from lwprof.reports import phrases, render
from lwprof.reports.contents import Column, Table
from pages.notice import GENERATED


def page() -> str:
    """Every network of the catalogue: options, exact counts, published figures and where they differ."""
    introduction = (
        "Every network of the catalogue (`architectures/catalog.toml`), in the order of `lwprof list`. "
        "Params and mult-adds are exact and recounted by a test. Published figures are as printed: params and "
        "mult-adds in millions, top-1 on ImageNet unless another data set is named. A figure agrees if it is within "
        "one unit of its last printed digit; one that does not is marked ≠, and a remark below says why."
    )
    glance = (
        "At its defaults, for one image, counted by `lwprof profile`: [params](conventions.md#parameters), "
        "[mult-adds](conventions.md#mult-adds), [memory access](conventions.md#mac-memory-access) in the paper's view, "
        "[peak activation](conventions.md#peak-activation), [fragments](conventions.md#fragments-branches-depth) of a "
        "building block on average and the most branches of one."
    )
    pages = [render(card(entry), "markdown").rstrip() for entry in catalog.entries().values()]
    others = [render(_others(), "markdown").rstrip()]
    parts = [GENERATED, "# Networks", introduction, "## At a glance", glance, _glance(), *pages]
    parts += ["## Networks of other libraries", OTHERS, *others]
    return "\n\n".join(parts) + "\n"


OTHERS = (
    "Names (`architectures/aliases.toml`) that a command takes like those above, once the library is installed. "
    "`lwprof list --all` lists them too."
)


def _glance() -> str:
    """One line a network, which leads to its card."""
    columns = (
        Column("name", "network"),
        Column("year", "year", align="right"),
        Column("resolution", "resolution", align="right"),
        Column("params", "params", align="right"),
        Column("mult_adds", "FLOPs (mult-adds)", align="right"),
        Column("additions", "additions", align="right"),
        Column("memory", "MAC (memory access)", align="right"),
        Column("peak", "peak activation", align="right"),
        Column("fragments", "fragments / branches", align="right"),
        Column("top1", "top-1 published", align="right"),
    )
    rows = []
    for entry in catalog.entries().values():
        result = lwprof.profile(entry.name)
        totals, blocks = result.totals, result.fragmentation
        figures = result.published
        top1 = units.accuracy(figures.top1) + phrases.elsewhere(figures) if figures and figures.top1 else "–"
        rows.append(
            (
                entry.name,
                str(entry.year),
                str(entry.resolution),
                totals.params,
                totals.mult_adds,
                totals.additions or "",
                totals.memory_access.paper_elements,
                units.size(totals.peak_activation_bytes),
                f"{blocks.mean_fragments or 0:.2f} / {blocks.max_branches}",
                top1,
            )
        )
    text = render(Table.of("networks", columns, rows), "markdown").rstrip()
    for entry in catalog.entries().values():
        anchor = re.sub(r"[^\w\- ]", "", f"{entry.name}: {entry.title}".lower()).replace(" ", "-")
        text = text.replace(f"\n| {entry.name} |", f"\n| [{entry.name}](#{anchor}) |")
    return text


def _others() -> Table:
    """The networks of other libraries that have a name, a line for each paper."""
    columns = (
        Column("title", "title"),
        Column("names", "names"),
        Column("spec", "stand for"),
        Column("paper", "paper"),
    )
    papers: dict[tuple[str, str], list[aliases.Alias]] = {}
    for alias in aliases.entries().values():
        papers.setdefault((alias.title, alias.paper), []).append(alias)
    rows = [
        (title, [alias.name for alias in found], [alias.spec for alias in found], f"{paper} ({found[0].year})")
        for (title, paper), found in papers.items()
    ]
    return Table.of("aliases", columns, rows)
