"""Adder layers: convolutions that compare by distance instead of multiplying.

Paper: Chen et al., "AdderNet: Do We Really Need Multiplications in Deep Learning?", arXiv 1912.13200; section 3.

The operator is ``torch.ops.lwprof.adder2d``. Its gradients are the paper's, which are not those of an absolute value.
The differences between all filters and all receptive fields would be a huge tensor; here they are made as many at a
time as the processor's cache holds, which takes less memory and less time, also than ``torch.cdist``. Channels come
last inside, so that a receptive field is copied in long pieces.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn

ETA = 0.2
"""Hyper-parameter of the adaptive learning rate ("/ 5" in the authors' code)."""

_FIELDS = 1 << 22  # elements of receptive fields held at once
_DIFFERENCES = 1 << 18  # elements of filters minus fields held at once: a megabyte, as caches are

Pair = Sequence[int]


class Adder2d(nn.Module):
    """A convolution whose output is minus the sum of absolute differences between input and filter (equation 2).

    (N, in_channels, H, W) -> (N, out_channels, H', W'), with H' and W' as of ``nn.Conv2d``. There is no bias: a batch
    normalisation has to follow, because every output is negative and large. Until that has seen some training batches,
    a network answers the same for every image in eval mode. Filters start from N(0, 1).
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | tuple[int, int],
        stride: int | tuple[int, int] = 1,
        padding: int | tuple[int, int] = 0,
    ) -> None:
        super().__init__()
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.kernel_size = _pair(kernel_size)
        self.stride = _pair(stride)
        self.padding = _pair(padding)
        self.weight = nn.Parameter(torch.empty(out_channels, in_channels, *self.kernel_size))
        nn.init.normal_(self.weight)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, in_channels, H, W) to (N, out_channels, H', W')."""
        return adder2d(x, self.weight, self.stride, self.padding)

    def extra_repr(self) -> str:
        """Say what ``nn.Conv2d`` says."""
        text = f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"
        return f"{text}, padding={self.padding}" if any(self.padding) else text


def adder2d(x: Tensor, weight: Tensor, stride: int | tuple[int, int] = 1, padding: int | tuple[int, int] = 0) -> Tensor:
    """Return ``Y[n, o, i, j] = -sum |X - F[o]|`` over each receptive field (1912.13200, equation 2).

    Padding is part of the sum: against a padded zero a filter element costs its own absolute value. float16 and
    bfloat16 are summed in float32.

    >>> x = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]])
    >>> adder2d(x, torch.tensor([[[[3.0]]]]), 1, 0)
    tensor([[[[-2., -1.],
              [-0., -1.]]]])

    Args:
        x: maps (N, C, H, W).
        weight: filters (O, C, kernel height, kernel width).
        stride: of rows and columns.
        padding: zeros on both sides of rows and columns.

    Raises:
        ValueError: the shapes do not fit, or are not of one floating dtype.
    """
    out: Tensor = torch.ops.lwprof.adder2d(x, weight, _pair(stride), _pair(padding))
    return out


def _pair(size: int | tuple[int, int]) -> tuple[int, int]:
    return (size, size) if isinstance(size, int) else size


def _output_size(x: Tensor, weight: Tensor, stride: Pair, padding: Pair) -> tuple[int, int]:
    """Height and width of the output."""
    if x.dim() != 4 or weight.dim() != 4:
        raise ValueError(
            "adder2d takes maps (N, C, H, W) and filters (O, C, height, width), "
            f"not shapes {tuple(x.shape)} and {tuple(weight.shape)}"
        )
    if x.shape[1] != weight.shape[1]:
        raise ValueError(f"adder2d got maps of {x.shape[1]} channels for filters of {weight.shape[1]} channels")
    if x.dtype != weight.dtype or not x.is_floating_point():
        raise ValueError(f"adder2d takes maps and filters of one floating dtype, not {x.dtype} and {weight.dtype}")
    if min(stride) < 1 or min(padding) < 0:
        raise ValueError(f"adder2d takes strides of at least 1 and padding of at least 0, not {stride} and {padding}")
    sizes = []
    for name, size, kernel, step, pad in zip(
        ("height", "width"), x.shape[2:], weight.shape[2:], stride, padding, strict=True
    ):
        if size + 2 * pad < kernel or kernel < 1:
            raise ValueError(
                f"adder2d got filters of {name} {kernel} for maps of {name} {size} padded to {size + 2 * pad}"
            )
        sizes.append((size + 2 * pad - kernel) // step + 1)
    return sizes[0], sizes[1]


def _rows(maps: Tensor) -> Tensor:
    """(N, C, H, W) to a row of channels for each position."""
    return maps.permute(0, 2, 3, 1).reshape(-1, maps.shape[1])


def _filters(weight: Tensor) -> Tensor:
    """A row for each filter, channels last."""
    return _precise(weight).permute(0, 2, 3, 1).flatten(1)


Part = tuple[slice, slice, Tensor]


def _fields(x: Tensor, weight: Tensor, stride: Pair, padding: Pair) -> Iterator[Part]:
    """Yield runs of images, runs of output rows, and a row for each receptive field there, channels last.

    Fields may share memory where they overlap.
    """
    rows, columns = _output_size(x, weight, stride, padding)
    (n, channels, height, width), (tall, wide) = x.shape, weight.shape[2:]
    padded = _precise(x).new_zeros(n, height + 2 * padding[0], width + 2 * padding[1], channels)
    padded[:, padding[0] : padding[0] + height, padding[1] : padding[1] + width] = x.permute(0, 2, 3, 1)
    windows = padded.unfold(1, tall, stride[0]).unfold(2, wide, stride[1]).permute(0, 1, 2, 4, 5, 3)  # a view
    size = channels * tall * wide
    height_step = max(1, min(rows, _FIELDS // max(columns * size, 1)))
    step = max(1, _FIELDS // max(rows * columns * size, 1))
    for image in range(0, n, step):
        for row in range(0, rows, height_step):
            images, lines = slice(image, min(image + step, n)), slice(row, min(row + height_step, rows))
            yield images, lines, windows[images, lines].reshape(-1, size)


def _differences(filters: Tensor, fields: Tensor) -> Iterator[tuple[slice, Tensor]]:
    """Yield runs of positions, and filters minus fields there, (positions, O, C x kernel), to be used up at once."""
    count = max(1, _DIFFERENCES // max(filters.numel(), 1))
    memory = filters.new_empty(min(count, len(fields)), *filters.shape)
    for start in range(0, len(fields), count):
        part = fields[start : start + count]
        yield slice(start, start + count), torch.sub(filters, part.unsqueeze(1), out=memory[: len(part)])


def _precise(tensor: Tensor) -> Tensor:
    return tensor.float() if tensor.dtype in (torch.float16, torch.bfloat16) else tensor


def _forward(x: Tensor, weight: Tensor, stride: Pair, padding: Pair) -> Tensor:
    height, width = _output_size(x, weight, stride, padding)
    filters = _filters(weight)
    out = x.new_empty(x.shape[0], weight.shape[0], height, width)
    for images, lines, fields in _fields(x, weight, stride, padding):
        distances = filters.new_empty(len(fields), len(filters))
        for run, difference in _differences(filters, fields):
            torch.sum(difference.abs_(), -1, out=distances[run])
        part = out[images, :, lines].permute(0, 2, 3, 1)
        part.copy_(distances.neg_().view(part.shape))
    return out


def _filter_gradient(grad: Tensor, x: Tensor, weight: Tensor, stride: Pair, padding: Pair) -> Tensor:
    """Full precision, ``sum grad (X - F)``, then scaled to a norm of ``ETA sqrt(k)`` (adaptive learning rate).

    The sum is the filter gradient of a convolution, less each filter times the gradients that it got.
    """
    grad, filters = _precise(grad), _filters(weight)
    total = -grad.sum((0, 2, 3)).unsqueeze(1) * filters
    for images, lines, fields in _fields(x, weight, stride, padding):
        total.addmm_(_rows(grad[images, :, lines]).t(), fields)
    total *= ETA * math.sqrt(weight.numel()) / total.norm().clamp(min=1e-12)
    o, c, tall, wide = weight.shape
    return total.view(o, tall, wide, c).permute(0, 3, 1, 2).to(weight.dtype).contiguous()


def _input_gradient(grad: Tensor, x: Tensor, weight: Tensor, stride: Pair, padding: Pair) -> Tensor:
    """Clipped by HardTanh, ``sum grad clip(F - X, -1, 1)``."""
    grad, filters = _precise(grad), _filters(weight)
    (n, channels, height, width), (tall, wide) = x.shape, weight.shape[2:]
    total = grad.new_zeros(n, height + 2 * padding[0], width + 2 * padding[1], channels)
    for images, lines, fields in _fields(x, weight, stride, padding):
        given, made = _rows(grad[images, :, lines]).unsqueeze(1), fields.new_empty(fields.shape)
        for run, difference in _differences(filters, fields):
            torch.bmm(given[run], difference.clamp_(-1, 1), out=made[run].unsqueeze(1))
        rows, columns = lines.stop - lines.start, grad.shape[3]
        made = made.view(-1, rows, columns, tall, wide, channels)
        for i in range(tall):
            top = lines.start * stride[0] + i
            for j in range(wide):
                bottom, right = top + (rows - 1) * stride[0] + 1, j + (columns - 1) * stride[1] + 1
                total[images, top : bottom : stride[0], j : right : stride[1]] += made[:, :, :, i, j]
    inside = total[:, padding[0] : padding[0] + height, padding[1] : padding[1] + width]
    return inside.permute(0, 3, 1, 2).to(x.dtype).contiguous()


def _shape(x: Tensor, weight: Tensor, stride: Pair, padding: Pair) -> Tensor:
    return x.new_empty(x.shape[0], weight.shape[0], *_output_size(x, weight, stride, padding))


def _keep(ctx: Any, inputs: tuple[Tensor, Tensor, Pair, Pair], output: Tensor) -> None:
    x, weight, ctx.stride, ctx.padding = inputs
    ctx.save_for_backward(x, weight)


def _backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None, None, None]:
    given = (grad, *ctx.saved_tensors, ctx.stride, ctx.padding)
    wanted = ctx.needs_input_grad
    return (
        torch.ops.lwprof.adder2d_input_gradient(*given) if wanted[0] else None,
        torch.ops.lwprof.adder2d_filter_gradient(*given) if wanted[1] else None,
        None,
        None,
    )


# Registered by key: torch.library.custom_op would load torch's compiler at the first call, which takes a second.
_LIBRARY = torch.library.Library("lwprof", "FRAGMENT")
for _name, _arguments, _kernel, _meta in (
    ("adder2d", "Tensor input, Tensor weight", _forward, _shape),
    (
        "adder2d_filter_gradient",
        "Tensor grad, Tensor input, Tensor weight",
        _filter_gradient,
        lambda grad, x, weight, stride, padding: weight.new_empty(weight.shape),
    ),
    (
        "adder2d_input_gradient",
        "Tensor grad, Tensor input, Tensor weight",
        _input_gradient,
        lambda grad, x, weight, stride, padding: x.new_empty(x.shape),
    ),
):
    _LIBRARY.define(
        f"{_name}({_arguments}, int[2] stride, int[2] padding) -> Tensor", tags=(torch.Tag.pt2_compliant_tag,)
    )
    _LIBRARY.impl(_name, _kernel, "CompositeExplicitAutograd")
    _LIBRARY.impl(_name, _meta, "Meta")
torch.library.register_autograd("lwprof::adder2d", _backward, setup_context=_keep, lib=_LIBRARY)
