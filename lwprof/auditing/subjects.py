"""Subjects: the networks that an audit is to look at, each with its inputs, its weights and its limits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from os import PathLike
from typing import Any

from torch import nn

from lwprof import profiling
from lwprof.auditing.budgets import Limits
from lwprof.auditing.configuration import name_of
from lwprof.auditing.latencies import Pair
from lwprof.errors import InputError
from lwprof.inputs import Inputs
from lwprof.models import Network, prepare, specs
from lwprof.models.specs import Spec
from lwprof.profiling import Examination, InputSize

Audited = str | Spec | nn.Module | Network


@dataclass(frozen=True)
class Called:
    """What networks are called with."""

    inputs: Inputs | None = None
    input_size: InputSize | None = None
    batch: int = 1

    @property
    def settings(self) -> Mapping[str, Any]:
        """As keyword arguments."""
        return {"inputs": self.inputs, "input_size": self.input_size, "batch": self.batch}


@dataclass(frozen=True)
class Subject:
    """One network to audit."""

    network: Audited
    called: Called
    weights_file: str | PathLike[str] | None
    block: str | None
    limits: Limits

    @property
    def name(self) -> str:
        """What it is called in reports, as far as that is known before it is built."""
        return name_before(self.network)

    def examined(self) -> Examination:
        """Count it.

        Raises:
            LwprofError: as :func:`lwprof.profiling.examine`; the message names the network.
        """
        try:
            return profiling.examine(
                self.network, **self.called.settings, weights_file=self.weights_file, block=self.block
            )
        except InputError as error:
            if any(word in str(error) for word in self._words):
                raise
            raise InputError(f"{self.name}: {error}") from error

    @property
    def _words(self) -> Iterator[str]:
        """What a sentence may call it."""
        yield self.name
        if isinstance(self.network, Spec):
            yield from (self.network.text, self.network.place)
        elif isinstance(self.network, str):
            yield from (self.network, self.network.partition(":")[0])

    @property
    def pair(self) -> Pair | None:
        """It and the network that its latency may not exceed by too much."""
        limit = self.limits.latency
        if limit is None:
            return None
        own = partial(prepare, self.network, **self.called.settings, weights_file=self.weights_file)
        return Pair(own, partial(prepare, limit.to), limit)


def name_before(network: Audited) -> str:
    """The name that a network has in reports, as far as that is known before it is built."""
    if isinstance(network, str):
        try:
            return name_of(specs.parse(network))
        except InputError:
            return network
    if isinstance(network, Spec):
        return name_of(network)
    return network.name if isinstance(network, Network) else type(network).__name__
