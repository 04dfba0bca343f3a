"""Adder layers: convolutions that compare by distance instead of multiplying.

Paper: Chen et al., "AdderNet: Do We Really Need Multiplications in Deep Learning?", arXiv 1912.13200; section 3.

The operator is ``torch.ops.lwprof.adder2d``. Its gradients are the paper's, which are not those of an absolute value.
The differences between all filters and all receptive fields would be a huge tensor; here they are made as many at a
time as the processor's cache holds, which takes less memory and less time. On one thread that is also four times as
fast as ``torch.cdist``.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

ETA = 0.2
"""Hyper-parameter of the adaptive learning rate ("/ 5" in the authors' code)."""

_FIELDS = 1 << 22  # elements of receptive fields held at once
_DIFFERENCES = 1 << 18  # elements of filters minus fields held at once: a megabyte, as caches are

Pair = Sequence[int]


class Adder2d(nn.Module):
    """A convolution whose output is minus the sum of absolute differences between input and filter (equation 2).

    (N, in_channels, H, W) -> (N, out_channels, H', W'), with H' and W' as of ``nn.Conv2d``. There is no bias: a batch
    normalisation has to follow, because every output is negative and large. Filters start from N(0, 1).
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


Part = tuple[slice, slice, Tensor]


def _fields(x: Tensor, weight: Tensor, stride: Pair, padding: Pair) -> Iterator[Part]:
    """Yield runs of images, runs of output rows, and their receptive fields (positions, C x kernel)."""
    height, width = _output_size(x, weight, stride, padding)
    padded = F.pad(x, (padding[1], padding[1], padding[0], padding[0]))
    windows = padded.unfold(2, weight.shape[2], stride[0]).unfold(3, weight.shape[3], stride[1])
    windows = windows.permute(0, 2, 3, 1, 4, 5)  # a view: (N, H', W', C, kernel height, kernel width)
    size = math.prod(weight.shape[1:])
    rows = max(1, min(height, _FIELDS // max(width * size, 1)))
    images = max(1, _FIELDS // max(height * width * size, 1))
    for image in range(0, x.shape[0], images):
        for row in range(0, height, rows):
            part = windows[image : image + images, row : row + rows]
            yield slice(image, image + images), slice(row, row + rows), part.reshape(-1, size)


def _differences(filters: Tensor, fields: Tensor) -> Iterator[tuple[slice, Tensor]]:
    """Yield runs of positions, and filters minus fields there, (positions, O, C x kernel), to be used up at once."""
    count = max(1, _DIFFERENCES // max(filters.numel(), 1))
    memory = filters.new_empty(min(count, len(fields)), *filters.shape)
    for start in range(0, len(fields), count):
        part = fields[start : start + count]
        yield slice(start, start + count), torch.sub(filters, part.unsqueeze(1), out=memory[: len(part)])


def _precise(tensor: Tensor) -> Tensor:
    return tensor.float() if tensor.dtype in (torch.float16, torch.bfloat16) else tensor


def _rows(grad: Tensor, images: slice, rows: slice) -> Tensor:
    """Gradients of a run of positions, (positions, O)."""
    return grad[images, :, rows].permute(0, 2, 3, 1).reshape(-1, grad.shape[1])


def _forward(x: Tensor, weight: Tensor, stride: Pair, padding: Pair) -> Tensor:
    height, width = _output_size(x, weight, stride, padding)
    out = x.new_empty(x.shape[0], weight.shape[0], height, width)
    filters = _precise(weight.flatten(1))
    for images, rows, fields in _fields(x, weight, stride, padding):
        distances = filters.new_empty(len(fields), len(filters))
        for run, difference in _differences(filters, _precise(fields)):
            torch.sum(difference.abs_(), -1, out=distances[run])
        part = out[images, :, rows]
        n, o, h, w = part.shape
        part.copy_(distances.neg_().view(n, h, w, o).permute(0, 3, 1, 2))
    return out


def _filter_gradient(grad: Tensor, x: Tensor, weight: Tensor, stride: Pair, padding: Pair) -> Tensor:
    """Full precision, ``sum grad (X - F)``, then scaled to a norm of ``ETA sqrt(k)`` (adaptive learning rate).

    The sum is the filter gradient of a convolution, less each filter times the gradients that it got.
    """
    grad, filters = _precise(grad), _precise(weight.flatten(1))
    total = -grad.sum((0, 2, 3)).unsqueeze(1) * filters
    for images, rows, fields in _fields(x, weight, stride, padding):
        total.addmm_(_rows(grad, images, rows).t(), _precise(fields))
    total *= ETA * math.sqrt(weight.numel()) / total.norm().clamp(min=1e-12)
    return total.view(weight.shape).to(weight.dtype)


def _input_gradient(grad: Tensor, x: Tensor, weight: Tensor, stride: Pair, padding: Pair) -> Tensor:
    """Clipped by HardTanh, ``sum grad clip(F - X, -1, 1)``."""
    grad, filters = _precise(grad), _precise(weight.flatten(1))
    (n, channels, height, width), kernel = x.shape, weight.shape[2:]
    total = grad.new_zeros(n, channels, height + 2 * padding[0], width + 2 * padding[1])
    for images, rows, fields in _fields(x, weight, stride, padding):
        fields, given = _precise(fields), _rows(grad, images, rows)
        made = torch.empty_like(fields)
        for run, difference in _differences(filters, fields):
            made[run] = torch.bmm(given[run].unsqueeze(1), difference.clamp_(-1, 1)).squeeze(1)
        count = total[images].shape[0]
        tall = (grad[:, :, rows].shape[2] - 1) * stride[0] + kernel[0]
        spread = made.view(count, -1, made.shape[1]).transpose(1, 2)
        strip = F.fold(spread, (tall, total.shape[3]), tuple(kernel), stride=tuple(stride))
        top = rows.start * stride[0]
        total[images, :, top : top + tall] += strip
    inside = total[:, :, padding[0] : padding[0] + height, padding[1] : padding[1] + width]
    return inside.to(x.dtype).contiguous()


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
