"""Models: what a model spec names, and the network that comes of it, ready to be profiled and timed.

Names are imported when they are first used: the catalogue alone is quicker to read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lwprof.models.network import Network, build, not_a_network, prepare, resolve

__all__ = ["Network", "build", "not_a_network", "prepare", "resolve"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'lwprof.models' has no attribute {name!r}")
    from lwprof.models import network

    found = globals()[name] = getattr(network, name)
    return found
