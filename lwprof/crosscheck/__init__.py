"""Crosscheck: the same network counted by other tools, every difference named and closed to the unit."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike

import torch
from torch import nn

from lwprof.crosscheck import fvcore_counter, onnx_tool_counter, thop_counter, torch_counter
from lwprof.crosscheck.ledger import row
from lwprof.crosscheck.tool import Subject, Tool
from lwprof.inputs import Inputs, by_position, random_tensors
from lwprof.models import Network, prepare
from lwprof.profiling import InputSize
from lwprof.results.crosscheck import CrosscheckResult
from lwprof.results.networks import Model, TensorSpec

__all__ = ["TOOLS", "crosscheck"]

TOOLS: tuple[Tool, ...] = (torch_counter.TOOL, fvcore_counter.TOOL, thop_counter.TOOL)
"""Every tool for torch's networks, in the order of the report; ONNX files are counted by onnx-tool."""


def crosscheck(
    network: str | nn.Module | Network,
    *,
    inputs: Inputs | None = None,
    input_size: InputSize | None = None,
    batch: int = 1,
    weights_file: str | PathLike[str] | None = None,
) -> CrosscheckResult:
    """Count a network with every tool and account for the differences.

    >>> from torch import nn
    >>> network = nn.Sequential(nn.Conv2d(3, 8, 1, bias=False), nn.BatchNorm2d(8))
    >>> for row in crosscheck(network, input_size=(3, 4, 4)).rows:
    ...     print(row.tool, row.ours, [term.amount for term in row.terms], row.theirs)
    torch 384 [384] 768
    fvcore 384 [256] 640
    thop 384 [512] 896

    Args:
        network: a model spec, a module or a network.
        inputs: what the network is called with, a tuple or a dict by keyword; the tools compute, so these are real
            tensors. Or a function that makes them, also by name, as for :func:`lwprof.profile`.
        input_size: as for :func:`lwprof.profile`.
        batch: as for :func:`lwprof.profile`.
        weights_file: as for :func:`lwprof.profile`.

    Raises:
        InputError: an unknown spec, or the network's forward raised.
    """
    found = prepare(network, inputs=inputs, input_size=input_size, batch=batch, weights_file=weights_file)
    if found.graph is not None:
        counted = onnx_tool_counter.row(found.file, found.inputs, found.graph)
        return CrosscheckResult(Model(found.name, found.spec, found.inputs), (counted,))
    module = found.module
    assert module is not None, "a network without a graph has a module"
    real = _tensors(module, found.inputs) if found.values is None else by_position(module, found.values)
    subject = Subject.of(module, real)
    called = tuple(TensorSpec(value.shape, value.dtype) for value in subject.graph.inputs)
    return CrosscheckResult(Model(found.name, found.spec, called), tuple(row(tool, subject) for tool in TOOLS))


def _tensors(module: nn.Module, specs: Sequence[TensorSpec]) -> tuple[torch.Tensor, ...]:
    """Make inputs where the module's parameters are."""
    device = next((parameter.device for parameter in module.parameters()), torch.device("cpu"))
    return tuple(tensor.to(device) for tensor in random_tensors(specs, seed=0))
