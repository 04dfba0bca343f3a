"""Preservation: whatever runs a network, the network is afterwards as it was, also after an exception."""

from __future__ import annotations

import random
import sys
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import chain, compress
from operator import itemgetter
from typing import Any

import torch
from torch import nn
from torch.nn.modules.lazy import LazyModuleMixin
from torch.nn.parameter import is_lazy
from torch.utils.hooks import RemovableHandle

_CONTENTS = ("_parameters", "_buffers", "_modules")
_PASSING = "_non_persistent_buffers_set"
_registrations = itemgetter(_PASSING, *(name for name in vars(nn.Module()) if "_hooks" in name))
_main_registrations = itemgetter(_PASSING, *(name for name in vars(nn.Module()) if name.endswith("_hooks")))
"""Where these are empty, all are."""

_TORCH_ATTRIBUTES = frozenset(vars(nn.Module()))

_CONTAINERS = frozenset({list, dict, set, OrderedDict, defaultdict, Counter, deque})
"""Types of a user's attributes whose content a forward may change: caches, logs."""

_ATOMS = frozenset({bool, int, float, complex, str, bytes, type(None)})

_FOREIGN = frozenset({"torch", "numpy", "builtins", "functools"})
"""Where the types come from whose objects a forward does not store things in."""

_set = object.__setattr__  # that of a module looks for parameters

_MOST_KEPT = 10_000
"""Objects looked at in all: a network that holds on to a data set is not copied."""


@contextmanager
def preserved(modules: Collection[nn.Module]) -> Iterator[None]:
    """Put back every module's attributes, parameters, buffers, hooks, class and training flag.

    The run has copies of the modules' dicts and of their contents, so that nothing has to be compared afterwards.
    torch materialises lazy parameters in place, so the run gets stand-ins for them.
    """
    kinds = [type(module) for module in modules]
    attributes = [module.__dict__ for module in modules]
    # a script's tables are views of what it has in C++; of another module the flag may be a property
    own_tables = ["training" in held or isinstance(held.get("_parameters"), dict) for held in attributes]
    eager = list(compress(attributes, own_tables))
    scripts = [
        (m, m.training) for m, own in zip(modules, own_tables, strict=True) if not own and hasattr(m, "training")
    ]
    any_registered = any(map(any, map(_main_registrations, eager)))
    tables = chain.from_iterable(map(_registrations, eager if any_registered else ()))
    registered = [(table, table.copy()) for table in tables if table]
    next_hook = RemovableHandle.next_id
    parameters = [p for held in eager for p in held["_parameters"].values() if p is not None]
    trainable = [parameter.requires_grad for parameter in parameters]
    users: list[tuple[Any, Any]] = []
    seen: set[int] = set()
    unknown = {k for k in set(kinds) if not k.__module__.startswith("torch.nn.") or issubclass(k, nn.RNNBase)}
    for kind, held in zip(kinds, attributes, strict=True):
        if kind in unknown and len(held) > len(_TORCH_ATTRIBUTES):
            for name, item in held.items():
                if name not in _TORCH_ATTRIBUTES:
                    _keep(item, users, seen)
    in_use = {id(item) for item, _ in users}
    try:
        for module, held, own in zip(modules, attributes, own_tables, strict=True):
            names = _CONTENTS if own else ()
            if in_use:  # an attribute may lead back to the module's own dicts: then the run writes into them
                whole = [held, *(held[name] for name in names)]
                if not in_use.isdisjoint(map(id, whole)):
                    users += [(item, item.copy()) for item in whole]
                    continue
            run = held.copy()
            for name in names:
                run[name] = run[name].copy()
            _set(module, "__dict__", run)
        for module in modules if any(issubclass(kind, LazyModuleMixin) for kind in set(kinds)) else ():
            if isinstance(module, LazyModuleMixin) and "_load_hook" in module.__dict__:
                _stand_in(module)
        yield
    finally:
        for module, kind, held in zip(modules, kinds, attributes, strict=True):
            if type(module) is not kind:
                module.__class__ = kind
            _set(module, "__dict__", held)
        for module, flag in scripts:
            module.training = flag
        for held in eager:
            held[_PASSING].clear()
        for table in chain.from_iterable(map(_registrations, eager if RemovableHandle.next_id != next_hook else ())):
            table.clear()
        for item, copy in chain(registered, users):
            _refill(item, copy)
        for parameter, wanted in zip(parameters, trainable, strict=True):
            if parameter.requires_grad is not wanted:
                parameter.requires_grad_(wanted)


def _refill(item: Any, content: Any) -> None:
    item.clear()
    (item.extend if isinstance(item, list | deque) else item.update)(content)


def _keep(item: Any, kept: list[tuple[Any, Any]], seen: set[int]) -> None:
    """Copy the containers, and the attributes of a user's plain objects, that can be reached from ``item``."""
    kind = type(item)
    if kind in _ATOMS or id(item) in seen or len(seen) > _MOST_KEPT:
        return
    seen.add(id(item))
    if kind in _CONTAINERS:
        kept.append((item, item.copy()))
        inside = item.values() if isinstance(item, dict) else item
    elif isinstance(item, tuple):
        inside = item
    elif isinstance(item, torch.Tensor | nn.Module | type) or kind.__module__.partition(".")[0] in _FOREIGN:
        return
    elif isinstance(attributes := getattr(item, "__dict__", None), dict):
        kept.append((attributes, attributes.copy()))
        inside = attributes.values()
    else:
        return
    for part in list(inside):
        _keep(part, kept, seen)


def _stand_in(module: nn.Module) -> None:
    """Let the run initialise a lazy module, with tensors of its own and without being recorded."""
    for table in (module._parameters, module._buffers):
        for name, tensor in list(table.items()):
            if tensor is not None and is_lazy(tensor):
                fresh: Any = type(tensor)
                table[name] = fresh(requires_grad=tensor.requires_grad, device=tensor.device)
    initialize: Any = module.initialize_parameters

    def unrecorded(*args: Any, **kwargs: Any) -> None:
        with torch._C._DisableTorchDispatch():
            initialize(*args, **kwargs)

    module.__dict__["initialize_parameters"] = unrecorded


@contextmanager
def random_state() -> Iterator[None]:
    """Put back the random state of Python, torch (CUDA if it is in use) and NumPy (if its own is loaded)."""
    numpy_random: Any = sys.modules.get("numpy.random")
    before = random.getstate(), torch.get_rng_state(), numpy_random.get_state(legacy=False) if numpy_random else None
    cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else None
    try:
        yield
    finally:
        random.setstate(before[0])
        torch.set_rng_state(before[1])
        if numpy_random:
            numpy_random.set_state(before[2])
        if cuda is not None:
            torch.cuda.set_rng_state_all(cuda)


@contextmanager
def unchanged_content(modules: Iterable[nn.Module]) -> Iterator[None]:
    """Put back what a real run changed below the dispatcher: buffers' content, and the memory of stored tensors."""
    memory, content = [], []
    for module in modules:
        for table, may_be_written in ((module._parameters, False), (module._buffers, True)):
            for tensor in table.values() if table else ():
                if tensor is None or is_lazy(tensor):
                    continue
                memory.append((tensor, tensor.data))
                if may_be_written:
                    content.append((tensor, tensor.detach().clone()))
    try:
        yield
    finally:
        with torch.no_grad():
            for tensor, before in memory:
                if tensor.layout is torch.strided and tensor.data_ptr() != before.data_ptr():
                    tensor.data = before
            for buffer, before in content:
                if not torch.equal(buffer, before):
                    buffer.copy_(before)


@contextmanager
def evaluated(modules: Sequence[nn.Module]) -> Iterator[None]:
    """Have modules in eval mode for a real run; they and the content of their tensors are afterwards as they were."""
    with preserved(modules), unchanged_content(modules):
        set_eval(modules)
        yield


@contextmanager
def room_for_calls() -> Iterator[None]:
    """Let modules nest as deep as without a capture, which takes more stack a call."""
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(2 * limit)
    try:
        yield
    finally:
        sys.setrecursionlimit(limit)


@contextmanager
def open_operators() -> Iterator[None]:
    """Have compiled modules run eagerly and fused transformer layers one operator at a time, without gradients."""
    with ExitStack() as stack:
        if "torch._dynamo" in sys.modules:  # else a module's frame that runs now would never compile again
            stack.enter_context(torch.compiler.set_stance("force_eager"))
        fast = torch.backends.mha.get_fastpath_enabled()
        torch.backends.mha.set_fastpath_enabled(False)
        stack.callback(torch.backends.mha.set_fastpath_enabled, fast)
        stack.enter_context(torch.no_grad())
        yield


def set_eval(modules: Iterable[nn.Module]) -> None:
    """Put each module's own flag to eval, without the ``train()`` that a class may override."""
    for module in modules:
        attributes = module.__dict__
        if "training" in attributes:
            attributes["training"] = False
        elif hasattr(module, "training"):  # a script keeps its flag elsewhere
            module.training = False
