"""Scopes: which module each node of an exported graph comes from.

Exporting by tracing leaves them in the names of nodes and of what they make, torch's newer exporter in their metadata.
Further calls of a module are numbered there: ``act_1`` is one of ``act`` where the network has no module ``act_1``.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from typing import Any

from lwprof.inputs import Values
from lwprof.timing.forwards import called

_SCOPES = "pkg.torch.onnx.name_scopes"
_NUMBERED = re.compile(r"_\d+$")


class Modules:
    """Modules of a network, under the names that a profile gives them."""

    def __init__(self, module: Any) -> None:
        """Name them: a module that has several names goes by its first."""
        first = {id(part): name for name, part in module.named_modules()}
        self._names: dict[str, str] = {
            name: first[id(part)] for name, part in module.named_modules(remove_duplicate=False)
        }

    def of(self, node: Any) -> str | None:
        """Name of the module that a node comes from, or of the next one above; ``None`` where that is not known.

        >>> import onnx, torch
        >>> modules = Modules(torch.nn.Sequential(torch.nn.Sequential(torch.nn.ReLU())))
        >>> modules.of(onnx.helper.make_node("Relu", ["a"], ["b"], "/network/network.0/network.0.0_1/Relu"))
        '0.0'
        """
        scopes = _scopes(node)
        if scopes is None:
            return None
        path = ""
        for scope in scopes:
            part = scope.rpartition(".")[2]
            parts = part, _NUMBERED.sub("", part)
            found = (".".join(filter(None, (path, one))) for one in parts)
            inner = next((name for name in found if name in self._names), None)
            if inner is None:
                break
            path = inner
        return self._names[path]


def _scopes(node: Any) -> Sequence[str] | None:
    """Scopes below the network's own."""
    for entry in node.metadata_props:
        if entry.key == _SCOPES:
            return list(ast.literal_eval(entry.value))[2:-1]
    named = next((name for name in (node.name, *node.output) if name.startswith("/")), None)
    return None if named is None else named.split("/")[2:-1]


def hosts(module: Any, values: Values, present: set[str]) -> Mapping[str, Sequence[str]]:
    """Modules without modules that left nothing in a graph, by the one whose result each takes up.

    Such are batch norms that an exporter folds into convolutions, and activations that a quantiser folds into ranges.

    Args:
        module: the network, in ``eval()``.
        values: what to call it with.
        present: names of the modules that left something.
    """
    import torch
    from torch import Tensor, nn
    from torch.utils._pytree import tree_leaves

    from lwprof.preservation import open_operators, random_state

    idle = nn.Identity, nn.Flatten, nn.Unflatten, nn.modules.dropout._DropoutNd
    makers: dict[int, str] = {}
    kept: list[Tensor] = []
    found: dict[str, dict[str, None]] = {}

    def before(name: str) -> Any:
        def note(part: Any, given: Any) -> None:
            host = next((makers[id(item)] for item in tree_leaves(given) if id(item) in makers), None)
            part_hosts[name] = host

        return note

    def after(name: str, part: Any) -> Any:
        def note(part: Any, given: Any, result: Any) -> None:
            host = part_hosts.pop(name, None)
            owner = name
            if name not in present and not isinstance(part, idle) and host is not None:
                found.setdefault(host, {})[name] = None
                owner = host
            elif name not in present and host is not None:
                owner = host
            for item in tree_leaves(result):
                if isinstance(item, Tensor):
                    makers[id(item)] = owner
                    kept.append(item)  # an id is somebody's as long as he lives

        return note

    part_hosts: dict[str, str | None] = {}
    handles = []
    args, kwargs = called(values)
    try:
        for name, part in module.named_modules():
            if not any(True for _ in part.children()):
                handles += [
                    part.register_forward_pre_hook(before(name)),
                    part.register_forward_hook(after(name, part)),
                ]
        with torch.no_grad(), random_state(), open_operators():
            module(*args, **kwargs)
    except Exception:  # scripted ones take no hooks; what is known so far is right
        pass
    finally:
        for handle in handles:
            handle.remove()
    return {host: tuple(names) for host, names in found.items()}
