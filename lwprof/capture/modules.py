"""The module tree of a network: names, stored tensors, and the record of who called whom."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from lwprof.capture.leaves import Leaf, leaf_of, no_global_hooks
from lwprof.capture.recorder import Recorder
from lwprof.capture.tensors import Stored, tensors_in
from lwprof.graph import Call, Module

CONTAINERS = (nn.Sequential, nn.ModuleList, nn.ModuleDict)
NOTHING: tuple[tuple[int, ...], ...] = ()
PENDING = Call(-1, "", 0, 0, NOTHING, NOTHING)
"""Stands for a call that has not returned yet."""

_new = tuple.__new__  # as in graph.py: a capture makes hundreds


class ModuleTree:
    """Every module and stored tensor of a network, each listed once under its first name."""

    def __init__(self) -> None:
        self.modules: dict[nn.Module, str] = {}
        self.stored: dict[int, Stored] = {}
        self._types: set[type] = set()
        self._plain_seen = False
        self._scripted = False

    def walk(self, root: nn.Module, add_stored: Callable[[Stored], object]) -> Iterator[nn.Module]:
        """Yield every module of a network, each before its tensors are read, and pass those on.

        Whoever keeps a module's state may so put stand-ins for its tensors before they are read.
        """
        stored, modules = self.stored, self.modules
        waiting: list[tuple[nn.Module, str]] = [(root, "")]
        while waiting:
            module, name = waiting.pop()
            if module in modules:
                continue
            modules[module] = name
            self._types.add(type(module))
            yield module
            prefix = f"{name}." if name else ""
            for source, table in (("parameter", module._parameters), ("buffer", module._buffers)):
                for key, tensor in table.items() if table else ():
                    if tensor is not None and id(tensor) not in stored:
                        stored[id(tensor)] = row = (tensor, prefix + key, name, source)
                        add_stored(row)
            children = module._modules
            if children:
                below = [(child, prefix + key) for key, child in children.items() if child is not None]
                waiting += reversed(below)
        self._scripted = any(issubclass(kind, torch.jit.ScriptModule) for kind in self._types)

    @property
    def device(self) -> torch.device:
        """Where the network's weights are."""
        return next((tensor.device for tensor, *_ in self.stored.values()), torch.device("cpu"))

    def find(self, tensor: Tensor) -> Stored | None:
        """Find a tensor that no recorded operator made among those that the network stores."""
        known = self.stored.get(id(tensor))
        if known is None and not self._plain_seen:
            self._plain_seen = True
            self._add_plain_attributes()
            known = self.stored.get(id(tensor))
        if known is None and self._scripted:  # a frozen script keeps its weights as constants of its graph
            known = self.stored[id(tensor)] = (tensor, f"constant_{len(self.stored)}", "", "constant")
        return known

    def _add_plain_attributes(self) -> None:
        for module, name in self.modules.items():
            for key, item in list(vars(module).items()):
                if key in ("_parameters", "_buffers", "_modules"):
                    continue
                for tensor in tensors_in(item):
                    if id(tensor) not in self.stored:
                        where = f"{name}.{key}" if name else key
                        self.stored[id(tensor)] = (tensor, where, name, "constant")

    def described(self) -> tuple[Module, ...]:
        """The modules as the graph keeps them."""
        now = {type(module) for module in self.modules}  # a lazy module has become another class
        kinds = {kind: (kind.__name__, issubclass(kind, CONTAINERS)) for kind in now}
        if self._scripted:
            return tuple(Module(name, _script_name(m), kinds[type(m)][1]) for m, name in self.modules.items())
        return tuple([_new(Module, (name, *kinds[type(m)])) for m, name in self.modules.items()])


def _script_name(module: nn.Module) -> str:
    return str(getattr(module, "original_name", type(module).__name__))


class CallRecord:
    """Collects module calls while a network runs, and tells the recorder which one it is in."""

    def __init__(self, tree: ModuleTree, recorder: Recorder) -> None:
        self._modules = tree.modules
        self._recorder = recorder
        self.calls: list[Call] = []
        """The calls in the order they began."""

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Have every module of the network report its calls in this thread.

        ``nn.Module.__call__`` looks ``_call_impl`` up on the instance.
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
                calls[index] = _new(Call, (parent, name, start, len(operators), given, returned))
            return result

        def watched_leaf(leaf: Leaf, layer: nn.Module, name: str, *args: Any, **kwargs: Any) -> Any:
            result = None
            parent = recorder.call
            if len(args) == 1 and not kwargs and threading.get_ident() == owner:
                recorder.call = len(calls)
                try:
                    result = recorder.record_leaf(leaf, layer, args[0])
                finally:
                    recorder.call = parent
            if result is None:
                return watched(partial(nn.Module._call_impl, layer), name, *args, **kwargs)
            last = operators[-1]
            start = last.index
            row = (parent, name, start, start + 1, (last.inputs[0].shape,), (last.outputs[0].shape,))
            calls.append(_new(Call, row))
            return result

        known = not recorder.execute and no_global_hooks()
        for module, name in self._modules.items():
            leaf = leaf_of(module) if known else None
            if leaf is None:
                report = partial(watched, module._call_impl, name)
            else:
                report = partial(watched_leaf, leaf, module, name)
            module.__dict__["_call_impl"] = report
        try:
            yield
        finally:
            for module in self._modules:
                module.__dict__.pop("_call_impl", None)
