"""Profiling: from a network to its structural numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from os import PathLike

from torch import nn

from lwprof import analyses, collector
from lwprof.analyses import Costed, Group, PlacedBlock
from lwprof.capture import capture
from lwprof.errors import InputError, near
from lwprof.graph import OpGraph
from lwprof.inputs import Inputs, meta_tensors
from lwprof.models import Network, prepare
from lwprof.models.specs import Spec
from lwprof.results.networks import Model, TensorSpec
from lwprof.results.profile import ProfileResult

InputSize = TensorSpec | Sequence[int] | Sequence[Sequence[int] | TensorSpec]


@collector.paused()
def profile(
    network: str | nn.Module | Network,
    *,
    inputs: Inputs | None = None,
    input_size: InputSize | None = None,
    batch: int = 1,
    weights_file: str | PathLike[str] | None = None,
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
            (or a list of shapes, one an input), of the network's floating dtype. The default is that of the spec,
            and ``(3, 224, 224)`` for a module.
        batch: first dimension of the inputs that a size describes.
        weights_file: weights to load into the network that a spec names.
        block: the class that is the building block, where the rule of the conventions guesses wrong.

    Raises:
        InputError: an unknown spec or block, or the network's forward raised.
        BackendError: the spec names a library that is not installed.
    """
    return examine(network, inputs, input_size, batch, weights_file, block).result


@collector.paused()  # until the graph is gone, which the collector would walk through
def profile_network(network: Network, *, block: str | None = None) -> ProfileResult:
    """Profile a network that stands ready."""
    return examine_network(network, block).result


@dataclass(frozen=True, slots=True)
class Examination:
    """A network's operators with what they cost, and the result that they come down to."""

    network: Network
    graph: OpGraph
    rows: Sequence[Costed]
    params: Mapping[int, int]
    groups: Sequence[Group]
    blocks: Sequence[PlacedBlock]
    result: ProfileResult


def examine(
    network: str | Spec | nn.Module | Network,
    inputs: Inputs | None = None,
    input_size: InputSize | None = None,
    batch: int = 1,
    weights_file: str | PathLike[str] | None = None,
    block: str | None = None,
) -> Examination:
    """Profile a network as :func:`profile` does, and keep what the profile was made of."""
    ask = partial(prepare, network, inputs=inputs, input_size=input_size, batch=batch, weights_file=weights_file)
    found = ask(weights=False)  # drawing them takes longer than counting
    try:
        return examine_network(found, block)
    except InputError:
        if not isinstance(network, str | Spec) or not _without_weights(found):
            raise
    return examine_network(ask(), block)  # its forward may have read values


def examine_network(network: Network, block: str | None = None) -> Examination:
    """Examine a network that stands ready."""
    if network.graph is not None:
        return _counted(network.graph, network, block)
    module = network.module
    assert module is not None, "a network without a graph has a module"
    inputs = meta_tensors(network.inputs) if network.values is None else network.values
    args, kwargs = ((), inputs) if isinstance(inputs, Mapping) else (inputs, {})
    with collector.paused():  # a capture makes thousands of small objects and no cycles
        return _counted(capture(module, args, kwargs), network, block)


def _without_weights(network: Network) -> bool:
    return network.module is not None and any(parameter.is_meta for parameter in network.module.parameters())


def _counted(graph: OpGraph, network: Network, block: str | None) -> Examination:
    if block is not None:
        _check_block(block, graph, network.name)
    rows = analyses.costed(graph)
    params = analyses.parameters(graph, rows)
    groups = analyses.fused_groups(graph, rows)
    blocks = analyses.building_blocks(graph, rows, block)
    inputs = tuple(TensorSpec(value.shape, value.dtype) for value in graph.inputs)
    result = ProfileResult(
        model=Model(network.name, network.spec, inputs),
        totals=analyses.totals(graph, rows, params, groups),
        kinds=analyses.kinds(rows, params),
        fragmentation=analyses.fragmentation(blocks),
        coverage=analyses.coverage(graph, rows),
        layers=analyses.layers(graph, rows, params),
        input_dependent=graph.input_dependent,
        published=network.published,
    )
    return Examination(network, graph, rows, params, groups, blocks, result)


def _check_block(block: str, graph: OpGraph, name: str) -> None:
    types = sorted({module.type for module in graph.modules if module.name})
    if block not in types:
        hint = near(block, types) or f"; it has {', '.join(types) or 'none'}"
        raise InputError(f"no module of class {block!r} in {name}{hint}")
