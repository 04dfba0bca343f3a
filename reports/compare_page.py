"""The page of a comparison, or of several from different machines: structure, latency, accuracy in one table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from lwprof import units
from lwprof.reports import compare_details, compare_instructions, compare_notes, compare_table, runs
from lwprof.reports.contents import Page
from lwprof.reports.options import Options
from lwprof.reports.timed_settings import Settings
from lwprof.results.latency import CompareResult


def page(result: CompareResult, options: Options) -> Page:
    """Lay out a comparison."""
    return _page(_compared(len(result.models)), *runs.of_one(result), options)


def page_of_several(named: Sequence[tuple[str, CompareResult]], options: Options) -> Page:
    """Lay out comparisons, each with the name of its file, in one table."""
    found, networks = runs.of_several(named)
    most: Counter[tuple[str, str]] = Counter()  # of each network in one file; one that is shown apart is one
    for _, result in named:
        most |= Counter((model.model.name, model.model.spec) for model in result.models)
    return _page(f"{_compared(most.total())} in {len(named)} files", found, networks, options)


def _compared(count: int) -> str:
    return f"{units.number_of(count, 'network')} compared"


def _page(title: str, found: Sequence[runs.Run], networks: Sequence[runs.Network], options: Options) -> Page:
    settings = Settings.of(found)
    tables = [compare_table.table(found, networks, settings, options.view)]
    if settings.timings:
        tables.append(compare_details.table(found, networks, settings))
    if settings.counts:
        tables.append(compare_instructions.table(networks, settings, len(found) > 1))
    return Page(title, tuple(tables), tuple(compare_notes.notes(found, networks, settings, options.view)))
