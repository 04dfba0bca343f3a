"""Subjects: the networks that an audit is to look at, each with its inputs, its weights and its limits."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from os import PathLike
from typing import Any

from torch import nn

from lwprof import profiling
from lwprof.auditing.budgets import Limits
from lwprof.auditing.configuration import name_of
from lwprof.auditing.instructions import Limited
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
        """Count it, as :func:`lwprof.profiling.examine` does."""
        return profiling.examine(self.network, **self.called.settings, weights_file=self.weights_file, block=self.block)

    def failure(self, message: str) -> str:
        """Say in one line why it cannot be looked at: with its name, where the ``message`` has none."""
        names = [self.name]
        if isinstance(self.network, Spec):
            names += (self.network.text, self.network.place)
        elif isinstance(self.network, str):
            names += (self.network, self.network.partition(":")[0])
        line = " ".join(message.split())
        named = any(re.search(rf"(?<!\w){re.escape(name)}(?!\w)", line) for name in names)
        return line if named else f"{self.name}: {line}"

    @property
    def pair(self) -> Pair | None:
        """It and the network that its latency may not exceed by too much."""
        limit = self.limits.latency
        if limit is None:
            return None
        other = partial(prepare, limit.to, input_size=self.called.input_size, batch=self.called.batch)
        return Pair(self._built, other, limit)

    @property
    def limited(self) -> Limited | None:
        """It and the instructions that it may execute."""
        limit = self.limits.instructions
        return None if limit is None else Limited(self._built, limit)

    def _built(self) -> Network:
        return prepare(self.network, **self.called.settings, weights_file=self.weights_file)


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
