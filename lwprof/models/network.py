"""Models: turn a model spec into a network that can be profiled and timed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from lwprof.errors import InputError
from lwprof.models import builders, calls, catalog, names, requests, specs
from lwprof.models.projects import ProjectNetwork
from lwprof.results import Published, TensorSpec

if TYPE_CHECKING:
    from torch import nn

    from lwprof.graph import OpGraph
    from lwprof.inputs import Inputs, Values

USER_INPUT = (3, 224, 224)
"""Input size of a user's network where none is given."""


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


def resolve(
    spec: str,
    *,
    input_sizes: Sequence[Sequence[int] | TensorSpec] = (),
    inputs: Inputs | None = None,
    batch: int = 1,
    weights: bool = True,
    weights_file: str | PathLike[str] | None = None,
) -> Network:
    """Build the network that ``spec`` names, with the same weights every time.

    Args:
        spec: a model spec.
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
    parsed = specs.parse(spec)
    if batch < 1:
        raise InputError(f"a batch of {batch} is not possible; give 1 or more")
    if inputs is not None and input_sizes:
        raise InputError("give either inputs or an input size, not both")
    target, name, project = _followed(parsed)
    sizes = tuple(size if isinstance(size, TensorSpec) else tuple(size) for size in input_sizes)
    folder = None
    if project is not None and inputs is None and not sizes and "resolution" not in parsed.options:
        inputs, sizes, folder = project.inputs or None, project.input_sizes, project.folder
    file = _weights_file(weights_file, project)
    values = None if inputs is None else calls.values(inputs, target, folder)
    if target.kind == "onnx":
        return _onnx_file(target, name, sizes, values, batch, file)
    wanted = calls.image_size(values, sizes)
    published = None
    if target.kind == "catalogue":
        entry = catalog.find(target.place)
        options, resolution = requests.options_and_resolution(entry, target)
        if values is None:
            sizes = tuple(requests.sizes(entry, sizes, resolution))
            wanted = calls.image_size(None, sizes)
        module, build_s = builders.of_catalogue(entry, options, parsed.text, weights or file is not None)
        if wanted is not None and wanted[1] == wanted[2]:
            published = entry.published_for(options, wanted[1])
    elif target.kind == "library":
        library_options, size = _library_request(target, sizes)
        made, build_s = builders.of_library(target, library_options, size or wanted, weights or file is not None)
        module, published = made.module, made.published
        sizes = sizes or (made.input_size,)
    else:
        module, build_s = builders.of_user(target, target.values)
        sizes = sizes or (USER_INPUT,)
    if file is not None:
        _load(module, file, name, target)
    written = ",".join(f"{key}={value}" for key, value in parsed.options.items())
    given = calls.batched(sizes, batch, module) if values is None else calls.tensor_specs(values)
    return Network(f"{name}:{written}" if written else name, parsed.text, module, given, published, build_s, values)


def build(name: str, **options: object) -> nn.Module:
    """Build a network of the catalogue or of a model spec, with the same weights every time.

    >>> sum(parameter.numel() for parameter in build("mbv2", width=0.75).parameters())
    2636424

    Raises:
        InputError: the name names nothing, or its network refuses the options.
        BackendError: the spec names a library that is not installed.
    """
    target, label, project = _followed(specs.parse(name))
    if target.kind == "onnx":
        raise InputError(f"{name} is an ONNX file, which torch does not run; lwprof.profile counts it")
    if target.kind != "catalogue":
        values = {**target.values, **options}
        if target.kind == "library":
            module = builders.of_library(target, values, None)[0].module
        else:
            module = builders.of_user(target, values)[0]
    else:
        entry = catalog.find(target.place)
        given, resolution = requests.options_and_resolution(entry, target)
        if resolution is not None or "resolution" in options:
            raise InputError("resolution belongs to the input, not to the module; leave it out of build()")
        for key, value in options.items():
            given[key] = requests.checked(entry, key, value, repr(value))
        module = builders.of_catalogue(entry, given, name)[0]
    if (file := _weights_file(None, project)) is not None:
        _load(module, file, label, target)
    return module


def _followed(parsed: specs.Spec, project: bool = True) -> tuple[specs.Spec, str, ProjectNetwork | None]:
    """What a spec comes down to once names are looked up, its name in reports, and what the project says of it."""
    if parsed.kind == "library":
        return parsed, f"{parsed.place}:{parsed.name}", None
    if parsed.kind != "catalogue":
        return parsed, parsed.name, None
    named = names.find(parsed.place, project=project)
    if isinstance(named, catalog.Entry):
        return parsed, named.name, None
    own = named if isinstance(named, ProjectNetwork) else None
    target = specs.parse(named.spec) if own is None else own.parsed()
    target = replace(target, text=parsed.text, options={**target.options, **parsed.options})
    return _followed(target, project=False)[0], named.name, own


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
        given = calls.tensor_specs(values)
        sizes = tuple(TensorSpec(spec.shape[1:], spec.dtype) for spec in given)
        batch = next((spec.shape[0] for spec in given if spec.shape), 1)
    graph = capture_file(target.place, sizes, batch)
    inputs = tuple(TensorSpec(value.shape, value.dtype) for value in graph.inputs)
    return Network(name, target.text, None, inputs, graph=graph, file=target.place)


def _library_request(
    target: specs.Spec, sizes: Sequence[specs.Size]
) -> tuple[dict[str, object], tuple[int, ...] | None]:
    """Options for the builder of a library, and the size of image that "resolution" among them asks for."""
    options = target.values
    if "resolution" not in target.options:
        return options, None
    side = requests.pixels(target, target.options["resolution"])
    if sizes:
        raise InputError(f"{target.text}: give either resolution={side} or an input size, not both")
    del options["resolution"]
    channels = options.get("in_chans", options.get("in_channels", USER_INPUT[0]))
    return options, (channels if isinstance(channels, int) else USER_INPUT[0], side, side)


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
