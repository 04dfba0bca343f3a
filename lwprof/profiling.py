"""Profiling: from a network to its structural numbers."""

from __future__ import annotations

import reprlib
from collections.abc import Mapping, Sequence
from functools import partial
from os import PathLike
from typing import Any

import torch
from torch import Tensor, nn

from lwprof import analyses, collector
from lwprof.capture import capture
from lwprof.capture.tensors import dtype_name
from lwprof.errors import InputError, near
from lwprof.graph import OpGraph
from lwprof.inputs import Inputs, Values, floating_dtype
from lwprof.models import USER_INPUT, Network, calls, resolve
from lwprof.results import Model, ProfileResult, Published, TensorSpec


def profile(
    network: str | nn.Module,
    *,
    inputs: Inputs | None = None,
    input_size: Sequence[int] | Sequence[Sequence[int]] | None = None,
    block: str | None = None,
) -> ProfileResult:
    """Count what one call of a network costs: params, mult-adds, memory access, fragmentation.

    >>> from torch import nn
    >>> result = profile(nn.Conv2d(3, 8, 3, padding=1, bias=False), input_size=(3, 32, 32))
    >>> result.totals.params, result.totals.mult_adds
    (216, 221184)

    Args:
        network: a module, or a model spec such as ``"mbv2:width=0.75"``.
        inputs: what the module is called with: a tuple of positional inputs or a dict of keyword inputs;
            tensors may be nested in lists, tuples and dicts. Or a function that makes them, also by name:
            ``"FILE.py:NAME"``, or ``"NAME"`` in the file of a spec. Only shapes and dtypes matter unless the
            network's control flow reads values.
        input_size: instead of ``inputs``, the shape of one input without the batch dimension
            (or a list of shapes, one an input), of the module's floating dtype; the batch is 1. The default is
            ``(3, 224, 224)``.
        block: the class that is the building block, where the rule of the conventions guesses wrong.

    Raises:
        InputError: an unknown spec or block, or the network's forward raised.
    """
    if isinstance(network, str):
        return profile_spec(network, inputs=inputs, input_sizes=sizes_for_spec(input_size), block=block)
    if not isinstance(network, nn.Module):
        raise InputError(f"{reprlib.repr(network)} is neither a model spec nor an nn.Module")
    if inputs is None:
        specs = input_specs(USER_INPUT if input_size is None else input_size, network)
        inputs = tuple(_meta(TensorSpec((1, *spec.shape), spec.dtype)) for spec in specs)
    elif input_size is not None:
        raise InputError("give either inputs or input_size, not both")
    elif callable(inputs) or isinstance(inputs, str):
        inputs = calls.values(inputs)
    name = type(network).__name__
    return _profile(network, inputs, name, name, None, block)


def profile_spec(
    spec: str,
    *,
    inputs: Inputs | None = None,
    input_sizes: Sequence[Sequence[int] | TensorSpec] = (),
    batch: int = 1,
    weights_file: str | PathLike[str] | None = None,
    block: str | None = None,
) -> ProfileResult:
    """Profile the network that ``spec`` names, without drawing weights where it can be counted without."""
    build = partial(resolve, spec, inputs=inputs, input_sizes=input_sizes, batch=batch, weights_file=weights_file)
    network = build(weights=False)
    try:
        return profile_network(network, block=block)
    except InputError:
        if network.module is None or not any(parameter.is_meta for parameter in network.module.parameters()):
            raise
    return profile_network(build(), block=block)  # its forward may have read values


def profile_network(network: Network, *, block: str | None = None) -> ProfileResult:
    """Profile a network that a model spec named."""
    if network.graph is not None:
        return _counted(network.graph, network.name, network.spec, network.published, block)
    inputs = tuple(map(_meta, network.inputs)) if network.values is None else network.values
    module = network.module
    assert module is not None, "a network without a graph has a module"
    return _profile(module, inputs, network.name, network.spec, network.published, block)


@collector.paused()  # a capture makes thousands of small objects and no cycles
def _profile(
    module: nn.Module,
    inputs: Tensor | Values,
    name: str,
    spec: str,
    published: Published | None,
    block: str | None,
) -> ProfileResult:
    if isinstance(inputs, Tensor):
        inputs = (inputs,)
    args, kwargs = ((), inputs) if isinstance(inputs, Mapping) else (inputs, {})
    return _counted(capture(module, args, kwargs), name, spec, published, block)


def _counted(graph: OpGraph, name: str, spec: str, published: Published | None, block: str | None) -> ProfileResult:
    if block is not None:
        _check_block(block, graph, name)
    rows = analyses.costed(graph)
    params = analyses.parameters(graph, rows)
    given = tuple(TensorSpec(value.shape, value.dtype) for value in graph.inputs)
    return ProfileResult(
        model=Model(name, spec, given),
        totals=analyses.totals(graph, rows, params),
        kinds=analyses.kinds(rows, params),
        fragmentation=analyses.fragmentation(graph, rows, block),
        coverage=analyses.coverage(graph, rows),
        layers=analyses.layers(graph, rows, params),
        input_dependent=graph.input_dependent,
        published=published,
    )


def _meta(spec: TensorSpec) -> Tensor:
    return torch.empty(spec.shape, dtype=getattr(torch, spec.dtype), device="meta")


def _check_block(block: str, graph: OpGraph, name: str) -> None:
    types = sorted({module.type for module in graph.modules if module.name})
    if block not in types:
        hint = near(block, types) or f"; it has {', '.join(types) or 'none'}"
        raise InputError(f"no module of class {block!r} in {name}{hint}")


def input_specs(input_size: Any, module: nn.Module | None = None) -> list[TensorSpec]:
    """Read what people give as ``input_size``: one shape or a list of them, batch left out.

    Each becomes a :class:`TensorSpec` of the module's own floating dtype; given ones stay as they are.

    >>> input_specs((3, 8, 8))
    [TensorSpec(shape=(3, 8, 8), dtype='float32')]

    Raises:
        InputError: it is neither.
    """
    name = dtype_name(torch.float32 if module is None else floating_dtype(module))
    try:
        shapes = [input_size] if all(isinstance(side, int) for side in input_size) else input_size
        specs = [
            shape if isinstance(shape, TensorSpec) else TensorSpec(tuple(int(side) for side in shape), name)
            for shape in shapes
        ]
    except (TypeError, ValueError):
        specs = []
    if not specs or any(side < 0 for spec in specs for side in spec.shape):
        raise InputError(f"input_size {input_size!r} is no shape such as (3, 224, 224), nor a list of shapes")
    return specs


def sizes_for_spec(input_size: Any) -> list[TensorSpec | tuple[int, ...]]:
    """Check an ``input_size`` that goes with a model spec; sizes without a dtype get the network's once it is built.

    Raises:
        InputError: it is no size.
    """
    specs = [] if input_size is None else input_specs(input_size)
    given = [item for item in input_size or () if isinstance(item, TensorSpec)]
    return [spec if spec in given else spec.shape for spec in specs]
