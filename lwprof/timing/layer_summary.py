"""Layer summary: the calls that were looked into as a time of each layer, of each kind, and of the rest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain

from lwprof.results.document import Scalar
from lwprof.results.latency import Relative, Timing
from lwprof.results.layer_times import KindTime, LayerTime, LayerTimes, Span, together
from lwprof.timing.contract import ObservedCall
from lwprof.timing.statistics import median, median_interval

Layers = tuple[str, ...]


def layer_times(
    rounds: Sequence[Sequence[ObservedCall]],
    timing: Timing,
    cost: Relative,
    kinds: Mapping[str, str],
    order: Sequence[str],
    record: Mapping[str, Scalar],
    seed: int,
) -> LayerTimes:
    """Sum up observed calls, round by round.

    Args:
        rounds: the calls of each round.
        timing: that of the calls that nobody looked into.
        cost: what looking cost.
        kinds: kind of each layer that computes, the costliest first.
        order: the layers' names in the network's order.
        record: the environment.
        seed: of the bootstrap.
    """
    rank = {name: place for place, name in enumerate(kinds)}
    places = {name: place for place, name in enumerate(order)}
    samples = [_sample(calls, kinds) for calls in rounds]
    found = dict.fromkeys(chain.from_iterable(own for _, own in samples))
    layers = []
    for names in sorted(found, key=lambda names: places.get(names[0], len(places))):
        kind = kinds[min((name for name in names if name in kinds), key=rank.__getitem__)]
        times = [own.get(names, 0.0) for _, own in samples]
        if any(times):
            layers.append(_layer_time(names, kind, times, seed))
    return LayerTimes(
        timing=timing,
        observed=cost,
        layers=tuple(layers),
        kinds=tuple(sorted(_kinds(layers), key=lambda kind: -kind.median_s)),
        unattributed=_layer_time((), "", [total - sum(own.values()) for total, own in samples], seed),
        spans=_spans(rounds),
        environment=record,
        interrupted=timing.stopped == "interrupted",
    )


def _sample(calls: Sequence[ObservedCall], kinds: Mapping[str, str]) -> tuple[float, dict[Layers, float]]:
    """Whole time of one call, and each layer's own: means of the round's calls."""
    own: dict[Layers, float] = {}
    for call in calls:
        for layer in call.layers:
            if any(name in kinds for name in layer.layers):
                own[layer.layers] = own.get(layer.layers, 0.0) + layer.own_s
    number = len(calls)
    return sum(call.total_s for call in calls) / number, {names: time / number for names, time in own.items()}


def _layer_time(names: Layers, kind: str, samples: Sequence[float], seed: int) -> LayerTime:
    middle = median_interval(samples, seed)
    return LayerTime(names, kind, middle.median, (middle.low, middle.high), tuple(samples))


def _kinds(layers: Sequence[LayerTime]) -> Iterator[KindTime]:
    for kind in dict.fromkeys(layer.kind for layer in layers):
        yield KindTime(kind, *together([layer for layer in layers if layer.kind == kind]))


def _spans(rounds: Sequence[Sequence[ObservedCall]]) -> tuple[Span, ...]:
    """The time line of the call that is nearest to the median."""
    calls = list(chain.from_iterable(rounds))
    middle = median([call.total_s for call in calls])
    nearest = min(calls, key=lambda call: abs(call.total_s - middle))
    return tuple(Span(layer.layers, layer.start_s, layer.duration_s) for layer in nearest.layers)
