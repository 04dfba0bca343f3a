"""Convolutions as guidelines see them: channels, groups, kernel and maps, and what other channels would cost."""

from __future__ import annotations

from collections.abc import Iterator
from math import lcm, prod
from typing import Any, NamedTuple

from lwprof.graph import Operator
from lwprof.guidelines.evidence import Evidence
from lwprof.results.audit import Alternative, Form

NAMES = frozenset({"aten::conv1d", "aten::conv2d", "aten::conv3d"})
LINEAR = frozenset({"aten::linear"})
_POSITIONAL = ("in_channels", "out_channels", "in_features", "out_features", "kernel_size")


class Convolution(NamedTuple):
    """A convolution, or the linear layer on a 4-D map that is a 1x1 convolution."""

    operator: Operator
    channels_in: int
    channels_out: int
    groups: int
    kernel: tuple[int, ...]
    batch: int
    map_in: tuple[int, ...]
    map_out: tuple[int, ...]

    @property
    def pointwise(self) -> bool:
        """A kernel of one pixel; grouped or not."""
        return prod(self.kernel) == 1 and not self.depthwise

    @property
    def depthwise(self) -> bool:
        """Every input channel in a group of its own."""
        return self.groups == self.channels_in > 1

    @property
    def grouped(self) -> bool:
        """Several groups, and not depthwise."""
        return 1 < self.groups < self.channels_in

    @property
    def pixels(self) -> int:
        """Places of the output, batch included."""
        return self.batch * prod(self.map_out)

    @property
    def elements_in(self) -> int:
        """Elements of the input."""
        return self.batch * prod(self.map_in) * self.channels_in

    @property
    def elements_out(self) -> int:
        """Elements of the output."""
        return self.pixels * self.channels_out

    @property
    def weights(self) -> int:
        """Elements of the weight."""
        return self.channels_in * self.channels_out * prod(self.kernel) // self.groups

    @property
    def elements(self) -> int:
        """Memory access in the paper's view."""
        return self.elements_in + self.elements_out + self.weights

    @property
    def mult_adds(self) -> int:
        """Multiply-accumulates of one call."""
        return self.pixels * self.weights

    @property
    def form(self) -> Form:
        """The layer by itself; a linear layer as the 1x1 convolution that it is."""
        arguments = self.operator.arguments
        settings: dict[str, Any] = {
            "in_channels": self.channels_in,
            "out_channels": self.channels_out,
            "kernel_size": _short(self.kernel),
        }
        for name, default in (("stride", 1), ("padding", 0), ("dilation", 1)):
            given = arguments.get(name, default)
            short = _short((given,) * len(self.kernel) if isinstance(given, int) else given)
            if short != default:
                settings[name] = short
        if self.groups != 1:
            settings["groups"] = self.groups
        if arguments.get("bias") is None:
            settings["bias"] = 0
        return Form(f"Conv{len(self.kernel)}d", settings, (self.batch, self.channels_in, *self.map_in))

    def alternative(self, channels_in: int, channels_out: int, groups: int) -> Alternative:
        """The same layer with other channels and groups."""
        other = self._replace(channels_in=channels_in, channels_out=channels_out, groups=groups)
        return Alternative(
            text=python(other.form),
            mult_adds=other.mult_adds,
            instead_of=self.mult_adds,
            saves=self.elements - other.elements,
            before=self.form,
            after=other.form,
        )


def of(evidence: Evidence) -> Iterator[Convolution]:
    """Every convolution of a network in running order."""
    for row in evidence.rows:
        operator, cost = row.operator, row.cost
        if operator.name in NAMES:
            yield _convolution(operator)
        elif cost.kind == "linear" and operator.name in LINEAR and len(operator.inputs[0].shape) == 4:
            batch, *pixels, features = operator.inputs[0].shape
            made, size = operator.outputs[0].shape[-1], tuple(pixels)
            yield Convolution(operator, features, made, 1, (1, 1), batch, size, size)


def _convolution(operator: Operator) -> Convolution:
    weight, data, made = (
        operator.arguments["weight"].shape,
        operator.arguments["input"].shape,
        operator.outputs[0].shape,
    )
    rank = len(weight) - 2
    channels = data[-rank - 1]
    batch = data[0] if len(data) == rank + 2 else 1
    return Convolution(
        operator, channels, weight[0], channels // weight[1], weight[2:], batch, data[-rank:], made[-rank:]
    )


def near(width: float, groups: int) -> int:
    """The number of channels nearest to ``width`` that the groups divide; a multiple of 8 where one is within 2.5 %.

    >>> near(58.8, 1), near(127.4, 1), near(58.8, 3)
    (59, 128, 60)
    """
    eight = lcm(8, groups)
    rounded = max(eight, round(width / eight) * eight)
    if abs(rounded - width) <= 0.025 * width:
        return rounded
    return max(groups, round(width / groups) * groups)


def python(form: Form) -> str:
    """Write a layer as Python.

    >>> python(Form("Conv2d", {"in_channels": 8, "out_channels": 16, "kernel_size": 1, "groups": 2}, (1, 8, 56, 56)))
    'nn.Conv2d(8, 16, 1, groups=2)'
    """
    settings = dict(form.settings)
    first = [str(settings.pop(name)) for name in _POSITIONAL if name in settings]
    if "bias" in settings:
        settings["bias"] = bool(settings["bias"])
    return f"nn.{form.type}({', '.join([*first, *(f'{name}={value}' for name, value in settings.items())])})"


def _short(sizes: tuple[int, ...] | list[int] | str) -> Any:
    """One number where all are equal."""
    if isinstance(sizes, str):
        return sizes
    sizes = list(sizes)
    return sizes[0] if len(set(sizes)) == 1 else sizes
