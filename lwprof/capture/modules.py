"""The module tree of a network: names and stored tensors."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from lwprof.capture.tensors import Stored, tensors_in
from lwprof.graph import Module

CONTAINERS = (nn.Sequential, nn.ModuleList, nn.ModuleDict)


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
