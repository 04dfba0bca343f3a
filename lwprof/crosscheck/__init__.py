"""Crosscheck: the same network counted by other tools, every difference named and closed to the unit."""

from __future__ import annotations

import reprlib
from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from lwprof.crosscheck import fvcore_counter, onnx_tool_counter, thop_counter, torch_counter
from lwprof.crosscheck.ledger import row
from lwprof.crosscheck.tool import Subject, Tool
from lwprof.errors import InputError
from lwprof.inputs import Inputs, by_position, random_tensor
from lwprof.models import USER_INPUT, Network, calls, resolve
from lwprof.profiling import input_specs, sizes_for_spec
from lwprof.results import CrosscheckResult, Model, TensorSpec

__all__ = ["TOOLS", "crosscheck"]

TOOLS: tuple[Tool, ...] = (torch_counter.TOOL, fvcore_counter.TOOL, thop_counter.TOOL)
"""Every tool for torch's networks, in the order of the report; ONNX files are counted by onnx-tool."""


def crosscheck(
    network: str | nn.Module | Network,
    *,
    inputs: Inputs | None = None,
    input_size: Sequence[int] | Sequence[Sequence[int]] | None = None,
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
        input_size: instead of ``inputs``, the shape of one input without the batch dimension (or a list of shapes,
            one an input); the batch is 1. The default is that of :func:`lwprof.profile`.

    Raises:
        InputError: an unknown spec, or the network's forward raised.
    """
    if inputs is not None and input_size is not None:
        raise InputError("give either inputs or input_size, not both")
    if isinstance(network, str):
        network = resolve(network, input_sizes=sizes_for_spec(input_size), inputs=inputs)
        input_size = inputs = None
    if isinstance(network, Network):
        if inputs is not None or input_size is not None:
            raise InputError("inputs go with a module or a model spec; a network has its own")
        if network.graph is not None:
            counted = onnx_tool_counter.row(network.file, network.inputs, network.graph)
            return CrosscheckResult(Model(network.name, network.spec, network.inputs), (counted,))
        assert network.module is not None, "a network without a graph has a module"
        values = network.values
        given = _tensors(network.module, network.inputs) if values is None else by_position(network.module, values)
        return _crosscheck(network.module, given, network.name, network.spec)
    if not isinstance(network, nn.Module):
        raise InputError(f"{reprlib.repr(network)} is neither a model spec nor an nn.Module")
    if callable(inputs) or isinstance(inputs, str):
        inputs = calls.values(inputs)
    if inputs is None:
        specs = input_specs(USER_INPUT if input_size is None else input_size, network)
        inputs = _tensors(network, [TensorSpec((1, *spec.shape), spec.dtype) for spec in specs])
    name = type(network).__name__
    given = (inputs,) if isinstance(inputs, torch.Tensor) else by_position(network, inputs)
    return _crosscheck(network, given, name, name)


def _crosscheck(module: nn.Module, inputs: tuple[Any, ...], name: str, spec: str) -> CrosscheckResult:
    subject = Subject.of(module, inputs)
    given = tuple(TensorSpec(value.shape, value.dtype) for value in subject.graph.inputs)
    return CrosscheckResult(Model(name, spec, given), tuple(row(tool, subject) for tool in TOOLS))


def _tensors(module: nn.Module, specs: Sequence[TensorSpec]) -> tuple[torch.Tensor, ...]:
    """Make inputs where the module's parameters are."""
    device = next((parameter.device for parameter in module.parameters()), torch.device("cpu"))
    return tuple(random_tensor(spec.shape, getattr(torch, spec.dtype)).to(device) for spec in specs)
