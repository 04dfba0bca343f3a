"""Ledger: one tool's row, from our count over the named terms to its count, and the verdict in words."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable, Iterable, Sequence

from lwprof.analyses import coverage
from lwprof.analyses.traffic import Costed
from lwprof.capture.tensors import mapped
from lwprof.crosscheck.isolation import isolated
from lwprof.crosscheck.tool import Count, Subject, Term, Tool, listed
from lwprof.errors import first_line
from lwprof.graph import OpGraph
from lwprof.results.crosscheck import CrosscheckRow, CrosscheckTerm
from lwprof.units import exact


def row(tool: Tool, subject: Subject) -> CrosscheckRow:
    """Run ``tool`` on the network and account for every unit that it differs by."""

    def count() -> Count:
        with isolated(subject.module):
            return tool.count(subject.module, mapped(lambda tensor: tensor.detach().clone(), subject.inputs))

    return accounted(tool.name, tool.package, subject.graph, subject.rows, count, lambda: tool.terms(subject))


def accounted(
    name: str,
    package: str,
    graph: OpGraph,
    rows: Sequence[Costed],
    count: Callable[[], Count],
    terms_of: Callable[[], Iterable[Term]],
) -> CrosscheckRow:
    """Ask a tool and account for what it says.

    Args:
        package: the installed distribution that has the tool's version.
        count: runs the tool.
        terms_of: says which differences follow from the network's operators.
    """
    ours = sum(row.cost.mult_adds for row in rows)
    version = ""
    try:
        version = importlib.metadata.version(package)
        counted = count()
    except importlib.metadata.PackageNotFoundError:
        return CrosscheckRow(name, version, ours, None, (), 0, f"not installed: pip install {package}")
    except Exception as error:
        return CrosscheckRow(name, version, ours, None, (), 0, f"failed: {first_line(error)}")
    terms = summed((*terms_of(), *counted.found))
    rest = counted.total - ours - sum(term.amount for term in terms)
    return CrosscheckRow(
        name,
        version,
        ours,
        counted.total,
        tuple(CrosscheckTerm(term.name, term.amount, term.why) for term in terms),
        rest,
        _verdict(terms, rest, [entry.op for entry in coverage(graph, rows).unknown]),
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
