"""torch.utils.flop_counter: two operations for every mult-add of the kernels that it has a formula for."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import Any

import torch
from torch import nn

from lwprof.analyses.traffic import Costed
from lwprof.crosscheck.tool import Count, Subject, Term, Tool, names, not_seen
from lwprof.graph import Operator

PER_MULT_ADD = 2

SEEN = frozenset(
    f"aten::{name}"
    for name in (
        "conv1d conv2d conv3d conv_transpose1d conv_transpose2d conv_transpose3d convolution _convolution "
        "linear einsum mm addmm bmm baddbmm scaled_dot_product_attention lstm gru rnn_tanh rnn_relu"
    ).split()
)
"""Operators that come down to mm, addmm, bmm, baddbmm or a convolution, which it has formulas for."""


def count(module: nn.Module, inputs: tuple[Any, ...]) -> Count:
    """Count with ``FlopCounterMode``, and watch for the CPU kernels that it has no formula for."""
    from torch.utils.flop_counter import FlopCounterMode, flop_registry

    found: list[Term] = []

    def attention(query: Any, key: Any, value: Any, *_: Any, **__: Any) -> int:
        missed = prod(query[:-1]) * key[-2] * (query[-1] + value[-1])
        why = "torch has no formula for the fused attention kernel of the CPU"
        found.append(Term("attention not seen", -PER_MULT_ADD * missed, why, wrong=True))
        return 0

    def recurrent(data: Any, from_input: Any, from_hidden: Any, *_: Any, **__: Any) -> int:
        missed = prod(data[:-1]) * (prod(from_input) + prod(from_hidden))
        why = "torch has no formula for the recurrent kernel of oneDNN"
        found.append(Term("recurrent layers not seen", -PER_MULT_ADD * missed, why, wrong=True))
        return 0

    kernels = {
        torch.ops.aten._scaled_dot_product_flash_attention_for_cpu: attention,
        torch.ops.aten.mkldnn_rnn_layer: recurrent,
    }
    watched = {kernel: watch for kernel, watch in kernels.items() if kernel not in flop_registry}
    with FlopCounterMode(display=False, custom_mapping=watched) as mode:
        module(*inputs)
    return Count(mode.get_total_flops(), tuple(found))


def terms(subject: Subject) -> Iterator[Term]:
    """Two operations a mult-add, less the operators that have no formula."""
    why = "torch counts the multiplication and the addition of a mult-add as one operation each"
    yield Term("two operations per mult-add", (PER_MULT_ADD - 1) * subject.mult_adds, why)
    missed = [row for row in subject.rows if row.operator.name not in SEEN or _outer_product(row.operator)]
    yield from not_seen(missed, _no_formula, PER_MULT_ADD)


def _no_formula(rows: list[Costed]) -> str:
    return f"torch has no formula for {names(rows)}"


def _outer_product(operator: Operator) -> bool:
    """Whether an einsum sums over nothing: torch runs it as an element-wise product."""
    if operator.name != "aten::einsum":
        return False
    given, arrow, result = str(operator.arguments["equation"]).replace(" ", "").partition("->")
    return bool(arrow) and set(given) - {","} <= set(result)


TOOL = Tool("torch", "torch", count, terms)
