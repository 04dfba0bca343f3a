"""Layers of eager PyTorch: while a network is observed, the clock is read around every call of a module.

What a module does outside of the modules that it calls is its own time, as :mod:`lwprof.capture` gives it the operators
that it runs there: both put something in the place of the instance's ``_call_impl``. What is called without it, such as
``layer.forward(x)``, belongs to the module that calls it, there and here.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from torch import nn

from lwprof.timing.contract import LayerCall, Observed, ObservedCall
from lwprof.timing.placement import Placed
from lwprof.timing.portable.clock import Clock

LEFT = -1
"""Stands in a log for the end of a call, in place of the number of a module."""

_ABSENT = object()


def observed(network: Placed, clock: Clock) -> Observed:
    """Have the calls of a placed network looked into, module by module."""
    watch = Watch(network, clock.now)
    return Observed(watch.run, watch.install, watch.remove, watch.calls, watch.remove)


class Watch:
    """Reads the clock at both ends of every module's call, in the thread that made it."""

    def __init__(self, network: Placed, now: Callable[[], float]) -> None:
        self._network, self._now = network, now
        self._log: list[Any] = []
        """A module's number and the time for a call that begins, ``LEFT`` and the time for one that ends."""
        self._runs: list[tuple[float, float, int, int]] = []
        """Start and end of each call of the network, and where its part of the log begins and ends."""
        self._layers: list[tuple[str, ...]] = []
        self._places: list[tuple[dict[str, Any], str, Any, Callable[..., Any]]] = []
        """Attributes of a module, the name in them to be replaced, what stood there, and what is put there."""
        self._installed = False
        for layers, module in _observable(network.module):
            name = "_call_impl" if getattr(module, "_compiled_call_impl", None) is None else "_compiled_call_impl"
            watched = self._watched(len(self._layers), getattr(module, name))
            self._places.append((module.__dict__, name, module.__dict__.get(name, _ABSENT), watched))
            self._layers.append(layers)

    def run(self) -> Any:
        """Call the network once."""
        begin, now = len(self._log), self._now
        start = now()
        result = self._network.run()
        self._runs.append((start, now(), begin, len(self._log)))
        return result

    def install(self) -> None:
        """Have the modules report their calls."""
        if not self._installed:
            self._installed = True
            for attributes, name, _, watched in self._places:
                attributes[name] = watched

    def remove(self) -> None:
        """Have every module as it was."""
        if self._installed:
            self._installed = False
            for attributes, name, before, _ in self._places:
                if before is _ABSENT:
                    attributes.pop(name, None)
                else:
                    attributes[name] = before

    def calls(self) -> Sequence[ObservedCall]:
        """All calls of the network that ended, the oldest first."""
        self.remove()
        return [self._call(*run) for run in self._runs]

    def _watched(self, number: int, original: Callable[..., Any]) -> Callable[..., Any]:
        add, now, identity, owner = self._log.append, self._now, threading.get_ident, threading.get_ident()

        def watched(*args: Any, **kwargs: Any) -> Any:
            if identity() != owner:
                return original(*args, **kwargs)
            add(number)
            add(now())
            try:
                return original(*args, **kwargs)
            finally:
                end = now()
                add(LEFT)
                add(end)

        return watched

    def _call(self, start: float, end: float, first: int, last: int) -> ObservedCall:
        """Read one call of the network out of the log."""
        found: list[Any] = []
        open_calls: list[list[Any]] = []
        for place in range(first, last, 2):
            number, at = self._log[place : place + 2]
            if number != LEFT:
                open_calls.append([len(found), number, at, 0.0])
                found.append(None)
                continue
            index, number, begun, inside = open_calls.pop()
            duration = at - begun
            found[index] = LayerCall(self._layers[number], begun - start, duration, duration - inside)
            if open_calls:
                open_calls[-1][3] += duration
        return ObservedCall(end - start, tuple(found))


def _observable(network: Any) -> Iterator[tuple[tuple[str, ...], nn.Module]]:
    """Give a network's modules, each once, with the names of those that run as one with it.

    The name of a module is the first under which it is found. What ``torch.compile`` makes of a module has no calls
    inside that could be told apart.
    """
    waiting: list[tuple[str, Any]] = [("", network)]
    seen: set[int] = set()
    while waiting:
        name, module = waiting.pop()
        if not isinstance(module, nn.Module) or id(module) in seen:
            continue
        seen.add(id(module))
        if getattr(module, "_compiled_call_impl", None) is not None or "_torchdynamo_orig_callable" in module.__dict__:
            inside = [inner for inner, _ in module.named_modules(prefix=name)]
            seen.update(id(inner) for inner in module.modules())
            yield tuple(dict.fromkeys((name, *inside))), module
            continue
        yield (name,), module
        prefix = f"{name}." if name else ""
        waiting += [(prefix + key, child) for key, child in reversed(list(module._modules.items()))]
