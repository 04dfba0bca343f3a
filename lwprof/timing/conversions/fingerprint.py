"""Fingerprints: a hash of what a network computes, by which its conversions are kept.

The operators that one call runs are hashed with everything that they are given: numbers as they stand, results of
earlier operators by their place, all other tensors by their content; and so is what the network gives back. Names of
inputs belong to it, as files have them. So a change in the code or in one weight changes the hash, and a change in a
comment does not.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_leaves

from lwprof.inputs import Values, tensors
from lwprof.timing.conversions.onnx_parts import parts
from lwprof.timing.forwards import called


def of_module(module: Any, values: Values) -> str:
    """Hash what a module in ``eval()`` computes on inputs of these shapes."""
    args, kwargs = called(values)
    recorder = _Recorder((args, kwargs))
    with torch.no_grad(), recorder:
        result = module(*args, **kwargs)
    recorder.add_results(result)
    return str(recorder.hash.hexdigest())


def of_file(file: Path) -> str:
    """Hash the content of an ONNX file, and of those beside it that hold its weights."""
    found = _new()
    for part in parts(file):
        with part.open("rb") as opened:
            found.update(hashlib.file_digest(opened, _new).digest())
    return str(found.hexdigest())


def _new() -> Any:
    return hashlib.blake2b(digest_size=20)


class _Recorder(TorchDispatchMode):
    """Hashes operators as they are dispatched."""

    def __init__(self, inputs: Any) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.hash = _new()
        self._places: dict[int, int] = {}
        self._kept: list[Any] = []
        """So that no tensor's id is given to another one."""
        leaves, form = tree_flatten(inputs)
        self.hash.update(f"{form}".encode())
        for leaf in leaves:
            self._add(leaf, content=False)

    def add_results(self, results: Any) -> None:
        """Hash which tensors are given back, in which order."""
        self.hash.update(b"return(")
        for tensor in tensors(results):
            self._add(tensor, content=True)

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        self.hash.update(f"{func}(".encode())
        for leaf in tree_leaves((args, kwargs)):
            self._add(leaf, content=True)
        results = func(*args, **kwargs)
        for leaf in tree_leaves(results):
            self._add(leaf, content=False)
        return results

    def _add(self, leaf: Any, *, content: bool) -> None:
        if not isinstance(leaf, torch.Tensor):
            self.hash.update(f"{leaf!r},".encode())
            return
        place = self._places.get(id(leaf))
        if place is None:
            place = self._places[id(leaf)] = len(self._kept)
            self._kept.append(leaf)
            self.hash.update(f"{tuple(leaf.shape)}{leaf.dtype}{leaf.stride()}".encode())
            if content:
                self.hash.update(leaf.detach().contiguous().flatten().view(torch.uint8).numpy())
        self.hash.update(f"#{place},".encode())
