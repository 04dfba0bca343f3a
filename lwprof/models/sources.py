"""Sources: the catalogue, the libraries and people's own code, and how each builds a network for certain inputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from lwprof.errors import InputError
from lwprof.models import builders, calls, catalog, requests, specs
from lwprof.results.networks import Published

if TYPE_CHECKING:
    from torch import nn

    from lwprof.inputs import Values

USER_INPUT = (3, 224, 224)
"""Input size of a user's network where none is given."""

SIZED = ("catalogue", "library")
"""Kinds of specs in which the option "resolution" is the size of the image, and not the builder's."""


class Built(NamedTuple):
    """A module, and what the place that it is from says of it."""

    module: nn.Module
    build_s: float
    sizes: Sequence[specs.Size]
    published: Published | None = None


def _of_catalogue(target: specs.Spec, sizes: Sequence[specs.Size], values: Values | None, weights: bool) -> Built:
    entry = catalog.find(target.place)
    options, resolution = requests.options_and_resolution(entry, target)
    if values is None:
        sizes = requests.sizes(entry, sizes, resolution)
    module, build_s = builders.of_catalogue(entry, options, target.text, weights)
    image = calls.image_size(values, sizes)
    square = image is not None and image[1] == image[2]
    return Built(module, build_s, sizes, entry.published_for(options, image[1]) if image and square else None)


def _of_library(target: specs.Spec, sizes: Sequence[specs.Size], values: Values | None, weights: bool) -> Built:
    options, size = _library_request(target, sizes)
    made, build_s = builders.of_library(target, options, size or calls.image_size(values, sizes), weights)
    return Built(made.module, build_s, sizes or (made.input_size,), made.published)


def _of_user(target: specs.Spec, sizes: Sequence[specs.Size], values: Values | None, weights: bool) -> Built:
    return Built(*builders.of_user(target, target.values), sizes or (USER_INPUT,))


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


SOURCES: Mapping[str, Callable[[specs.Spec, Sequence[specs.Size], Values | None, bool], Built]] = {
    "catalogue": _of_catalogue,
    "library": _of_library,
    "file": _of_user,
    "module": _of_user,
}
"""By kind of a spec: how its network is built for inputs of these sizes or these inputs, with weights or without."""
