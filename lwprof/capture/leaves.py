"""Leaves: torch's own layers that run one operator, handed to the recorder without the way through torch.

A layer's forward and torch's dispatcher take longer than writing the operator down. For exactly these
classes the operator and its arguments are known beforehand. It is the same recorder that gets them, and
a test compares with the way through torch on every network of the catalogue. A layer to which anything
was done (a subclass, a hook, a forward of its own, other padding) goes through torch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from operator import attrgetter, itemgetter
from typing import Any

import torch
from torch import nn
from torch.nn.modules import module as torch_module

from lwprof.capture.plans import Plan, plan_for
from lwprof.graph import Value

Known = Mapping[int, Value]
"""Values of the dense tensors, by the tensors' identity."""

Handed = tuple[Plan, dict[str, Any], tuple[Value, ...]]
"""An operator, its arguments, and those of them that are tensors."""

Leaf = Callable[[Any, Value, Known], Handed | None]
"""Says what a layer hands to the dispatcher in eval mode.

``None`` where it is another operator; a ``KeyError`` where a tensor is missing, or not dense.
"""

_CONV2D, _BATCH_NORM = plan_for(torch.ops.aten.conv2d.default), plan_for(torch.ops.aten.batch_norm.default)
_CONV2D_DEFAULTS = (("groups", 1), ("dilation", (1, 1)), ("padding", (0, 0)), ("stride", (1, 1)))
_RELU, _RELU_ = plan_for(torch.ops.aten.relu.default), plan_for(torch.ops.aten.relu_.default)
_HARDTANH, _HARDTANH_ = plan_for(torch.ops.aten.hardtanh.default), plan_for(torch.ops.aten.hardtanh_.default)


def _conv2d(layer: nn.Conv2d, x: Value, known: Known) -> Handed | None:
    own = layer.__dict__  # asking the layer itself takes three times as long
    stride, padding, dilation, groups = own["stride"], own["padding"], own["dilation"], own["groups"]
    if own["padding_mode"] != "zeros" or not type(stride) is type(padding) is type(dilation) is tuple:
        return None
    weights = own["_parameters"]
    weight, bias = known[id(weights["weight"])], weights["bias"]
    arguments: dict[str, Any] = {"input": x, "weight": weight}
    if bias is not None:
        shift = arguments["bias"] = known[id(bias)]
        return _CONV2D, arguments | _conv2d_options(stride, padding, dilation, groups), (x, weight, shift)
    if options := _conv2d_options(stride, padding, dilation, groups):
        arguments["bias"] = None
        arguments |= options
    return _CONV2D, arguments, (x, weight)


@lru_cache
def _conv2d_options(stride: Any, padding: Any, dilation: Any, groups: int) -> dict[str, Any]:
    """The dispatcher leaves trailing defaults out."""
    options: dict[str, Any] = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    for name, default in _CONV2D_DEFAULTS:
        if options[name] != default:
            break
        del options[name]
    return options


def _batch_norm2d(layer: nn.BatchNorm2d, x: Value, known: Known) -> Handed | None:
    own = layer.__dict__
    weights, buffers, momentum = own["_parameters"], own["_buffers"], own["momentum"]
    if own["training"] or momentum is None or len(x.shape) != 4:
        return None
    weight, bias = known[id(weights["weight"])], known[id(weights["bias"])]
    mean, variance = known[id(buffers["running_mean"])], known[id(buffers["running_var"])]
    arguments = {
        "input": x,
        "weight": weight,
        "bias": bias,
        "running_mean": mean,
        "running_var": variance,
        "training": False,
        "momentum": momentum,
        "eps": own["eps"],
        "cudnn_enabled": torch._C._get_cudnn_enabled(),
    }
    return _BATCH_NORM, arguments, (x, weight, bias, mean, variance)


def _relu(layer: nn.ReLU, x: Value, _known: Known) -> Handed:
    return _RELU_ if layer.inplace else _RELU, {"self": x}, (x,)


def _relu6(layer: nn.ReLU6, x: Value, _known: Known) -> Handed:
    return _HARDTANH_ if layer.inplace else _HARDTANH, {"self": x, "min_val": 0.0, "max_val": 6.0}, (x,)


LEAVES: dict[type[nn.Module], tuple[Callable[..., Any], Leaf]] = {
    nn.Conv2d: (nn.Conv2d.forward, _conv2d),
    nn.BatchNorm2d: (nn.BatchNorm2d.forward, _batch_norm2d),
    nn.ReLU: (nn.ReLU.forward, _relu),
    nn.ReLU6: (nn.ReLU6.forward, _relu6),
}
"""By exact class; with torch's own forward, which somebody may have replaced."""

_steps = attrgetter("forward", "__iter__", "__call__", "_call_impl")
_SERIES = _steps(nn.Sequential)

_hooks = itemgetter(*(name for name in vars(nn.Module()) if name.endswith(("ward_hooks", "ward_pre_hooks"))))


def leaf_of(layer: nn.Module) -> Leaf | None:
    """Find what ``layer`` hands to the dispatcher, where that is known."""
    kind = type(layer)
    if kind not in LEAVES:
        return None
    forward, leaf = LEAVES[kind]
    return leaf if kind.forward is forward and _untouched(layer) else None


def is_series(module: nn.Module) -> bool:
    """Whether ``module`` does nothing but run its modules one after the other, as ``nn.Sequential`` does."""
    kind = type(module)
    return isinstance(module, nn.Sequential) and _steps(kind) == _SERIES and _untouched(module)


def _untouched(module: nn.Module) -> bool:
    attributes = module.__dict__
    return "forward" not in attributes and not any(_hooks(attributes))


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
