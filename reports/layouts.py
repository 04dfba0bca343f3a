"""Layouts: which module lays out which kind of result."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lwprof.reports import audit_page, compare_page, crosscheck_page, experiment_page, profile_page, roofline_page, rows
from lwprof.reports.contents import Page, Table
from lwprof.reports.formats import Content, Named
from lwprof.reports.options import Options
from lwprof.results.audit import AuditResult
from lwprof.results.crosscheck import CrosscheckResult
from lwprof.results.experiment import ExperimentResult
from lwprof.results.latency import CompareResult
from lwprof.results.profile import ProfileResult
from lwprof.results.roofline import RooflineResult


def page(content: Content, options: Options) -> Page:
    """Lay ``content`` out for people."""
    match content:
        case ProfileResult():
            return profile_page.page(content, options)
        case CompareResult():
            return compare_page.page(content, options)
        case CrosscheckResult():
            return crosscheck_page.page(content)
        case AuditResult():
            return audit_page.page(content, options)
        case RooflineResult():
            return roofline_page.page(content, options)
        case ExperimentResult():
            return experiment_page.page(content, options)
        case Table():
            return Page("", (content,))
        case Page():
            return content


def pages(named: Sequence[Named], options: Options) -> list[Content]:
    """Lay several out for people: comparisons in one page, others in one each."""
    compared = [(name, content) for name, content in named if isinstance(content, CompareResult)]
    if 1 < len(compared) == len(named):
        return [compare_page.page_of_several(compared, options)]
    return [content for _, content in named]


def records(content: Content) -> list[dict[str, Any]]:
    """Lay ``content`` out for machines: one dict a row, raw values under the JSON's keys."""
    match content:
        case ProfileResult():
            return rows.profile(content)
        case CompareResult():
            return rows.comparison(content)
        case CrosscheckResult():
            return rows.crosscheck(content)
        case AuditResult():
            return rows.audit(content)
        case RooflineResult():
            return rows.roofline(content)
        case ExperimentResult():
            return rows.experiment(content)
        case Table():
            return content.records()
        case Page():
            return content.tables[0].records() if content.tables else []
