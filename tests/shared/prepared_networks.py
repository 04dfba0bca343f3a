"""Networks made ready on one backend, as a comparison does it, for tests to run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from lwprof.errors import BackendError, InputError
from lwprof.results import TensorSpec, Timing, Untimed
from lwprof.timing.backends import Backend, Options, named
from lwprof.timing.clock import performance_clock
from lwprof.timing.preparation import Place, Preparation, Ready, Subject
from lwprof.timing.targets import Target

IMAGE = (TensorSpec((2, 3, 8, 8), "float32"),)


@contextmanager
def ready(
    backend: Backend,
    module: Any,
    inputs: tuple[TensorSpec, ...] = IMAGE,
    values: Any = None,
    options: Options | None = None,
) -> Iterator[Ready]:
    """Convert, load and check a network.

    Raises:
        BackendError: the backend cannot, or computes something else than torch.
        InputError: torch cannot run it.
    """
    outcomes: dict[Place, Timing | Untimed] = {}
    # torch stands beside it, so that there is something to compare with
    targets = [Target(backend, options or Options()), Target(named("torch"), options or Options())]
    preparation = Preparation([Subject("net", module, inputs, values)], targets, outcomes, performance_clock(), None)
    with ExitStack() as stack:
        found = preparation.ready(stack)
        if preparation.failure:
            raise InputError(preparation.failure)
        if isinstance(outcome := outcomes.get((0, 0)), Untimed):
            raise BackendError(outcome.reason)
        yield found[0]
