"""Tensors in, tensors out: networks in the form that converters take."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_flatten, tree_unflatten

from lwprof.errors import BackendError
from lwprof.inputs import Values, tensors
from lwprof.timing.contract import Source
from lwprof.timing.forwards import called


class TensorsOnly(nn.Module):
    """A network that takes its tensors by position and gives a tuple of tensors; all else it is called with is fixed.

    >>> network = TensorsOnly(nn.Bilinear(2, 3, 4), {"input2": torch.ones(1, 3), "input1": torch.ones(1, 2)})
    >>> [output.shape for output in network(torch.ones(1, 3), torch.ones(1, 2))]
    [torch.Size([1, 4])]
    """

    def __init__(self, network: nn.Module, values: Values) -> None:
        super().__init__()
        self.network = network
        self.training = False
        leaves, self._form = tree_flatten(called(values))
        self._places = [place for place, leaf in enumerate(leaves) if isinstance(leaf, Tensor)]
        self._leaves = [None if isinstance(leaf, Tensor) else leaf for leaf in leaves]

    def forward(self, *given: Tensor) -> tuple[Tensor, ...]:
        """Call the network as it wants to be called.

        Raises:
            BackendError: it gives back no tensor.
        """
        leaves = list(self._leaves)
        for place, tensor in zip(self._places, given, strict=True):
            leaves[place] = tensor
        args, kwargs = tree_unflatten(leaves, self._form)
        found = tensors(self.network(*args, **kwargs))
        if not found:
            raise BackendError("a network that gives back no tensor cannot be converted")
        return tuple(found)


def tensors_only(source: Source) -> tuple[TensorsOnly, tuple[Tensor, ...]]:
    """Copy a network, so that no converter changes it, with the tensors that it is called with.

    Both are made outside of inference mode, where exporters want them to be.
    """
    network: Any = source.module
    with torch.inference_mode(False):
        try:
            network = copy.deepcopy(network)
        except Exception:  # what cannot be copied is exported as it is
            network = source.module
        return TensorsOnly(network, source.values), tuple(tensors_of(source.values))


def tensors_of(values: Values) -> list[Tensor]:
    """Copies of the tensors among ``values``, in the order of their positions."""
    return tensors(called(values))
