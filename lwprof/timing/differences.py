"""Differences between what two runtimes make of the same inputs. Pure functions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy

Outputs = Sequence[Any]
"""Of one call: an array each."""


def difference(found: Outputs, expected: Outputs) -> float:
    """Largest difference between two sets of outputs, each as a share of the expected output's range.

    >>> difference([numpy.array([1.0, 2.5])], [numpy.array([1.0, 3.0])])
    0.25

    Of integers and booleans, such as classes, it is the share that differs. What is not finite has to be the same.
    Outputs that cannot be compared are infinitely different: other shapes, or another number of them.
    """
    if len(found) != len(expected):
        return math.inf
    pairs = zip(map(numpy.asarray, found), map(numpy.asarray, expected), strict=True)
    return max((_difference(ours, theirs) for ours, theirs in pairs), default=0.0)


def _difference(ours: Any, theirs: Any) -> float:
    if ours.shape != theirs.shape:
        return math.inf
    if theirs.dtype.kind in "biu":
        return float((ours != theirs).mean()) if theirs.size else 0.0
    if theirs.dtype.kind == "c":
        return max(_difference(ours.real, theirs.real), _difference(ours.imag, theirs.imag))
    finite = numpy.isfinite(theirs)
    if not numpy.array_equal(ours[~finite], theirs[~finite], equal_nan=True):
        return math.inf
    ours, theirs = ours[finite].astype(numpy.float64), theirs[finite].astype(numpy.float64)
    if not theirs.size:
        return 0.0
    gap = float(numpy.abs(ours - theirs).max())
    if not math.isfinite(gap):
        return math.inf
    scale = float(theirs.max() - theirs.min()) or float(numpy.abs(theirs).max())
    return gap / scale if scale else gap


def movement(found: tuple[Outputs, Outputs], expected: tuple[Outputs, Outputs]) -> float:
    """How far ``found`` moves from the first to the second, as a share of how far ``expected`` does.

    >>> torchs = [numpy.array([0.0, 1.0])], [numpy.array([2.0, 1.0])]
    >>> movement(([numpy.array([5.0, 1.0])], [numpy.array([6.0, 1.0])]), torchs)
    0.5
    """
    together = alone = 0.0
    for ours, theirs in zip(_moves(*found), _moves(*expected), strict=True):
        size = float(numpy.square(numpy.abs(theirs)).max(initial=0.0)) or 1.0
        # no product of BLAS, whose threads would go on spinning beside what is timed next
        together += float((theirs.conj() * ours).real.sum()) / size
        alone += float(numpy.square(numpy.abs(theirs)).sum()) / size
    return together / alone if alone else 1.0


def _moves(first: Outputs, second: Outputs) -> list[Any]:
    """What outputs change by; what is not a finite number, or changes its shape, stands still."""
    found = []
    for one, two in zip(first, second, strict=True):
        with numpy.errstate(invalid="ignore"):
            move = two.astype(complex) - one if one.shape == two.shape else numpy.zeros(two.shape, complex)
        found.append(numpy.where(numpy.isfinite(move), move, 0).ravel())
    return found
