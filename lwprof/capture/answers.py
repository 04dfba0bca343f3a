"""Direct answers: the output shape of the operators that light networks run most.

On meta tensors torch's own shape functions cost up to a millisecond a call (several are Python), which
would be most of a capture. This closed list answers them at once; every other operator goes through
torch. Each answer is tested against torch's own. An answer is asked for only when all tensors are
contiguous and of one floating dtype, and may still return ``None``: then torch is asked after all.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

from lwprof.graph import Value

Shape = tuple[int, ...]
Answer = Callable[..., Shape | None]


def same(x: Value, *_args: Any, **_options: Any) -> Shape:
    """An activation keeps the shape of what it reads."""
    return x.shape


def batch_norm(
    x: Value, weight: Value | None, bias: Value | None, mean: Value | None, variance: Value | None, *_options: Any
) -> Shape | None:
    """A batch norm keeps the shape of what it reads; its weight, bias, mean and variance have an element a channel."""
    shape = x.shape
    channels = shape[1:2]
    for vector in (weight, bias, mean, variance):
        if vector is not None and vector.shape != channels:
            return None  # torch words the error
    return shape if channels else None


def broadcast(x: Value, y: Any, **_options: Any) -> Shape | None:
    """Arithmetic between a tensor and a number, or two tensors of which the second fills the first."""
    shape = x.shape
    if not isinstance(y, Value):
        return None if isinstance(y, complex) else shape
    other = y.shape
    if shape == other:
        return shape
    if len(shape) != len(other) or any(b not in (1, a) for a, b in zip(shape, other, strict=True)):
        return None
    return shape


def conv2d(
    x: Value,
    weight: Value,
    bias: Value | None = None,
    stride: Shape = (1, 1),
    padding: Shape = (0, 0),
    dilation: Shape = (1, 1),
    groups: int = 1,
) -> Shape | None:
    """A two-dimensional convolution of a batch of maps."""
    if len(x.shape) != 4:
        return None
    n, channels, h, w = x.shape
    out, per_group, kernel_h, kernel_w = weight.shape
    height = (h + 2 * padding[0] - dilation[0] * (kernel_h - 1) - 1) // stride[0] + 1
    width = (w + 2 * padding[-1] - dilation[-1] * (kernel_w - 1) - 1) // stride[-1] + 1
    if channels != per_group * groups or height < 1 or width < 1:
        return None  # torch words the error
    wrong = stride[0] < 1 or stride[-1] < 1 or dilation[0] < 1 or dilation[-1] < 1 or padding[0] < 0 or padding[-1] < 0
    if wrong or out % groups or (bias is not None and bias.shape != (out,)):
        raise ValueError("torch refuses this only where it computes: the real run words the error")
    return (n, out, height, width)


def linear(x: Value, weight: Value, bias: Value | None = None) -> Shape | None:
    """A linear layer over the last dimension."""
    *front, features = x.shape
    if not front or len(weight.shape) != 2 or features != weight.shape[1]:
        return None
    made = weight.shape[:1]
    return (*front, *made) if bias is None or bias.shape == made else None


def adaptive_average(x: Value, output_size: Shape) -> Shape | None:
    """An adaptive pooling of a batch of maps."""
    fits = len(x.shape) == 4 and len(output_size) == 2 and 0 not in x.shape[1:]
    return (*x.shape[:2], *output_size) if fits else None


def view(x: Value, size: Shape) -> Shape | None:
    """Other sizes for the same elements; one of them may be -1."""
    known = prod(length for length in size if length != -1)
    elements = prod(x.shape)
    if elements == known and -1 not in size:
        return size
    if size.count(-1) != 1 or not known or elements % known:
        return None
    return tuple(elements // known if length == -1 else length for length in size)


ANSWERS: dict[str, Answer] = {
    "aten::conv2d": conv2d,
    "aten::linear": linear,
    "aten::view": view,
    "aten::adaptive_avg_pool2d": adaptive_average,
    **dict.fromkeys(("aten::add", "aten::sub", "aten::mul", "aten::div"), broadcast),
    **dict.fromkeys(("aten::add_", "aten::mul_"), broadcast),
    "aten::batch_norm": batch_norm,
    **dict.fromkeys(("aten::relu", "aten::hardtanh", "aten::sigmoid", "aten::silu"), same),
    **dict.fromkeys(("aten::hardswish", "aten::hardsigmoid", "aten::gelu", "aten::tanh"), same),
    **dict.fromkeys(("aten::relu_", "aten::hardtanh_", "aten::sigmoid_", "aten::silu_"), same),
    **dict.fromkeys(("aten::hardswish_", "aten::hardsigmoid_"), same),
}
"""By operator name."""
