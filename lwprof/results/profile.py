"""Profile: what one network costs, which layers cost it, and where its time goes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from lwprof.results.document import Document, plain
from lwprof.results.layer_times import LayerTime, LayerTimes, Shares, together
from lwprof.results.networks import Model, Published
from lwprof.results.structure import Coverage, Fragmentation, Kind, Layer, Subtree, Totals


@dataclass(frozen=True, slots=True)
class ProfileResult(Document):
    """What one network costs, and which layers cost it."""

    schema: ClassVar[str] = "lwprof.profile/1"
    model: Model
    totals: Totals
    kinds: tuple[Kind, ...]
    fragmentation: Fragmentation
    coverage: Coverage
    layers: tuple[Layer, ...]
    input_dependent: bool = False
    """The network ran on real values: where its control flow reads them, another input may give other counts."""
    published: Published | None = None
    time: LayerTimes | None = None
    """Where its time goes, where that was measured."""

    @property
    def params_with_mult_adds(self) -> int:
        """Parameters of the kinds that have mult-adds, or additions in their place.

        Normalisation is left out, as papers do in shares by kind.
        """
        return sum(kind.params for kind in self.kinds if kind.mult_adds or kind.additions)

    def shares(self) -> tuple[Shares, ...]:
        """Of the time and of the costs, of each of the layers that were timed; none without ``time``.

        A layer's cost belongs to all that were timed with it, in equal parts where it stands in several.
        """
        return () if self.time is None else self._shares([(item.median_s, [item]) for item in self.time.layers])

    def shares_of_kinds(self) -> tuple[Shares, ...]:
        """The same of each of the kinds that were timed: of all layers whose costliest operator is of that kind."""
        if self.time is None:
            return ()
        layers = self.time.layers
        return self._shares(
            [(kind.median_s, [item for item in layers if item.kind == kind.kind]) for kind in self.time.kinds]
        )

    def _shares(self, timed: Sequence[tuple[float, Sequence[LayerTime]]]) -> tuple[Shares, ...]:
        """Shares of several times, each with the layers that it is of."""
        assert self.time is not None
        whole_s, totals = self.time.total_s, self.totals
        told = Counter(name for item in self.time.layers for name in item.layers)
        costs = {layer.name: (layer.mult_adds + layer.additions, layer.eager_elements) for layer in self.layers}

        def share(part: float, whole: float) -> float | None:
            return part / whole if whole else None

        def cost(layers: Sequence[LayerTime], which: int) -> float:
            return sum(costs[name][which] / told[name] for item in layers for name in item.layers if name in costs)

        return tuple(
            Shares(
                share(time_s, whole_s),
                share(cost(layers, 0), totals.mult_adds + totals.additions),
                share(cost(layers, 1), totals.memory_access.eager_elements),
            )
            for time_s, layers in timed
        )

    def subtrees(self) -> tuple[Subtree, ...]:
        """Sum the layers up the module tree: every module before the modules inside it, siblings in running order."""
        sums: dict[tuple[str, ...], list[int]] = {}
        own: dict[tuple[str, ...], Layer] = {}
        for layer in self.layers:
            path = tuple(layer.name.split(".")) if layer.name else ()
            own[path] = layer
            cost = layer.params, layer.mult_adds, layer.paper_elements, layer.eager_elements, layer.additions
            for depth in range(len(path) + 1):
                sums[path[:depth]] = [a + b for a, b in zip(sums.get(path[:depth], (0,) * 5), cost, strict=True)]
        rank = {path: place for place, path in enumerate(sums)}
        order = sorted(sums, key=lambda path: [rank[path[:depth]] for depth in range(len(path) + 1)])
        return tuple(Subtree(".".join(path), len(path), own.get(path), *sums[path]) for path in order)

    def to_pandas(self) -> Any:
        """One row a layer, as a :class:`pandas.DataFrame`.

        Where layers were timed, the time of those that run as one (``time_layers``) is in the row of the one that
        leads; what is not attributed to any is in ``time`` alone.
        """
        import pandas

        frame = pandas.DataFrame([plain(layer) for layer in self.layers])
        if self.time is not None:
            led = [[item for item in self.time.layers if item.layers[:1] == (layer.name,)] for layer in self.layers]
            times = [together(items) if items else (None, None) for items in led]
            frame["time_s"] = pandas.Series([time for time, _ in times], dtype=float)
            frame["time_ci95_s"] = pandas.Series([ends for _, ends in times], dtype=object)
            frame["time_layers"] = [" ".join(items[0].layers) if items else "" for items in led]
        return frame
