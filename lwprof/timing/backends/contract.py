"""What a timing backend is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from lwprof.results import TensorSpec

Inputs = Sequence[Any] | Mapping[str, Any]
"""What a network is called with: positional inputs, or inputs by keyword."""


@dataclass(frozen=True, slots=True)
class Options:
    """How to run; batch and dtype are those of the inputs."""

    device: str = "cpu"
    threads: int = 1
    seed: int = 0


class Session(Protocol):
    """A backend that is set up and holds what it prepared."""

    def prepare(
        self, module: Any, inputs: tuple[TensorSpec, ...], values: Inputs | None = None
    ) -> Callable[[], object]:
        """Load the network and its inputs, and give what runs it once.

        Inputs are allocated here, once: copies of ``values`` where given, else seeded random numbers.
        """


class Backend(Protocol):
    """A runtime that networks are timed on."""

    @property
    def name(self) -> str:
        """Its name on the command line and in results."""

    @property
    def devices(self) -> tuple[str, ...]:
        """Devices that it can time on."""

    def unavailable(self) -> str | None:
        """Say why it cannot run here and how to install it; ``None`` where it can."""

    def versions(self) -> dict[str, str]:
        """Versions to record, by name."""

    def session(self, options: Options) -> AbstractContextManager[Session]:
        """Set up; leaving the context puts back every setting, every network and the random state."""
