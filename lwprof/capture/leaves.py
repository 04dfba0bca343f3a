"""Leaves: torch's own layers that run one operator, handed to the recorder without the way through torch.

A layer's forward and torch's dispatcher take longer than writing the operator down. For exactly these
classes the operator and its arguments are known beforehand. It is the same recorder that gets them, and
a test compares with the way through torch on every network of the catalogue. A layer to which anything
was done (a subclass, a hook, a forward of its own, other padding) goes through torch.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules import module as torch_module

from lwprof.capture.plans import Plan, plan_for

Leaf = Callable[[Any, Tensor], tuple[Plan, tuple[Any, ...]] | None]
"""Says what a layer hands to the dispatcher in eval mode; ``None`` where it is another operator."""

_CONV2D, _BATCH_NORM = plan_for(torch.ops.aten.conv2d.default), plan_for(torch.ops.aten.batch_norm.default)
_CONV2D_DEFAULTS = {4: (1, 1), 5: (0, 0), 6: (1, 1)}  # stride, padding, dilation, by place
_RELU, _RELU_ = plan_for(torch.ops.aten.relu.default), plan_for(torch.ops.aten.relu_.default)
_HARDTANH, _HARDTANH_ = plan_for(torch.ops.aten.hardtanh.default), plan_for(torch.ops.aten.hardtanh_.default)


def _conv2d(layer: nn.Conv2d, x: Tensor) -> tuple[Plan, tuple[Any, ...]] | None:
    stride, padding, dilation = layer.stride, layer.padding, layer.dilation
    if layer.padding_mode != "zeros" or not type(stride) is type(padding) is type(dilation) is tuple:
        return None
    weights = layer._parameters
    bias = weights["bias"]
    args = (x, weights["weight"], bias, stride, padding, dilation, layer.groups)
    if args[6] != 1:
        return _CONV2D, args
    count = 6  # the dispatcher leaves trailing defaults out
    while count > 3 and args[count - 1] == _CONV2D_DEFAULTS[count]:
        count -= 1
    return _CONV2D, args[: 2 if count == 3 and bias is None else count]


def _batch_norm2d(layer: nn.BatchNorm2d, x: Tensor) -> tuple[Plan, tuple[Any, ...]] | None:
    weights, buffers = layer._parameters, layer._buffers
    mean, variance = buffers["running_mean"], buffers["running_var"]
    if layer.training or mean is None or variance is None or layer.momentum is None or x.dim() != 4:
        return None
    vectors = weights["weight"], weights["bias"], mean, variance
    return _BATCH_NORM, (x, *vectors, False, layer.momentum, layer.eps, torch._C._get_cudnn_enabled())


def _relu(layer: nn.ReLU, x: Tensor) -> tuple[Plan, tuple[Any, ...]]:
    return _RELU_ if layer.inplace else _RELU, (x,)


def _relu6(layer: nn.ReLU6, x: Tensor) -> tuple[Plan, tuple[Any, ...]]:
    return _HARDTANH_ if layer.inplace else _HARDTANH, (x, 0.0, 6.0)


_LEAVES: dict[type[nn.Module], tuple[Callable[..., Any], Leaf]] = {
    nn.Conv2d: (nn.Conv2d.forward, _conv2d),
    nn.BatchNorm2d: (nn.BatchNorm2d.forward, _batch_norm2d),
    nn.ReLU: (nn.ReLU.forward, _relu),
    nn.ReLU6: (nn.ReLU6.forward, _relu6),
}
"""By exact class; with torch's own forward, which somebody may have replaced."""

_hooks = [name for name in vars(nn.Module()) if name.endswith(("ward_hooks", "ward_pre_hooks"))]


def leaf_of(layer: nn.Module) -> Leaf | None:
    """Find what ``layer`` hands to the dispatcher, where that is known."""
    kind = type(layer)
    if kind not in _LEAVES:
        return None
    forward, leaf = _LEAVES[kind]
    attributes = layer.__dict__
    plain = kind.forward is forward and "forward" not in attributes and not any(attributes[name] for name in _hooks)
    return leaf if plain else None


def no_global_hooks() -> bool:
    """Whether no hook is registered for all modules."""
    return not torch_module._has_any_global_hook()


def dispatch_is_plain() -> bool:
    """Whether nothing but the recorder changes what torch dispatches: no other mode, no autocast."""
    return bool(
        torch._C._len_torch_dispatch_stack() == 1
        and not torch._C._len_torch_function_stack()
        and not torch._C._is_any_autocast_enabled()
    )
