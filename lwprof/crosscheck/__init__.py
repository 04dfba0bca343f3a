"""Crosscheck: the same network counted by other tools, every difference named and closed to the unit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from lwprof.crosscheck import fvcore_counter, thop_counter, torch_counter
from lwprof.crosscheck.ledger import row
from lwprof.crosscheck.tool import Subject, Tool
from lwprof.inputs import random_tensor
from lwprof.results import CrosscheckResult, Model, TensorSpec

if TYPE_CHECKING:
    from lwprof.models import Network

__all__ = ["TOOLS", "crosscheck", "crosscheck_module"]

TOOLS: tuple[Tool, ...] = (torch_counter.TOOL, fvcore_counter.TOOL, thop_counter.TOOL)
"""Every tool, in the order of the report."""


def crosscheck(network: Network) -> CrosscheckResult:
    """Count a network with every tool and account for the differences.

    Raises:
        InputError: the network's forward raised.
    """
    device = next((parameter.device for parameter in network.module.parameters()), torch.device("cpu"))
    inputs = tuple(random_tensor(spec.shape, getattr(torch, spec.dtype)).to(device) for spec in network.inputs)
    return crosscheck_module(network.module, inputs, network.name, network.spec)


def crosscheck_module(
    module: nn.Module, inputs: tuple[Any, ...], name: str | None = None, spec: str | None = None
) -> CrosscheckResult:
    """Count ``module(*inputs)`` with every tool; the tools compute, so the inputs are real tensors.

    >>> from torch import nn
    >>> network = nn.Sequential(nn.Conv2d(3, 8, 1, bias=False), nn.BatchNorm2d(8))
    >>> for row in crosscheck_module(network, (torch.zeros(1, 3, 4, 4),)).rows:
    ...     print(row.tool, row.ours, [term.amount for term in row.terms], row.theirs)
    torch 384 [384] 768
    fvcore 384 [256] 640
    thop 384 [512] 896
    """
    subject = Subject.of(module, inputs)
    name = name or type(module).__name__
    given = tuple(TensorSpec(value.shape, value.dtype) for value in subject.graph.inputs)
    return CrosscheckResult(Model(name, spec or name, given), tuple(row(tool, subject) for tool in TOOLS))
