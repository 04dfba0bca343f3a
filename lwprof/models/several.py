"""Several networks: lists of them, and of their files of weights."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from os import PathLike
from typing import TYPE_CHECKING, Any

from lwprof.errors import InputError
from lwprof.models.network import Network, not_a_network, prepare
from lwprof.units import number_of

if TYPE_CHECKING:
    from torch import nn

    from lwprof.inputs import Inputs
    from lwprof.timing.sampling import Progress

WeightsFiles = Sequence[str | PathLike[str] | None]


def check(networks: Any, otherwise: str) -> None:
    """Refuse what is no list of networks.

    Args:
        networks: model specs, modules or networks.
        otherwise: what to say of something that is no list.

    Raises:
        InputError: it is not, or one of them is none.
    """
    from torch import nn

    if isinstance(networks, str) or not isinstance(networks, Sequence):
        raise InputError(f"{otherwise}; give a list of networks such as ['mbv1', 'mbv2']")
    for item in networks:
        if not isinstance(item, str | nn.Module | Network):
            raise not_a_network(item)


def weights_files(networks: Sequence[object], files: WeightsFiles) -> WeightsFiles:
    """A file of weights or ``None`` for each network.

    Raises:
        InputError: there are some, and not as many as networks.
    """
    if files and len(files) != len(networks):
        told = f"{number_of(len(files), 'file')} of weights for {number_of(len(networks), 'network')}"
        raise InputError(f"{told}; give one for each in their order, or none")
    return files or [None] * len(networks)


def prepared(
    networks: Sequence[str | nn.Module | Network],
    files: WeightsFiles,
    *,
    inputs: Inputs | None,
    input_size: Any,
    batch: int,
    progress: Progress | None,
) -> Iterator[Network]:
    """Take one network after the other as :func:`prepare` does, and say how many have been profiled by then."""
    for number, (item, file) in enumerate(zip(networks, files, strict=True)):
        if progress is not None:
            progress("profile", number / len(networks))
        yield prepare(item, inputs=inputs, input_size=input_size, batch=batch, weights_file=file)
