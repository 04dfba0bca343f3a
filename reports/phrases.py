"""Phrases: the short texts that several reports share."""

from __future__ import annotations

from collections.abc import Iterable

from lwprof import units
from lwprof.results import IMAGENET, Coverage, Gain, Model, Published, Timing


def inputs(model: Model, sign: str = "×") -> str:
    """Name the inputs that a network was given.

    >>> from lwprof.results import TensorSpec
    >>> inputs(Model("mbv1", "mbv1", (TensorSpec((1, 3, 224, 224), "float32"),)))
    '1×3×224×224 float32'
    """
    return "; ".join(f"{units.shape(item.shape, sign)} {item.dtype}" for item in model.inputs)


def shapes(items: Iterable[tuple[int, ...]], sign: str = "×") -> str:
    """Write several shapes.

    >>> shapes([(1, 64), (1, 32)])
    '1×64; 1×32'
    """
    return "; ".join(units.shape(item, sign) for item in items)


def unknown(coverage: Coverage, sign: str = "×") -> str:
    """Name the operators that have no rule, and how often each ran; empty where there are none.

    >>> from lwprof.results import OpCount
    >>> unknown(Coverage(10, 2, (OpCount("demo::warp", 3), OpCount("demo::fold", 1))))
    'demo::warp ×3; demo::fold ×1'
    """
    return "; ".join(f"{item.op} {sign}{item.count}" for item in coverage.unknown)


def no_rule(coverage: Coverage) -> str:
    """Say which operators have no rule, and which numbers they are missing from.

    >>> from lwprof.results import OpCount
    >>> no_rule(Coverage(10, 2, (OpCount("demo::warp", 3),))).partition(";")[0]
    'unknown operators, in no count of operations: demo::warp ×3'
    """
    return (
        f"unknown operators, in no count of operations: {unknown(coverage)}; "
        "their tensors are in eager and fused memory access, peak activation and launches"
    )


def settings(timing: Timing) -> tuple[str, ...]:
    """Say how a network was timed.

    >>> settings(Timing("torch", "cpu", 1, 8, "float32", 0.1, (0.1, 0.1), None, ()))
    ('torch', 'cpu', '1 thread', 'batch 8', 'float32')
    """
    threads = f"{timing.threads} thread" + "s" * (timing.threads != 1)
    return timing.backend, timing.device, threads, f"batch {timing.batch}", timing.dtype


def percent(number: float | None) -> str:
    """Write a published accuracy with the digits it was printed with, one at least.

    >>> percent(72.0), percent(69.36), percent(None)
    ('72.0 %', '69.36 %', '–')
    """
    return "–" if number is None else f"{number if number * 10 % 1 else round(number, 1)} %"


def elsewhere(figures: Published) -> str:
    """Name the data set of a published accuracy where it is not ImageNet."""
    return "" if figures.dataset == IMAGENET else f" on {figures.dataset}"


def published(figures: Published) -> str:
    """Write what a network's authors print for it."""
    parts = [
        f"{figures.params_millions:g} M params" if figures.params_millions is not None else "",
        f"{figures.mult_adds_millions:g} M FLOPs (mult-adds)" if figures.mult_adds_millions is not None else "",
        f"{percent(figures.top1)} top-1{elsewhere(figures)}" if figures.top1 is not None else "",
    ]
    text = ", ".join(filter(None, parts)) or "nothing"
    return f"{text} ({figures.source})" if figures.source else text


TELLING = 0.1
"""An interval that reaches further than this to one side of 1 does not show that there is no difference."""


def gain(found: Gain) -> str:
    """Say what an alternative gained where it was timed, with the interval.

    >>> gain(Gain("torch", "cpu", 1, 1e-3, 8e-4, 0.758, (0.73, 0.781), "faster"))
    '1.32× as fast [1.28, 1.37]'
    >>> gain(Gain("torch", "cpu", 1, 1e-3, 1e-3, 1.0, (0.98, 1.02), "indistinguishable"))
    'no difference here [0.98, 1.02]'
    >>> gain(Gain("torch", "cpu", 1, 1e-3, 1e-3, 1.0, (0.8, 1.25), "indistinguishable"))
    'too noisy to tell here [0.80, 1.25]'
    """
    low, high = (1 / ratio if ratio else 0.0 for ratio in reversed(found.ci95))
    interval = f"[{low:.2f}, {high:.2f}]"
    if found.verdict != "indistinguishable":
        return f"{1 / found.ratio if found.ratio else 0.0:.2f}× as fast {interval}"
    if high > 1 + TELLING or low < 1 - TELLING:
        return f"too noisy to tell here {interval}"
    return f"no difference here {interval}"
