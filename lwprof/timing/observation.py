"""Observation: the time of single layers, in calls that alternate with calls that nobody looks into."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lwprof.results import LayerTimes
from lwprof.timing.portable.clock import Clock
from lwprof.timing.preparation import Subject
from lwprof.timing.sampling import Progress, Rules
from lwprof.timing.targets import Target


def observe_layers(
    subject: Subject,
    target: Target,
    kinds: Mapping[str, str],
    order: Sequence[str],
    *,
    rules: Rules | None = None,
    clock: Clock | None = None,
    progress: Progress | None = None,
) -> LayerTimes:
    """Time a network's layers on a target, in rounds of one unobserved and one observed call.

    Args:
        subject: the network.
        target: what to time it on.
        kinds: kind of each layer, by its qualified name.
        order: the layers' names in the network's order.
        rules: when to stop.
        clock: what to read the time from.
        progress: called with what is going on and the share of it that is done.

    Raises:
        BackendError: the target cannot run the network, or does not tell its layers apart.
    """
    raise NotImplementedError
