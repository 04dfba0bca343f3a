"""Models: what a model spec names, and the network that comes of it, ready to be profiled and timed."""

from __future__ import annotations

from lwprof.models.network import Network, build, not_a_network, prepare, resolve

__all__ = ["Network", "build", "not_a_network", "prepare", "resolve"]
