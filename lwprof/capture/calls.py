"""The record of who called whom while a network runs."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from typing import Any

from torch import nn

from lwprof.capture.leaves import LEAVES, is_series, leaf_of, no_global_hooks
from lwprof.capture.modules import ModuleTree
from lwprof.capture.recorder import Recorder
from lwprof.graph import Call, Value

NOTHING: tuple[tuple[int, ...], ...] = ()
PENDING = Call(-1, "", 0, 0, NOTHING, NOTHING)
"""Stands for a call that has not returned yet."""


class CallRecord:
    """Collects module calls while a network runs, and tells the recorder which one it is in."""

    def __init__(self, tree: ModuleTree, recorder: Recorder) -> None:
        self._modules = tree.modules
        self._recorder = recorder
        self.calls: list[Call] = []
        """The calls in the order they began."""

    def watch(self) -> None:
        """Have every module of the network report its calls in this thread.

        ``nn.Module.__call__`` looks ``_call_impl`` up on the instance. It is left there: the dicts are copies that
        :func:`lwprof.preservation.preserved` takes away. A layer is looked at when it is called, as it is then.
        """
        owner = threading.get_ident()
        recorder, calls = self._recorder, self.calls
        operators, shapes = recorder.builder.operators, recorder.shapes

        def watched(original: Callable[..., Any], name: str, *args: Any, **kwargs: Any) -> Any:
            if threading.get_ident() != owner:
                return original(*args, **kwargs)
            parent = recorder.call
            index = recorder.call = len(calls)
            start, given, returned = len(operators), shapes(args, kwargs), NOTHING
            calls.append(PENDING)
            try:
                result = original(*args, **kwargs)
                returned = shapes((result,), None)
            finally:
                recorder.call = parent
                calls[index] = Call(parent, name, start, len(operators), given, returned)
            return result

        def written(layer: nn.Module, name: str, x: Value) -> Value | None:
            leaf = leaf_of(layer)
            if leaf is None:
                return None
            parent = recorder.call
            recorder.call = len(calls)
            try:
                made = recorder.record_leaf(leaf, layer, x)
            finally:
                recorder.call = parent
            if made is not None:
                start = made.producer
                calls.append(Call(parent, name, start, start + 1, (x.shape,), (made.shape,)))
            return made

        def single(layer: nn.Module, name: str, otherwise: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
            """Run a layer whose operator is known."""
            if len(args) == 1 and not kwargs and threading.get_ident() == owner:
                held = recorder.symbolic(args[0])
                if held is not None and (made := written(layer, name, held)) is not None:
                    return recorder.hold(args[0], made) if made.root == held.root else recorder.symbol(made)
            return otherwise(*args, **kwargs)

        def series(module: nn.Sequential, otherwise: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
            """Run one layer after the other; those whose operator is known hand each other values, not tensors."""
            if len(args) != 1 or kwargs or threading.get_ident() != owner or not is_series(module):
                return otherwise(*args, **kwargs)
            x: Any = args[0]
            held: Value | None = None  # what x holds, or would if there were a tensor
            for layer in module._modules.values():
                made = None
                if (name := leaves.get(layer)) is not None:
                    held = held or recorder.symbolic(x)
                    made = held and written(layer, name, held)
                if held is not None and made is not None:
                    if made.root != held.root:
                        x = None
                    elif x is not None:
                        recorder.hold(x, made)
                    held = made
                else:
                    x = layer(recorder.symbol(held) if held is not None and x is None else x)
                    held = None
            return recorder.symbol(held) if held is not None and x is None else x

        leaves: dict[nn.Module, str] = {}
        plain = not recorder.execute and no_global_hooks()
        for module, name in self._modules.items():
            attributes, original = module.__dict__, module._call_impl
            report = partial(watched, original, name)
            if plain and "_call_impl" not in attributes:
                if type(module) in LEAVES:
                    leaves[module] = name
                    report = partial(single, module, name, report)
                elif isinstance(module, nn.Sequential):
                    report = partial(watched, partial(series, module, original), name)
            attributes["_call_impl"] = report
            if "_compiled_call_impl" in attributes:
                attributes["_compiled_call_impl"] = None  # what Module.compile() makes would be called in its place
