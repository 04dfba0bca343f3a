"""Meta twins: operators are run on tensors without memory, which have the shapes and strides of the real ones."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from lwprof.capture.plans import Overload, Plan
from lwprof.capture.tensors import META

_CRASHES = frozenset({"aten::_fused_moving_avg_obs_fq_helper"})
"""torch reads the memory that meta tensors do not have: the process would end."""

_UNROLLED = frozenset({"aten::lstm", "aten::gru", "aten::rnn_tanh", "aten::rnn_relu"})
"""torch's shape functions run every time step of these."""


class Twins:
    """The twins of a run's real tensors, each made once."""

    def __init__(self) -> None:
        self._made: dict[int, Tensor] = {}

    def run(
        self, func: Overload, plan: Plan, given: dict[str, Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """Run an operator on twins of its arguments, which are ``given`` by name as well.

        Raises:
            NotImplementedError: it needs values.
        """
        if plan.name in _CRASHES:
            raise NotImplementedError(f"{plan.name} needs values")
        if "device" in kwargs:
            kwargs = kwargs | {"device": META}
        if plan.name in _UNROLLED and "input" in given:  # a packed sequence has "data" instead
            return _in_one_step(func, self._twin(given))
        result = func(*self._twin(args), **self._twin(kwargs))
        if plan.name == "aten::conv2d" and any(_is_channels_last(tensor) for tensor in args[:2]):
            return torch.empty_like(result, memory_format=torch.channels_last)  # as on the CPU; torch's answer is not
        return result

    def _twin(self, item: Any) -> Any:
        if isinstance(item, Tensor):
            if item.is_meta:
                return item
            twin = self._made.get(id(item))
            if twin is None:
                if item.layout is torch.strided:
                    twin = torch.empty_strided(item.shape, item.stride(), dtype=item.dtype, device=META)
                else:
                    twin = torch.empty(item.shape, dtype=item.dtype, device=META)
                self._made[id(item)] = twin
            return twin
        if isinstance(item, list | tuple):
            return type(item)(self._twin(part) for part in item)
        if isinstance(item, dict):
            return {name: self._twin(part) for name, part in item.items()}
        return item


def _in_one_step(func: Overload, given: dict[str, Any]) -> tuple[Tensor, ...]:
    """Ask for the first time step of a recurrent layer; with all of them its output alone is longer."""
    data, time = given["input"], int(given["batch_first"])
    output, *states = func(**given | {"input": data[:, :1] if time else data[:1]})
    step = output.transpose(0, time)
    return step.new_empty((data.shape[time], *step.shape[1:])).transpose(0, time), *states


def _is_channels_last(tensor: Tensor) -> bool:
    return tensor.dim() == 4 and not tensor.is_contiguous() and tensor.is_contiguous(memory_format=torch.channels_last)
