"""Linear layers, matrix products, distances and einsum."""

from __future__ import annotations

from dataclasses import replace
from math import inf, prod

from lwprof.costs.cost import Cost, Rule, numel, product
from lwprof.graph import Operator


def linear(operator: Operator) -> Cost:
    """One mult-add per output element and input feature.

    >>> from lwprof.graph import operator
    >>> cost = linear(operator("aten::linear", (1, 1000), input=(1, 1280), weight=(1000, 1280), bias=(1000,)))
    >>> cost.mult_adds, cost.paper_elements  # 1280*1000; 1280 + 1000 + 1280*1000, the bias left out
    (1280000, 1282280)
    """
    arguments = operator.arguments
    features = arguments["input"].shape[-1]
    return product(operator, "linear", numel(operator.outputs[0]) * features, (arguments.get("bias"),))


def packed_linear(operator: Operator) -> Cost:
    """A quantised linear layer, whose weight comes packed: its two-dimensional tensor is the weight.

    >>> from lwprof.graph import operator
    >>> packed_linear(operator("quantized::linear_dynamic", (1, 10), X=(1, 4), weight=(10, 4), bias=(10,))).mult_adds
    40
    """
    data, *packed = operator.inputs
    biases = [value for value in packed if len(value.shape) == 1]
    return product(operator, "linear", numel(operator.outputs[0]) * data.shape[-1], biases)


def matrix_product(operator: Operator) -> Cost:
    """(n, m) x (m, p), batched or not: one mult-add per output element and inner index.

    The addend of addmm, baddbmm and addmv is a bias. ``addbmm`` also sums over the batch.

    >>> from lwprof.graph import operator
    >>> matrix_product(operator("aten::bmm", (8, 2, 5), self=(8, 2, 3), mat2=(8, 3, 5))).mult_adds  # 8 * 2*3*5
    240
    >>> cost = matrix_product(operator("aten::addmm", (2, 5), self=(5,), mat1=(2, 3), mat2=(3, 5)))
    >>> cost.mult_adds, cost.paper_elements  # 2*3*5; 2*3 + 3*5 + 2*5
    (30, 31)
    """
    *addend, left, right = operator.inputs
    columns = right.shape[-1] if len(right.shape) > 1 else 1
    return product(operator, "matmul", numel(left) * columns, addend)


def outer_product(operator: Operator) -> Cost:
    """One mult-add per pair of elements; the addend is a bias.

    >>> from lwprof.graph import operator
    >>> outer_product(operator("aten::addr", (2, 3), self=(2, 3), vec1=(2,), vec2=(3,))).mult_adds
    6
    """
    addend, left, right = operator.inputs
    return product(operator, "matmul", numel(left) * numel(right), (addend,))


def bilinear(operator: Operator) -> Cost:
    """``torch.nn.Bilinear``: per row and output, ``i1·i2`` products with the weight and ``i2`` with x2.

    >>> from lwprof.graph import operator
    >>> bilinear(operator("aten::_trilinear", (2, 5), i1=(2, 1, 3, 1), i2=(1, 5, 3, 4), i3=(2, 1, 1, 4))).mult_adds
    160
    """
    weight = operator.inputs[1].shape
    rows = numel(operator.outputs[0]) // weight[-3]
    return product(operator, "matmul", rows * (prod(weight[-3:]) + weight[-3] * weight[-1]))


def distance(operator: Operator) -> Cost:
    """Distances between all rows of two matrices: a difference for every pair and feature, and its ``p``-th power.

    For ``p`` = 2 the square and its sum are a mult-add. For ``p`` = 1 nothing is multiplied: two additions, as in an
    adder layer. Any other norm is counted as element-wise operations: difference, power (none for 0 and infinity) and
    sum. Whether torch takes the way through a matrix product makes no difference.

    >>> from lwprof.graph import operator
    >>> cost = distance(operator("aten::cdist", (2, 5), x1=(2, 3), x2=(5, 3)))
    >>> cost.mult_adds, cost.elementwise_ops  # 2*5 pairs * 3 features
    (30, 30)
    >>> cost = distance(operator("aten::cdist", (2, 5), x1=(2, 3), x2=(5, 3), p=1.0))
    >>> cost.mult_adds, cost.additions  # 2 * 30
    (0, 60)
    """
    terms = numel(operator.outputs[0]) * operator.inputs[0].shape[-1]
    power = operator.arguments.get("p", 2.0)
    if power == 2:
        return product(operator, "distance", terms, elementwise_ops=terms)
    if power == 1:
        return replace(product(operator, "distance", 0), additions=2 * terms)
    return Cost("distance", elementwise_ops=(2 if power in (0, inf) else 3) * terms)


def einsum(operator: Operator) -> Cost:
    """Pairwise contractions in the order that torch takes, each the product of the index sizes it meets.

    >>> from lwprof.graph import operator
    >>> einsum(operator("aten::einsum", (2, 3, 5), equation="bij,bjk->bik", tensors=[(2, 3, 4), (2, 4, 5)])).mult_adds
    120
    >>> einsum(operator("aten::einsum", (4, 3), equation="...ij->...i", tensors=[(4, 3, 9)])).mult_adds
    0
    """
    tensors = operator.arguments["tensors"]
    terms, result, sizes = _indices(str(operator.arguments["equation"]), [tensor.shape for tensor in tensors])
    path = operator.arguments.get("path")
    steps = iter(path or ())
    total = 0
    while len(terms) > 1:
        first, second = (next(steps), next(steps)) if path else (0, 1)
        pair = [terms[first], terms[second]]
        rest = [term for place, term in enumerate(terms) if place not in (first, second)]
        wanted = set(result).union(*rest)
        # An index of only one operand that nobody needs later is summed before the product.
        live = (pair[0] & pair[1]) | ((pair[0] | pair[1]) & wanted)
        total += prod(sizes[index] for index in live)
        contracted = live & wanted
        terms = [*rest, contracted] if path else [contracted, *rest]
    if not total:  # a sum, a transposition or a diagonal of one tensor
        return Cost("reduction", elementwise_ops=numel(tensors[0]))
    return product(operator, "matmul", total)


def _indices(equation: str, shapes: list[tuple[int, ...]]) -> tuple[list[set[str]], set[str], dict[str, int]]:
    """Index names of every operand and of the result, and their sizes; an ellipsis gets names of its own."""
    left, arrow, right = equation.replace(" ", "").partition("->")
    sizes: dict[str, int] = {}
    terms: list[set[str]] = []
    seen: list[str] = []
    for term, shape in zip(left.split(","), shapes, strict=True):
        named = term.replace("...", "")
        hidden = len(shape) - len(named)
        names = [f".{place}" for place in range(hidden, 0, -1)]
        head, dots, tail = term.partition("...")
        order = [*head, *names, *tail] if dots else list(term)
        for name, size in zip(order, shape, strict=True):
            sizes[name] = max(size, sizes.get(name, 1))
        terms.append(set(order))
        seen += order
    hidden_names = {name for name in sizes if name.startswith(".")}
    if arrow:
        result = set(right.replace("...", "")) | (hidden_names if "..." in right else set())
    else:
        result = {name for name in seen if seen.count(name) == 1} | hidden_names
    return terms, result, sizes


RULES: dict[str, Rule] = {
    "aten::linear": linear,
    "quantized::linear": packed_linear,
    "quantized::linear_dynamic": packed_linear,
    "aten::einsum": einsum,
    "aten::_trilinear": bilinear,
    **{f"aten::{name}": distance for name in ("cdist", "_cdist_forward", "_euclidean_dist")},
    "aten::addr": outer_product,
    "aten::addr_": outer_product,
    **{f"aten::{name}": matrix_product for name in ("mm", "bmm", "mv", "dot", "vdot")},
    **{
        f"aten::{name}{suffix}": matrix_product
        for name in ("addmm", "addmv", "addbmm", "baddbmm")
        for suffix in ("", "_")
    },
}
