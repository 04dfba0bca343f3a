"""fvcore.nn.FlopCountAnalysis: mult-adds, and some normalisation, pooling and resampling, of a traced network."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import prod
from typing import Any, NamedTuple

import torch
from torch import nn

from lwprof.analyses.traffic import Costed
from lwprof.crosscheck.tool import Count, Subject, Term, Tool, names, not_seen
from lwprof.graph import Operator

SEEN = frozenset(
    f"aten::{name}"
    for name in (
        "conv1d conv2d conv3d conv_transpose1d conv_transpose2d conv_transpose3d convolution _convolution "
        "linear einsum mm addmm bmm"
    ).split()
)
"""Operators with mult-adds that it has a handle for; matmul reaches us as mm or bmm."""


class Convention(NamedTuple):
    """An operator without mult-adds that fvcore counts all the same."""

    name: str
    amount: Callable[[Operator], int]
    why: str


def _normalization(affine: int, plain: int) -> Callable[[Operator], int]:
    def amount(operator: Operator) -> int:
        weighted = operator.arguments.get("weight") is not None
        return prod(operator.inputs[0].shape) * (affine if weighted else plain)

    return amount


def _batch_norm(operator: Operator) -> int:
    trained = operator.arguments["training"]
    return _normalization(5, 4)(operator) if trained else _normalization(2, 1)(operator)


def _read(operator: Operator) -> int:
    return prod(operator.inputs[0].shape)


def _written(times: int) -> Callable[[Operator], int]:
    return lambda operator: times * prod(operator.outputs[0].shape)


_ROUGH = "fvcore counts five operations per element of {} with weights, four without: its own rough estimate"

CONVENTIONS: dict[str, Convention] = {
    "aten::batch_norm": Convention(
        "batch norm",
        _batch_norm,
        "fvcore counts two operations per element of a batch norm with weights (scale, shift), one of one without; "
        "five and four where statistics come from the batch",
    ),
    "aten::layer_norm": Convention("layer norm", _normalization(5, 4), _ROUGH.format("a layer norm")),
    "aten::group_norm": Convention("group norm", _normalization(5, 4), _ROUGH.format("a group norm")),
    "aten::instance_norm": Convention("instance norm", _normalization(5, 4), _ROUGH.format("an instance norm")),
    "aten::adaptive_avg_pool2d": Convention(
        "adaptive pooling", _read, "fvcore counts one operation per element that an adaptive average pooling reads"
    ),
    "aten::upsample_nearest2d": Convention(
        "nearest upsampling", _written(1), "fvcore counts one operation per element that a nearest upsampling writes"
    ),
    "aten::upsample_bilinear2d": Convention(
        "bilinear upsampling", _written(4), "fvcore counts four operations per element: its four neighbours"
    ),
    "aten::grid_sampler": Convention(
        "grid sampling", _written(4), "fvcore counts four operations per element, as if sampling were bilinear"
    ),
}


def count(module: nn.Module, inputs: tuple[Any, ...]) -> Count:
    """Count with ``FlopCountAnalysis``, and watch the matrix products whose batches are broadcast."""
    from fvcore.nn import FlopCountAnalysis
    from fvcore.nn.jit_handles import get_shape, matmul_flop_jit

    found: list[Term] = []

    def matmul(given: list[Any], made: list[Any]) -> int:
        counted = int(matmul_flop_jit(given, made))
        left, right = (tuple(get_shape(value)) for value in given)
        found.append(Term("broadcast matrix products", counted - _dense(left, right), _BROADCAST, wrong=True))
        return counted

    analysis = FlopCountAnalysis(module, inputs)
    analysis.set_op_handle("aten::matmul", matmul)
    analysis.unsupported_ops_warnings(False).uncalled_modules_warnings(False).tracer_warnings("none")
    return Count(int(analysis.total()), tuple(found))


_BROADCAST = (
    "fvcore multiplies the elements of matmul's left operand by the columns of the right one, "
    "and so leaves out batches that only the right one has"
)


def _dense(left: tuple[int, ...], right: tuple[int, ...]) -> int:
    """Mult-adds of ``left @ right``, where the right operand is a matrix or a batch of them.

    >>> _dense((3, 4), (5, 4, 6)), _dense((2, 1, 3, 4), (5, 4, 6)), _dense((4,), (4, 6))
    (360, 720, 24)
    """
    batches: tuple[int, ...] = torch.broadcast_shapes(left[:-2], right[:-2])
    return prod(batches) * prod(left[-2:]) * right[-1]


def terms(subject: Subject) -> Iterator[Term]:
    """What fvcore counts besides mult-adds, and the mult-adds that it has no handle for."""
    for row in subject.rows:
        convention = CONVENTIONS.get(row.operator.name)
        if convention is not None:
            yield Term(convention.name, convention.amount(row.operator), convention.why)
        elif row.operator.name == "aten::einsum":
            yield Term("einsum estimated", _estimate(row.operator) - row.cost.mult_adds, _ESTIMATE, wrong=True)
    named = [row for row in subject.rows if isinstance(row.operator.arguments.get("padding"), str)]
    yield from not_seen(named, lambda _: "fvcore has no handle for convolutions whose padding is given as a word")
    yield from not_seen((row for row in subject.rows if row.operator.name not in SEEN), _no_handle)


def _no_handle(rows: list[Costed]) -> str:
    return f"fvcore has no handle for {names(rows)}"


_ESTIMATE = "fvcore halves the number of operations that NumPy prints, in four digits, for the best order of an einsum"


def _estimate(operator: Operator) -> int:
    """What fvcore counts for an einsum: exact for two equations, else half of NumPy's estimate."""
    import numpy

    equation = str(operator.arguments["equation"]).replace(" ", "")
    shapes: list[tuple[int, ...]] = [tensor.shape for tensor in operator.arguments["tensors"]]
    letters = dict.fromkeys(letter for letter in equation if letter.isalpha())
    plain = equation.translate({ord(letter): 97 + place for place, letter in enumerate(letters)})
    if plain == "abc,abd->acd":
        return prod(shapes[0]) * shapes[1][-1]
    if plain == "abc,adc->adb":
        return prod(shapes[0]) * shapes[1][1]
    operands = [numpy.broadcast_to(0.0, shape) for shape in shapes]
    report = str(numpy.einsum_path(plain, *operands, optimize="optimal")[1])
    line = next(line for line in report.split("\n") if "optimized flop" in line.lower())
    return int(float(line.split(":")[-1]) // 2)


TOOL = Tool("fvcore", "fvcore", count, terms)
