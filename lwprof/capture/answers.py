"""Direct answers: the output shape of the operators that light networks run most.

On meta tensors torch's own shape functions cost up to a millisecond a call (several are Python), which
would be most of a capture. This closed list answers them at once; every other operator goes through
torch. Each answer is tested against torch's own. An answer is asked for only when all tensors are
contiguous and of one floating dtype, and may still return ``None``: then torch is asked after all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor

Shape = tuple[int, ...]
Answer = Callable[..., Shape | None]


def same(x: Tensor, *_args: Any, **_options: Any) -> Shape:
    """Normalisation and activation keep the shape of what they read."""
    return tuple(x.shape)


def broadcast(x: Tensor, y: Any, **options: Any) -> Shape | None:
    """Arithmetic between a tensor and a number, or two tensors of which one fills the other."""
    shape = tuple(x.shape)
    if not isinstance(y, Tensor):
        return shape
    other = tuple(y.shape)
    if shape == other:
        return shape
    if len(shape) != len(other) or any(b not in (1, a) for a, b in zip(shape, other, strict=True)):
        return None
    return shape


def conv2d(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Sequence[int] = (1, 1),
    padding: Sequence[int] | str = (0, 0),
    dilation: Sequence[int] = (1, 1),
    groups: int = 1,
) -> Shape | None:
    """A two-dimensional convolution of a batch of maps."""
    shape = x.shape
    if len(shape) != 4 or isinstance(padding, str):
        return None
    out, per_group, kernel_h, kernel_w = weight.shape
    n, channels, h, w = shape
    (sh, *_), (ph, *_), (dh, *_) = stride, padding, dilation
    sw, pw, dw = stride[-1], padding[-1], dilation[-1]
    height = (h + 2 * ph - dh * (kernel_h - 1) - 1) // sh + 1
    width = (w + 2 * pw - dw * (kernel_w - 1) - 1) // sw + 1
    if channels != per_group * groups or out % groups or height < 1 or width < 1:
        return None  # torch words the error
    return (n, out, height, width)


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Shape | None:
    """A linear layer over the last dimension."""
    *front, features = x.shape
    return (*front, weight.shape[0]) if features == weight.shape[-1] and weight.dim() == 2 and front else None


def global_average(x: Tensor, output_size: Sequence[int]) -> Shape | None:
    """An adaptive pooling of a batch of maps."""
    shape = x.shape
    return (*shape[:2], *output_size) if len(shape) == 4 and len(output_size) == 2 else None


# A batch norm in training, a dtype= or an out= changes the answer: the recorder asks torch there.
ANSWERS: dict[str, Answer] = {
    "aten::conv2d": conv2d,
    "aten::linear": linear,
    "aten::adaptive_avg_pool2d": global_average,
    **dict.fromkeys(("aten::add", "aten::sub", "aten::mul", "aten::div"), broadcast),
    **dict.fromkeys(("aten::add_", "aten::mul_"), broadcast),
    **dict.fromkeys(("aten::batch_norm", "aten::relu", "aten::hardtanh", "aten::sigmoid", "aten::silu"), same),
    **dict.fromkeys(("aten::hardswish", "aten::hardsigmoid", "aten::gelu", "aten::tanh"), same),
    **dict.fromkeys(("aten::relu_", "aten::hardtanh_", "aten::sigmoid_", "aten::silu_"), same),
    **dict.fromkeys(("aten::hardswish_", "aten::hardsigmoid_"), same),
}
"""By operator name."""
