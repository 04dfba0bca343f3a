"""Network: what a model spec or a module comes down to, ready to be profiled and timed."""

from __future__ import annotations

import reprlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lwprof.errors import InputError
from lwprof.models import builders, calls, catalog, names, requests, sources, specs
from lwprof.models.projects import ProjectNetwork
from lwprof.results.networks import Published, TensorSpec

if TYPE_CHECKING:
    from torch import nn

    from lwprof.graph import OpGraph
    from lwprof.inputs import Inputs, Values
    from lwprof.timing.preparation import Subject


@dataclass(frozen=True)
class Network:
    """A network, ready to run, and what is known of it."""

    name: str
    spec: str
    module: nn.Module | None
    """``None`` for one that is a graph alone."""
    inputs: tuple[TensorSpec, ...]
    """Shapes with the batch dimension in front."""
    published: Published | None = None
    build_s: float = 0.0
    """Seconds that building took, without importing the code."""
    values: Values | None = None
    """The inputs themselves, by position or by keyword, where a function made them or the caller gave them."""
    graph: OpGraph | None = None
    """What it runs, where that comes from a file that torch does not run."""
    file: str = ""
    """Path of that file."""

    def subject(self, inputs: tuple[TensorSpec, ...] | None = None) -> Subject:
        """The network as it is timed, with the ``inputs`` of its profile, which looks into dataclasses too."""
        from lwprof.timing.preparation import Subject

        inputs = self.inputs if inputs is None else inputs
        return Subject(self.name, self.module, inputs, self.values, self.build_s, self.file)


def prepare(
    network: str | specs.Spec | nn.Module | Network,
    *,
    inputs: Inputs | None = None,
    input_size: Any = None,
    batch: int = 1,
    weights: bool = True,
    weights_file: str | PathLike[str] | None = None,
) -> Network:
    """Take what people give as a network: a model spec, a module, or a network already.

    Args:
        network: that; a spec may be parsed already.
        inputs: as for :func:`resolve`.
        input_size: instead, the shape of one input without the batch, or a list of shapes.
        batch: as for :func:`resolve`.
        weights: as for :func:`resolve`.
        weights_file: as for :func:`resolve`.

    Raises:
        InputError: it is none of them, or one that what else is given does not go with.
        BackendError: a spec names a library that is not installed.
    """
    if inputs is not None and input_size is not None:
        raise InputError("give either inputs or input_size, not both")
    if isinstance(network, Network):
        if not (inputs is None and input_size is None and batch == 1):
            raise InputError(f"{network.name} has inputs of its own; leave out inputs, input_size and batch")
        return network
    _check_batch(batch)
    if inputs is not None and batch != 1 and not callable(inputs) and not isinstance(inputs, str):
        raise InputError(f"inputs have a batch of their own; leave out batch={batch}")
    sizes = calls.sizes(input_size)
    if isinstance(network, str | specs.Spec):
        return resolve(
            network, input_sizes=sizes, inputs=inputs, batch=batch, weights=weights, weights_file=weights_file
        )
    from torch import nn

    if not isinstance(network, nn.Module):
        raise not_a_network(network)
    if weights_file is not None:
        raise InputError(f"{weights_file} goes with a model spec; load the weights of a module into it")
    name = type(network).__name__
    if inputs is not None:
        values = calls.values(inputs)
        return Network(name, name, network, calls.tensor_specs(values), values=values)
    return Network(name, name, network, calls.batched(sizes or (sources.USER_INPUT,), batch, network))


def not_a_network(item: object) -> InputError:
    """What to raise where neither a model spec nor a module was given."""
    return InputError(f"{reprlib.repr(item)}, of type {type(item).__name__}, is neither a model spec nor an nn.Module")


def resolve(
    spec: str | specs.Spec,
    *,
    input_sizes: Sequence[Sequence[int] | TensorSpec] = (),
    inputs: Inputs | None = None,
    batch: int = 1,
    weights: bool = True,
    weights_file: str | PathLike[str] | None = None,
) -> Network:
    """Build the network that ``spec`` names, with the same weights every time.

    Args:
        spec: a model spec, or one that is parsed already.
        input_sizes: without the batch dimension, one for each input, of the network's own floating dtype unless a
            :class:`TensorSpec` says otherwise. By default one image of the usual size: the catalogue's resolution,
            or what a library says of the network.
        inputs: instead of sizes, the inputs themselves (a tensor, a tuple, or a dict by keyword) or a function that
            makes them, also by name: in the network's own file or module, or as ``FILE.py:NAME``. They have a batch
            of their own.
        batch: first dimension of the inputs that sizes describe.
        weights: without, a network of the catalogue or of a library is built of meta tensors: enough to count it,
            and drawing random weights takes longer than that.
        weights_file: weights to load into it.

    Raises:
        InputError: the spec names nothing, or its network refuses to be built so.
        BackendError: the spec names a library that is not installed.
    """
    parsed = specs.parse(spec) if isinstance(spec, str) else spec
    _check_batch(batch)
    if inputs is not None and input_sizes:
        raise InputError("give either inputs or an input size, not both")
    target, name, project = names.meaning(parsed)
    sizes = tuple(size if isinstance(size, TensorSpec) else tuple(size) for size in input_sizes)
    folder = None
    if project is not None:
        if inputs is not None or sizes:
            target = _without_resolution(target, parsed)
        elif "resolution" not in parsed.options or target.kind not in sources.SIZED:
            inputs, sizes, folder = project.inputs or None, project.input_sizes, project.folder
    if inputs is not None and target.kind in sources.SIZED and "resolution" in target.options:
        raise InputError(f"{parsed.text}: give either resolution={target.options['resolution']} or inputs, not both")
    file = _weights_file(weights_file, project)
    values = None if inputs is None else calls.values(inputs, target, folder)
    if target.kind == "onnx":
        return _onnx_file(target, name, sizes, values, batch, file)
    built = sources.SOURCES[target.kind](target, sizes, values, weights or file is not None)
    if file is not None:
        _load(built.module, file, name, target)
    label = names.with_options(name, parsed)
    called = calls.batched(built.sizes, batch, built.module) if values is None else calls.tensor_specs(values)
    return Network(label, parsed.text, built.module, called, built.published, built.build_s, values)


def build(name: str, **options: object) -> nn.Module:
    """Build a network of the catalogue or of a model spec, with the same weights every time.

    >>> sum(parameter.numel() for parameter in build("mbv2", width=0.75).parameters())
    2636424

    Raises:
        InputError: the name names nothing, or its network refuses the options.
        BackendError: the spec names a library that is not installed.
    """
    target, label, project = names.meaning(specs.parse(name))
    if target.kind == "onnx":
        raise InputError(f"{name} is an ONNX file, which torch does not run; lwprof.profile counts it")
    if target.kind == "catalogue":
        entry = catalog.find(target.place)
        checked, resolution = requests.options_and_resolution(entry, target)
        if resolution is not None or "resolution" in options:
            raise InputError("resolution belongs to the input, not to the module; leave it out of build()")
        checked |= {key: requests.checked(entry, key, value, repr(value)) for key, value in options.items()}
        module = builders.of_catalogue(entry, checked, name)[0]
    elif target.kind == "library":
        module = builders.of_library(target, {**target.values, **options}, None)[0].module
    else:
        module = builders.of_user(target, {**target.values, **options})[0]
    if (file := _weights_file(None, project)) is not None:
        _load(module, file, label, target)
    return module


def _onnx_file(
    target: specs.Spec, name: str, sizes: Sequence[specs.Size], values: Values | None, batch: int, weights: Path | None
) -> Network:
    """Read an ONNX file, its open sizes taken from what was given."""
    from lwprof.onnx_files import capture_file

    if weights is not None:
        raise InputError(f"{target.text}: an ONNX file has weights of its own; leave out {weights}")
    if target.options:
        raise InputError(f"{target.text}: an ONNX file takes no options such as {next(iter(target.options))!r}")
    if values is not None:
        graph = capture_file(target.place, _described(values), batch=None)
    else:
        graph = capture_file(target.place, sizes, batch)
    inputs = tuple(TensorSpec(value.shape, value.dtype) for value in graph.inputs)
    return Network(name, target.text, None, inputs, graph=graph, file=target.place)


def _described(values: Values) -> Sequence[TensorSpec] | Mapping[str, TensorSpec]:
    """Shapes and dtypes of inputs, by position or by name as they are."""
    if not isinstance(values, Mapping):
        return calls.tensor_specs(values)
    return {name: spec for name, value in values.items() for spec in calls.tensor_specs((value,))}


def _without_resolution(target: specs.Spec, typed: specs.Spec) -> specs.Spec:
    """Leave out a resolution that only the project's file asks for, where other inputs were asked for."""
    if target.kind not in sources.SIZED or "resolution" in typed.options:
        return target
    return replace(target, options={key: text for key, text in target.options.items() if key != "resolution"})


def _weights_file(given: str | PathLike[str] | None, project: ProjectNetwork | None) -> Path | None:
    if given is not None:
        return Path(given)
    return project.folder / project.weights if project is not None and project.weights else None


def _load(module: nn.Module, file: Path, name: str, target: specs.Spec) -> None:
    from lwprof.architectures import conversion
    from lwprof.models import weights

    entry = catalog.find(target.place).name if target.kind == "catalogue" else ""
    conversions = conversion.CONVERSIONS.get(entry, ())
    weights.fit(module, weights.load(file), file, name, conversions)


def _check_batch(batch: int) -> None:
    if batch < 1:
        raise InputError(f"a batch of {batch} is not possible; give 1 or more")
