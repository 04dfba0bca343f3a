"""Models: turn a model spec into a network that can be profiled and timed."""

from __future__ import annotations

import contextlib
import importlib
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lwprof import catalog, specs, user_code
from lwprof.errors import InputError
from lwprof.results import Published, TensorSpec

if TYPE_CHECKING:
    from torch import nn

USER_INPUT = (3, 224, 224)
"""Input size of a user's network where none is given."""


@dataclass(frozen=True)
class Network:
    """A network, ready to run, and what is known of it."""

    name: str
    spec: str
    module: nn.Module
    inputs: tuple[TensorSpec, ...]
    """Shapes with the batch dimension in front."""
    published: Published | None = None
    build_s: float = 0.0
    """Seconds that building took, without importing the code."""


def resolve(
    spec: str, *, input_sizes: Sequence[Sequence[int] | TensorSpec] = (), batch: int = 1, weights: bool = True
) -> Network:
    """Build the network that ``spec`` names, with the same weights every time.

    ``input_sizes`` are without the batch dimension, one for each input, of the network's own floating
    dtype unless a :class:`TensorSpec` says otherwise. By default one image at the catalogue's resolution.

    Without ``weights`` a network of the catalogue is built of meta tensors: enough to count it, and drawing
    random weights takes longer than that.

    Raises:
        InputError: the spec names nothing, or its network refuses to be built so.
    """
    parsed = specs.parse(spec)
    if batch < 1:
        raise InputError(f"a batch of {batch} is not possible; give 1 or more")
    if parsed.kind == "catalogue":
        entry, options, resolution = _catalogue_request(parsed)
        sizes = _catalogue_sizes(entry, _specs(input_sizes, "float32"), resolution)
        module, build_s = _build_entry(entry, options, parsed.text, weights)
        height, width = sizes[0].shape[1:]
        published = entry.published_for(options, height) if height == width else None
        place = entry.name
    else:
        module, build_s = _build_user(parsed, parsed.values)
        sizes = _specs(input_sizes or [USER_INPUT], _dtype(module))
        published, place = None, parsed.name
    name = ":".join([place, *([_written(parsed)] if parsed.options else [])])
    inputs = tuple(TensorSpec((batch, *size.shape), size.dtype) for size in sizes)
    return Network(name, parsed.text, module, inputs, published, build_s)


def build(name: str, **options: object) -> nn.Module:
    """Build a network of the catalogue or of a model spec, with the same weights every time.

    >>> sum(parameter.numel() for parameter in build("mbv2", width=0.75).parameters())
    2636424

    Raises:
        InputError: the name names nothing, or its network refuses the options.
    """
    parsed = specs.parse(name)
    if parsed.kind != "catalogue":
        return _build_user(parsed, {**parsed.values, **options})[0]
    entry, given, resolution = _catalogue_request(parsed)
    if resolution is not None or "resolution" in options:
        raise InputError("resolution belongs to the input, not to the module; leave it out of build()")
    known = {option.name: option for option in entry.options}
    for key, value in options.items():
        given[key] = _checked(entry.name, known, key, value, repr(value))
    return _build_entry(entry, given, name)[0]


def _catalogue_request(parsed: specs.Spec) -> tuple[catalog.Entry, dict[str, object], int | None]:
    """Entry, checked builder options, and the resolution if one is given."""
    entry = catalog.find(parsed.place)
    known = {option.name: option for option in entry.options}
    options: dict[str, object] = {}
    resolution = None
    for key, text in parsed.options.items():
        value = specs.literal(text)
        if key == "resolution":
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise InputError(f"{parsed.text}: resolution must be a whole number of pixels, not {text}")
            resolution = value
        else:
            options[key] = _checked(entry.name, known, key, value, text)
    return entry, options, resolution


def _checked(network: str, known: Mapping[str, catalog.Option], key: str, value: object, text: str) -> object:
    """``value``, if option ``key`` of the network can be that."""
    if key not in known:
        names = [*known, "resolution"]
        hint = specs.near(key, names) or f"; it has {', '.join(names)}"
        raise InputError(f"{network} has no option {key!r}{hint}")
    default, choices = known[key].default, known[key].choices
    if isinstance(default, str) and not isinstance(value, str):
        value = text
    if isinstance(default, bool):
        fits, wanted = isinstance(value, bool), "true or false"
    elif isinstance(default, int):
        fits, wanted = isinstance(value, int) and not isinstance(value, bool), "a whole number"
    elif isinstance(default, float):
        fits, wanted = isinstance(value, int | float) and not isinstance(value, bool), "a number"
    else:
        fits, wanted = True, ""
    if not fits:
        raise InputError(f"{network}: {key} must be {wanted}, not {text}")
    if choices and value not in choices:
        raise InputError(f"{network}: {key} must be one of {', '.join(map(str, choices))}, not {text}")
    return value


def _catalogue_sizes(entry: catalog.Entry, sizes: list[TensorSpec], resolution: int | None) -> list[TensorSpec]:
    """The input of a network of the catalogue, large enough for it."""
    if sizes and resolution is not None:
        raise InputError(f"{entry.name}: give either resolution={resolution} or an input size, not both")
    if not sizes:
        side = entry.resolution if resolution is None else resolution
        sizes = [TensorSpec((3, side, side), "float32")]
    if len(sizes) > 1 or len(sizes[0].shape) != 3 or sizes[0].shape[0] != 3:
        raise InputError(f"{entry.name} takes one image such as 3,{entry.resolution},{entry.resolution}")
    if min(sizes[0].shape[1:]) < entry.min_resolution:
        side = min(sizes[0].shape[1:])
        raise InputError(f"{entry.name} needs a resolution of at least {entry.min_resolution}, not {side}")
    return sizes


def _specs(sizes: Sequence[Sequence[int] | TensorSpec], dtype: str) -> list[TensorSpec]:
    return [size if isinstance(size, TensorSpec) else TensorSpec(tuple(size), dtype) for size in sizes]


def _dtype(module: nn.Module) -> str:
    from lwprof.inputs import floating_dtype

    return str(floating_dtype(module)).removeprefix("torch.")


def _build_entry(
    entry: catalog.Entry, options: Mapping[str, object], label: str, weights: bool = True
) -> tuple[nn.Module, float]:
    """A network of the catalogue, and the seconds that building it took."""
    file, _, function = entry.builder.partition(":")
    builder = getattr(importlib.import_module(f"lwprof.architectures.{file}"), function)
    import torch

    with _seeded(), contextlib.nullcontext() if weights else torch.device("meta"):
        start = time.perf_counter()
        module: nn.Module = user_code.call(builder, options, label)
        return module, time.perf_counter() - start


def _build_user(parsed: specs.Spec, options: Mapping[str, object]) -> tuple[nn.Module, float]:
    """A user's network, and the seconds that building it took."""
    found_in = user_code.file_module if parsed.kind == "file" else user_code.named_module
    with _seeded():
        found = user_code.find(found_in(parsed.place), parsed.name, parsed.place)
    with _seeded():
        start = time.perf_counter()
        module: nn.Module = user_code.make(found, options, f"{parsed.place}:{parsed.name}")
        return module, time.perf_counter() - start


def _written(parsed: specs.Spec) -> str:
    return ",".join(f"{key}={value}" for key, value in parsed.options.items())


@contextlib.contextmanager
def _seeded() -> Iterator[Any]:
    """Give torch's generator a fixed seed, and its old state back afterwards."""
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(0)
        yield
