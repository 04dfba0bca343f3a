"""Libraries whose networks a spec can name. To add one: its file, its place in ``LIBRARIES``, and in that of the specs.

None of them is needed to install lwprof, and nothing is ever downloaded: weights are random.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lwprof.errors import InputError, near
from lwprof.models.libraries.contract import Library, Made
from lwprof.models.libraries.pytorchcv_library import Pytorchcv
from lwprof.models.libraries.timm_library import Timm
from lwprof.models.libraries.torchvision_library import Torchvision

__all__ = ["LIBRARIES", "Library", "Made", "find"]

LIBRARIES: tuple[Library, ...] = (Timm(), Torchvision(), Pytorchcv())


def find(name: str, network: str, options: Mapping[str, object]) -> Library:
    """Give the library called ``name``, once it is known that it has ``network`` and that no option makes it download.

    Raises:
        BackendError: the library is not installed, or cannot be imported.
        InputError: it has no such network, or an option would fetch weights.
    """
    library = next(library for library in LIBRARIES if library.name == name)
    known: Sequence[str] = library.names()
    if network.partition(".")[0] not in known:  # timm names weights behind a dot
        raise InputError(f"{name} has no network {network!r}{near(network, known)}")
    for option in library.fetching:
        if options.get(option):
            raise InputError(
                f"{name}:{network}: {option} would download or unpickle weights; leave it out, and name a file of "
                "weights with --weights"
            )
    return library
