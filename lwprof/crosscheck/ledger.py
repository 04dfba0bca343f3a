"""Ledger: one tool's row, from our count over the named terms to its count, and the verdict in words."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterable, Sequence

from lwprof.analyses import coverage
from lwprof.capture.tensors import mapped
from lwprof.crosscheck.isolation import isolated
from lwprof.crosscheck.tool import Subject, Term, Tool, listed
from lwprof.errors import first_line
from lwprof.results import CrosscheckRow, CrosscheckTerm
from lwprof.units import exact


def row(tool: Tool, subject: Subject) -> CrosscheckRow:
    """Run ``tool`` on the network and account for every unit that it differs by."""
    ours = subject.mult_adds
    version = ""
    try:
        version = importlib.metadata.version(tool.package)
        with isolated(subject.module):
            count = tool.count(subject.module, mapped(lambda tensor: tensor.detach().clone(), subject.inputs))
    except Exception as error:
        return CrosscheckRow(tool.name, version, ours, None, (), 0, f"failed: {first_line(error)}")
    terms = summed((*tool.terms(subject), *count.found))
    rest = count.total - ours - sum(term.amount for term in terms)
    return CrosscheckRow(
        tool.name,
        version,
        ours,
        count.total,
        tuple(CrosscheckTerm(term.name, term.amount, term.why) for term in terms),
        rest,
        _verdict(terms, rest, [entry.op for entry in coverage(subject.graph, subject.rows).unknown]),
    )


def summed(terms: Iterable[Term]) -> tuple[Term, ...]:
    """Join terms of one name and reason, and leave out those that come to nothing."""
    amounts: dict[Term, int] = {}
    for term in terms:
        key = term._replace(amount=0)
        amounts[key] = amounts.get(key, 0) + term.amount
    return tuple(term._replace(amount=amount) for term, amount in amounts.items() if amount)


def _verdict(terms: Sequence[Term], rest: int, unknown: Sequence[str]) -> str:
    mistakes = sorted((term for term in terms if term.wrong), key=lambda term: -abs(term.amount))
    clauses = [f"{'under' if t.amount < 0 else 'over'}counts by {exact(abs(t.amount))} ({t.name})" for t in mistakes]
    unexplained = f"{exact(abs(rest))} {'too few' if rest < 0 else 'too many'} that no known rule of it explains"
    if unknown:
        unexplained += f"; lwprof has no rule for {listed(unknown)}"
    if mistakes:
        return "wrong: " + "; ".join([*clauses, *([f"and {unexplained}"] if rest else [])])
    if rest:
        return f"differs by {unexplained}"
    if terms:
        return f"differs by convention: {listed(term.name for term in terms)}"
    return "agrees to the unit"
