"""The page of an experiment."""

from __future__ import annotations

from lwprof.reports.contents import Page
from lwprof.reports.options import Options
from lwprof.results import ExperimentResult


def page(result: ExperimentResult, options: Options) -> Page:
    """Lay it out."""
    return Page("", ())
