"""Scaled dot-product attention."""

from __future__ import annotations

from math import prod

from lwprof.costs.cost import Cost, Rule, product
from lwprof.graph import Operator


def attention(operator: Operator) -> Cost:
    """Queries times keys, then weights times values: ``B·H·L·S·(E + Ev)``, dense also under a mask.

    Attention Is All You Need (1706.03762), equation 1. The softmax writes ``B·H·L·S`` elements.

    >>> from lwprof.graph import operator
    >>> qkv = dict(query=(1, 2, 10, 8), key=(1, 2, 6, 8), value=(1, 2, 6, 8))
    >>> attention(operator("aten::scaled_dot_product_attention", (1, 2, 10, 8), **qkv)).mult_adds  # 2*10*6*(8 + 8)
    1920
    """
    query, key, value = (operator.arguments[name].shape for name in ("query", "key", "value"))
    scores = prod(operator.outputs[0].shape[:-1]) * key[-2]  # the output's batch: each operand may be broadcast
    mask = operator.arguments.get("attn_mask")
    return product(operator, "attention", scores * (query[-1] + value[-1]), (mask,), elementwise_ops=scores)


RULES: dict[str, Rule] = {"aten::scaled_dot_product_attention": attention}
