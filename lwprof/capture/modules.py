"""The module tree of a network: names, stored tensors, and the record of who called whom."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from lwprof.capture.leaves import LEAVES, is_series, leaf_of, no_global_hooks
from lwprof.capture.recorder import Recorder
from lwprof.capture.tensors import Stored, tensors_in
from lwprof.graph import Call, Module, Value

CONTAINERS = (nn.Sequential, nn.ModuleList, nn.ModuleDict)
NOTHING: tuple[tuple[int, ...], ...] = ()
PENDING = Call(-1, "", 0, 0, NOTHING, NOTHING)
"""Stands for a call that has not returned yet."""


class ModuleTree:
    """Every module of a network, listed once under its first name, and what it stores."""

    def __init__(self, root: nn.Module) -> None:
        self.modules: dict[nn.Module, str] = {}
        waiting: list[tuple[nn.Module, str]] = [(root, "")]
        while waiting:
            module, name = waiting.pop()
            if module in self.modules:
                continue
            self.modules[module] = name
            if children := module._modules:
                prefix = f"{name}." if name else ""
                waiting += [(child, prefix + key) for key, child in reversed(children.items()) if child is not None]
        self._scripted = any(issubclass(kind, torch.jit.ScriptModule) for kind in set(map(type, self.modules)))
        self._constants: dict[int, Stored] | None = None

    def stored(self) -> Iterator[Stored]:
        """Every module's parameters and buffers."""
        for module, name in self.modules.items():
            if parameters := module._parameters:
                yield name, "parameter", parameters
            if buffers := module._buffers:
                yield name, "buffer", buffers

    @property
    def device(self) -> torch.device:
        """Where the network's weights are."""
        tensors = (tensor for *_, table in self.stored() for tensor in table.values() if tensor is not None)
        return next((tensor.device for tensor in tensors), torch.device("cpu"))

    def constant(self, tensor: Tensor) -> Stored | None:
        """Find a tensor among those that the network's modules hold as plain attributes."""
        if self._constants is None:
            self._constants = self._plain_attributes()
        known = self._constants.get(id(tensor))
        if known is None and self._scripted:  # a frozen script keeps its weights as constants of its graph
            name = f"constant_{len(self._constants)}"
            known = self._constants[id(tensor)] = ("", "constant", {name: tensor})
        return known

    def _plain_attributes(self) -> dict[int, Stored]:
        found: dict[int, Stored] = {}
        for module, name in self.modules.items():
            for key, item in list(vars(module).items()):
                if key not in ("_parameters", "_buffers", "_modules"):
                    for tensor in tensors_in(item):
                        found.setdefault(id(tensor), (name, "constant", {key: tensor}))
        return found

    def described(self) -> tuple[Module, ...]:
        """The modules as the graph keeps them."""
        now = {type(module) for module in self.modules}  # a lazy module has become another class
        kinds = {kind: (kind.__name__, issubclass(kind, CONTAINERS)) for kind in now}
        if self._scripted:
            return tuple(Module(name, _script_name(m), kinds[type(m)][1]) for m, name in self.modules.items())
        return tuple([Module(name, *kinds[type(m)]) for m, name in self.modules.items()])


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
        yield
