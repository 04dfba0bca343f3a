"""The module tree of a network: names, stored tensors, and the record of who called whom."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from lwprof.capture.recorder import Recorder, tensors_in
from lwprof.graph import Call, Module, Weight

CONTAINERS = (nn.Sequential, nn.ModuleList, nn.ModuleDict)


class Stored(NamedTuple):
    """A tensor that the network stores."""

    tensor: Tensor
    name: str
    module: str
    source: str


class ModuleTree:
    """Every module and stored tensor of a network, each listed once under its first name."""

    def __init__(self, root: nn.Module) -> None:
        self.modules: dict[nn.Module, str] = {}
        self.stored: dict[int, Stored] = {}
        self._scripted = False
        self._plain_seen = False
        self._walk(root, "")

    def _walk(self, module: nn.Module, name: str) -> None:
        self.modules[module] = name
        prefix = f"{name}." if name else ""
        self._scripted = self._scripted or isinstance(module, torch.jit.ScriptModule)
        stored = self.stored
        for source, table in (("parameter", module._parameters), ("buffer", module._buffers)):
            for key, tensor in table.items():
                if tensor is not None and id(tensor) not in stored:
                    stored[id(tensor)] = Stored(tensor, prefix + key, name, source)
        for key, child in module._modules.items():
            if child is not None and child not in self.modules:
                self._walk(child, prefix + key)

    def classify(self, tensor: Tensor) -> str:
        """Tell where a tensor that no recorded operator made comes from."""
        known = self.stored.get(id(tensor))
        if known is None and not self._plain_seen:
            self._plain_seen = True
            self._add_plain_attributes()
            known = self.stored.get(id(tensor))
        if known is None and self._scripted:  # a frozen script keeps its weights as constants of its graph
            known = self.stored[id(tensor)] = Stored(tensor, f"constant_{len(self.stored)}", "", "constant")
        return known.source if known else "unseen"

    def _add_plain_attributes(self) -> None:
        for module, name in self.modules.items():
            for key, item in list(vars(module).items()):
                if key in ("_parameters", "_buffers", "_modules"):
                    continue
                for tensor in tensors_in(item):
                    if id(tensor) not in self.stored:
                        where = f"{name}.{key}" if name else key
                        self.stored[id(tensor)] = Stored(tensor, where, name, "constant")

    def weights(self, recorder: Recorder) -> tuple[Weight, ...]:
        """Describe the stored tensors, with the graph values they became."""
        numbers = recorder.numbers()
        rows = [
            Weight(
                name, module, tensor.numel(), tensor.nbytes, source, tensor.requires_grad, numbers.get(id(tensor), -1)
            )
            for tensor, name, module, source in self.stored.values()
            if not (source == "constant" and id(tensor) not in numbers) and not _uninitialised(tensor)
        ]
        rows += [
            Weight(f"packed_{value.number}", "", value.elements, value.bytes, "constant", False, value.number)
            for value in recorder.packed
        ]
        return tuple(rows)

    def described(self) -> tuple[Module, ...]:
        """The modules as the graph keeps them."""
        return tuple(
            Module(name, _type_name(module), isinstance(module, CONTAINERS)) for module, name in self.modules.items()
        )


def _uninitialised(tensor: Tensor) -> bool:
    return isinstance(tensor, nn.parameter.UninitializedTensorMixin)


def _type_name(module: nn.Module) -> str:
    if isinstance(module, torch.jit.ScriptModule):
        return str(getattr(module, "original_name", type(module).__name__))
    return type(module).__name__


class CallRecord:
    """Collects module calls while a network runs, and tells the recorder which one it is in."""

    def __init__(self, tree: ModuleTree, recorder: Recorder) -> None:
        self.names = tree.modules
        self.recorder = recorder
        self.calls: list[Call] = []

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Watch every module call of this thread."""
        original = nn.Module.__call__
        owner = threading.get_ident()
        recorder, calls, names = self.recorder, self.calls, self.names
        operators = recorder.builder.operators

        def watched(module: nn.Module, *args: Any, **kwargs: Any) -> Any:
            name = names.get(module)
            if name is None or threading.get_ident() != owner:
                return original(module, *args, **kwargs)
            parent = recorder.call
            index = recorder.call = len(calls)
            start, given = len(operators), recorder.shapes(args, kwargs)
            calls.append(Call(parent, name, start, start, given, ()))
            try:
                result = original(module, *args, **kwargs)
            finally:
                recorder.call = parent
            returned = recorder.shapes((result,), None)
            calls[index] = Call(parent, name, start, len(operators), given, returned)
            return result

        watched_call: Callable[..., Any] = watched
        nn.Module.__call__ = watched_call  # type: ignore[method-assign, assignment]
        try:
            yield
        finally:
            nn.Module.__call__ = original  # type: ignore[method-assign]
