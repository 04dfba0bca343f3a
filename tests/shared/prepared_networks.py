"""Networks made ready on one backend, as a comparison does it, for tests to run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

from lwprof.errors import BackendError, InputError
from lwprof.results.latency import Timing, Untimed
from lwprof.results.networks import TensorSpec
from lwprof.timing.backends import Backend, Options, named
from lwprof.timing.portable.clock import performance_clock
from lwprof.timing.preparation import Place, Preparation, Ready, Subject
from lwprof.timing.targets import Target

IMAGE = (TensorSpec((2, 3, 8, 8), "float32"),)


class Prepared(Preparation):
    """A preparation that shows what it could not make ready."""

    outcomes: dict[Place, Timing | Untimed]


def preparation(
    backends: Sequence[Backend],
    module: Any,
    inputs: tuple[TensorSpec, ...] = IMAGE,
    values: Any = None,
    options: Options | None = None,
) -> Prepared:
    """Plan to convert, load and check a network on several backends."""
    outcomes: dict[Place, Timing | Untimed] = {}
    targets = [Target(backend, options or Options()) for backend in backends]
    planned = Prepared([Subject("net", module, inputs, values)], targets, outcomes, performance_clock(), None)
    planned.outcomes = outcomes
    return planned


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
    # torch stands beside it, so that there is something to compare with
    planned = preparation([backend, named("torch")], module, inputs, values, options)
    with ExitStack() as stack:
        found = list(planned.ready(stack))
        if planned.failure:
            raise InputError(planned.failure)
        if isinstance(outcome := planned.outcomes.get((0, 0)), Untimed):
            raise BackendError(outcome.reason)
        yield found[0]
