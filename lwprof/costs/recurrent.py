"""Recurrent layers, each counted as the one operator it is called as."""

from __future__ import annotations

from lwprof.costs.cost import Cost, Rule, product
from lwprof.graph import Operator

# Element-wise operations per hidden unit and step, and gate rows per hidden unit.
# lstm: 4 gate activations, f*c, i*g, their sum, tanh, o*tanh. gru: 3 gate activations, r*h, its sum,
# 1-z, (1-z)*n, z*h, their sum.
_CELLS = {"lstm": (9, 4), "gru": (9, 3), "rnn_tanh": (1, 1), "rnn_relu": (1, 1)}


def recurrent(operator: Operator) -> Cost:
    """Every token meets every two-dimensional weight once: mult-adds = tokens x weights.

    Packed sequences hold only real tokens, so only those are counted.

    >>> from lwprof.graph import operator
    >>> layer = dict(params=[(16, 3), (16, 4), (16,), (16,)], num_layers=1, bidirectional=False)
    >>> cost = recurrent(operator("aten::lstm", [(5, 1, 4), (1, 1, 4), (1, 1, 4)], input=(5, 1, 3), **layer))
    >>> cost.mult_adds, cost.elementwise_ops  # 5 * (16*3 + 16*4); 5 * 4 units * 9
    (560, 180)
    """
    arguments = operator.arguments
    packed = arguments.get("data")
    data = packed if packed is not None else arguments["input"]
    tokens = data.shape[0] if packed is not None else data.shape[0] * data.shape[1]
    parameters = arguments["params"]
    matrices = [value.shape for value in parameters if len(value.shape) == 2]
    cells = arguments["num_layers"] * (2 if arguments.get("bidirectional") else 1)
    per_cell = len(matrices) // cells
    operations, gates = _CELLS[operator.name.removeprefix("aten::")]
    rows = sum(matrices[cell * per_cell + 1][0] for cell in range(cells))
    return product(
        operator,
        "recurrent",
        tokens * sum(a * b for a, b in matrices),
        [value for value in parameters if len(value.shape) == 1],
        elementwise_ops=tokens * rows // gates * operations,
    )


RULES: dict[str, Rule] = {f"aten::{cell}": recurrent for cell in _CELLS}
