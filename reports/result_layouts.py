"""Result layouts: which module lays out which kind of result."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lwprof.reports import audit_page, compare_page, crosscheck_page, experiment_page, profile_page, roofline_page, rows
from lwprof.reports.contents import Page
from lwprof.reports.formats import Named
from lwprof.reports.options import Options
from lwprof.results.audit import AuditResult
from lwprof.results.crosscheck import CrosscheckResult
from lwprof.results.experiment import ExperimentResult
from lwprof.results.latency import CompareResult
from lwprof.results.loading import Result
from lwprof.results.profile import ProfileResult
from lwprof.results.roofline import RooflineResult


def page(result: Result, options: Options) -> Page:
    """Lay a result out for people."""
    match result:
        case ProfileResult():
            return profile_page.page(result, options)
        case CompareResult():
            return compare_page.page(result, options)
        case CrosscheckResult():
            return crosscheck_page.page(result)
        case AuditResult():
            return audit_page.page(result, options)
        case RooflineResult():
            return roofline_page.page(result, options)
        case ExperimentResult():
            return experiment_page.page(result, options)


def page_of_several(named: Sequence[Named], options: Options) -> Page | None:
    """Lay two or more comparisons out in one page; ``None`` where something else is among them."""
    compared = [(name, content) for name, content in named if isinstance(content, CompareResult)]
    return compare_page.page_of_several(compared, options) if 1 < len(compared) == len(named) else None


def records(result: Result) -> list[dict[str, Any]]:
    """Lay a result out for machines: one dict a row, raw values under the JSON's keys."""
    match result:
        case ProfileResult():
            return rows.profile(result)
        case CompareResult():
            return rows.comparison(result)
        case CrosscheckResult():
            return rows.crosscheck(result)
        case AuditResult():
            return rows.audit(result)
        case RooflineResult():
            return rows.roofline(result)
        case ExperimentResult():
            return rows.experiment(result)
