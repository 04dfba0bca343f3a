"""What a library of networks is."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from lwprof.errors import BackendError, first_line
from lwprof.results.networks import Published

if TYPE_CHECKING:
    from torch import nn


class Made(NamedTuple):
    """A network that a library built."""

    module: nn.Module
    input_size: tuple[int, ...]
    """Of one image, without the batch: what was asked for, else what the library says of the network."""
    published: Published | None = None


class Library(Protocol):
    """A package that builds networks by name."""

    @property
    def name(self) -> str:
        """Name of the package, and what a model spec begins with."""

    @property
    def fetching(self) -> tuple[str, ...]:
        """Options of its builders that would download or unpickle something."""

    def names(self) -> Sequence[str]:
        """Names of its networks; imports the package."""

    def build(self, name: str, options: Mapping[str, Any], size: tuple[int, ...] | None) -> Made:
        """Build a network with random weights, for images of ``size`` (without the batch) where it is given."""


def package(name: str, options: str = "") -> Any:
    """Import a library, which pip installs with these options.

    Raises:
        BackendError: it is not installed, or does not work here.
    """
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        top = name.partition(".")[0]
        if error.name == top:
            raise BackendError(f"{top} is not installed: pip install {options}{top}") from error
        raise BackendError(f"{name} cannot be imported: {first_line(error)}") from error
    except Exception as error:  # compiled for another torch, for example
        raise BackendError(f"{name} cannot be imported beside this torch: {first_line(error)}") from error


def sides(value: Any) -> tuple[int, ...]:
    """Read a side of a square, or the sides of a rectangle.

    >>> sides(224), sides([224]), sides((3, 4))
    ((224, 224), (224, 224), (3, 4))
    """
    if isinstance(value, int):
        return (value, value)
    given = tuple(int(side) for side in value)
    return given * 2 if len(given) == 1 else given
