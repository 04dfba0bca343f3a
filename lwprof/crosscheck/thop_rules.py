"""thop's rules: what each of its hooks counts for one call of a module, by the module's exact type."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any, NamedTuple

from torch import nn

Shapes = tuple[tuple[int, ...], ...]
Amount = Callable[[Any, Shapes, Shapes], int]
"""Of a module, the shapes that it is given and the shapes that it returns."""


def _nothing(_module: Any, _given: Shapes, _made: Shapes) -> int:
    return 0


class Rule(NamedTuple):
    """What a hook counts, parted into mult-adds and everything else."""

    products: Amount = _nothing
    others: Amount = _nothing
    convention: str = ""
    why: str = ""
    mistake: str = ""
    why_wrong: str = ""


def _convolution(module: Any, given: Shapes, made: Shapes) -> int:
    """Every output element with a whole filter, the second size of the input taken for its channels."""
    filter_size: tuple[int, ...] = module.weight.shape[2:]
    return prod(made[0]) * int(given[0][1] // module.groups) * prod(filter_size)


def _linear(module: Any, _given: Shapes, made: Shapes) -> int:
    return int(module.in_features) * prod(made[0])


def _normalization(module: Any, given: Shapes, _made: Shapes) -> int:
    weighted = getattr(module, "affine", False) or getattr(module, "elementwise_affine", False)
    return prod(given[0]) * (4 if weighted else 2)


def _read(_module: Any, given: Shapes, _made: Shapes) -> int:
    return prod(given[0])


def _written(_module: Any, _given: Shapes, made: Shapes) -> int:
    return prod(made[0])


def _softmax(module: Any, given: Shapes, _made: Shapes) -> int:
    classes: int = given[0][module.dim]
    return prod(given[0]) // classes * (3 * classes - 1)


def _adaptive_pooling(_module: Any, given: Shapes, made: Shapes) -> int:
    window = 1.0
    for before, after in zip(given[0][2:], made[0][2:], strict=True):
        window *= before / after
    return int((window + 1) * prod(made[0]))


def _upsampling(module: Any, _given: Shapes, made: Shapes) -> int:
    return {"nearest": 1, "linear": 5, "bilinear": 11, "bicubic": 259}.get(module.mode, 0) * prod(made[0])


def _cells(module: Any) -> list[tuple[int, int]]:
    """Features in and hidden units of every cell that thop sees in a recurrent layer."""
    hidden = module.hidden_size
    ways = 2 if module.bidirectional else 1
    later = [(hidden * ways, hidden)] * (ways * (module.num_layers - 1))
    return [(module.input_size, hidden)] * ways + later


def _steps(given: Shapes, made: Shapes) -> int:
    """Batch times steps; a packed sequence counts as its longest row, for the whole batch."""
    data, *rest = given
    if rest and len(rest[0]) == 1:
        return made[-1][1] * rest[0][0]
    return data[0] * data[1]


def _recurrent(gates: int, extra: int) -> tuple[Amount, Amount]:
    """``gates`` products with input and hidden state a cell; ``extra`` operations per hidden unit, and biases."""

    def products(module: Any, given: Shapes, made: Shapes) -> int:
        return _steps(given, made) * sum(gates * (size + hidden) * hidden for size, hidden in _cells(module))

    def others(module: Any, given: Shapes, made: Shapes) -> int:
        per_unit = extra + (2 * gates if module.bias else 0)
        return _steps(given, made) * sum(per_unit * hidden for _, hidden in _cells(module))

    return products, others


def _cell(gates: int, extra: int) -> tuple[Amount, Amount]:
    """Return the same for one step of one cell."""

    def products(module: Any, given: Shapes, _made: Shapes) -> int:
        size, hidden = module.input_size, module.hidden_size
        return int(given[0][0] * gates * (size + hidden) * hidden)

    def others(module: Any, given: Shapes, _made: Shapes) -> int:
        return int(given[0][0] * (extra + (2 * gates if module.bias else 0)) * module.hidden_size)

    return products, others


# Operations per hidden unit besides products and biases: one addition a gate, and what mixes the states.
_GATES = {"rnn": (1, 1), "gru": (3, 7), "lstm": (4, 8)}

_CONVOLUTION = Rule(
    _convolution,
    mistake="convolutions without a batch",
    why_wrong="thop takes the second size of the input for its channels, which without a batch is the height",
)
_TRANSPOSED = Rule(
    _convolution,
    mistake="transposed convolutions",
    why_wrong="thop counts a whole filter for every output element; a transposed convolution "
    "spreads every input element over one filter",
)
_NORMALIZATION_WHY = (
    "thop counts four operations per element of a {0} with weights (subtract, divide, scale, shift), two of one without"
)
_SETTINGS_WHY = (
    "thop multiplies batch, steps and hidden units: it counts the padding of packed sequences, "
    "overlooks projections, and takes the features of an input without a batch for a batch"
)


def _norm(name: str) -> Rule:
    return Rule(others=_normalization, convention=name, why=_NORMALIZATION_WHY.format(name))


def _recurrence(amounts: tuple[Amount, Amount]) -> Rule:
    why = "thop counts biases and every operation that mixes the states of a recurrent layer"
    return Rule(*amounts, "gates and biases", why, "recurrent layers", _SETTINGS_WHY)


_AVERAGE = Rule(
    others=_written, convention="average pooling", why="thop counts one operation per element that a pooling writes"
)
_ADAPTIVE = Rule(
    others=_adaptive_pooling,
    convention="adaptive pooling",
    why="thop counts the additions of a window and one division for every element that an adaptive pooling writes",
)
_UPSAMPLING = Rule(
    others=_upsampling,
    convention="upsampling",
    why="thop counts 1 (nearest), 5 (linear), 11 (bilinear) or 259 (bicubic) operations per element written",
)

RULES: dict[type, Rule] = {
    nn.Conv1d: _CONVOLUTION,
    nn.Conv2d: _CONVOLUTION,
    nn.Conv3d: _CONVOLUTION,
    nn.ConvTranspose1d: _TRANSPOSED,
    nn.ConvTranspose2d: _TRANSPOSED,
    nn.ConvTranspose3d: _TRANSPOSED,
    nn.Linear: Rule(_linear),
    nn.BatchNorm1d: _norm("batch norm"),
    nn.BatchNorm2d: _norm("batch norm"),
    nn.BatchNorm3d: _norm("batch norm"),
    nn.SyncBatchNorm: _norm("batch norm"),
    nn.LayerNorm: _norm("layer norm"),
    nn.InstanceNorm1d: _norm("instance norm"),
    nn.InstanceNorm2d: _norm("instance norm"),
    nn.InstanceNorm3d: _norm("instance norm"),
    nn.PReLU: Rule(others=_read, convention="PReLU", why="thop counts one operation per element of a PReLU"),
    nn.Softmax: Rule(
        others=_softmax,
        convention="softmax",
        why="thop counts an exponential and a division per class, and the additions between classes",
    ),
    nn.AvgPool1d: _AVERAGE,
    nn.AvgPool2d: _AVERAGE,
    nn.AvgPool3d: _AVERAGE,
    nn.AdaptiveAvgPool1d: _ADAPTIVE,
    nn.AdaptiveAvgPool2d: _ADAPTIVE,
    nn.AdaptiveAvgPool3d: _ADAPTIVE,
    nn.Upsample: _UPSAMPLING,
    nn.UpsamplingBilinear2d: _UPSAMPLING,
    nn.UpsamplingNearest2d: _UPSAMPLING,
    nn.RNN: _recurrence(_recurrent(*_GATES["rnn"])),
    nn.GRU: _recurrence(_recurrent(*_GATES["gru"])),
    nn.LSTM: _recurrence(_recurrent(*_GATES["lstm"])),
    nn.RNNCell: _recurrence(_cell(*_GATES["rnn"])),
    nn.GRUCell: _recurrence(_cell(*_GATES["gru"])),
    nn.LSTMCell: _recurrence(_cell(*_GATES["lstm"])),
}
"""Types whose hook counts something; those that it hooks to count nothing are left out."""
