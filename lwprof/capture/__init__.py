"""Capture: run a network once, without computing anything where possible, and keep its operator graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from lwprof.capture import failures
from lwprof.capture.calls import CallRecord
from lwprof.capture.modules import ModuleTree
from lwprof.capture.recorder import Recorder
from lwprof.capture.tensors import META, mapped, tensors_in
from lwprof.errors import InputError, first_line, missing_memory
from lwprof.graph import OpGraph
from lwprof.inputs import random_tensor
from lwprof.preservation import (
    open_operators,
    preserved,
    random_state,
    room_for_calls,
    set_eval,
    unchanged_content,
)

WHOLE = torch._C._AutoDispatchBelowAutograd
"""Without the autograd keys, composite operators reach the dispatch mode whole."""

__all__ = ["capture", "tensors_in"]


def capture(
    module: nn.Module,
    args: Sequence[Any] = (),
    kwargs: Mapping[str, Any] | None = None,
    *,
    real: bool = False,
) -> OpGraph:
    """Run ``module(*args, **kwargs)`` in eval mode and return its operator graph.

    Activations are meta tensors, so nothing is allocated or computed. A network whose control flow
    needs values is run once more on real tensors; the graph then says ``input_dependent``. The module,
    its inputs and the random state are afterwards as they were, also after an exception.

    Args:
        args: positional inputs; tensors may be nested in lists, tuples and dicts. Meta tensors stand
            for inputs of that shape.
        real: compute with real tensors from the start.

    Raises:
        InputError: the network's forward raised.
    """
    inputs = (tuple(args), dict(kwargs or {}))
    if not real:
        try:
            return _run(module, inputs, execute=False)
        except Exception:  # values were needed, or the network is broken: the real run tells
            pass
    try:
        return _run(module, inputs, execute=True, input_dependent=not real)
    except Exception as error:
        if wanted := missing_memory(error):
            name = type(module).__name__
            raise InputError(f"the forward of {name} needs more memory than there is ({wanted})") from error
        shapes = ", ".join(str(tuple(tensor.shape)) for tensor in tensors_in(inputs))
        advice = (
            "a dict gives them by keyword; one that is itself the argument belongs in a tuple"
            if kwargs
            else "name others with --input-size for each input, or input_size"
        )
        said = [failures.place(error, ModuleTree(module).modules), f"inputs: {shapes or 'none'}", advice]
        raise InputError(
            f"the forward of {type(module).__name__} raised {first_line(error)} ({'; '.join(filter(None, said))})"
        ) from error


def _run(
    module: nn.Module, inputs: tuple[tuple[Any, ...], dict[str, Any]], execute: bool, input_dependent: bool = False
) -> OpGraph:
    tree = ModuleTree(module)
    recorder = Recorder(execute, tree.constant)
    record = CallRecord(tree, recorder)
    with random_state(), preserved(tree.modules), open_operators(), WHOLE(), room_for_calls():
        for stored in tree.stored():
            recorder.add_stored(*stored)
        args, kwargs = mapped(partial(_real, device=tree.device) if execute else _meta, inputs)
        values = tuple(recorder.add(tensor, "input") for tensor in tensors_in((args, kwargs)))
        set_eval(tree.modules)
        record.watch()
        try:
            with unchanged_content(tree.modules) if execute else nullcontext(), recorder:
                result = module(*args, **kwargs)
        finally:
            recorder.restore_written()  # into the memory that its tensors had before
        return OpGraph(
            operators=tuple(recorder.builder.operators),
            values=tuple(recorder.builder.values),
            inputs=values,
            outputs=tuple(recorder.value(tensor) for tensor in tensors_in(result)),
            weights=tuple(recorder.builder.weights),
            modules=tree.described(),
            calls=tuple(record.calls),
            input_dependent=input_dependent,
        )


def _meta(tensor: Tensor) -> Tensor:
    if tensor.is_meta:
        return tensor
    return torch.empty_strided(tensor.shape, tensor.stride(), dtype=tensor.dtype, device=META)


def _real(tensor: Tensor, device: torch.device) -> Tensor:
    """A tensor to compute with: the given one copied, or random values for a meta tensor."""
    if not tensor.is_meta:
        return tensor.detach().clone()
    return random_tensor(tensor.shape, tensor.dtype).to(device)
