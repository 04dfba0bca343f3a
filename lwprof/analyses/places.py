"""Places: where networks and their layers stand under a machine's roofs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from lwprof.analyses.floors import Work, floor
from lwprof.analyses.fused_layers import FusedLayer, joined
from lwprof.results.layer_times import LayerTimes, together
from lwprof.results.roofline import Ceilings, PlacedLayer


def placed_layers(
    fused: Sequence[FusedLayer], times: LayerTimes, roofs: Ceilings, scale: float = 1.0
) -> Iterator[PlacedLayer]:
    """Place the layers of a network, those together that the backend, or the fused view, does not tell apart.

    What was not timed is not placed, and neither is what neither computes nor moves anything.

    Args:
        fused: the network's layers in the fused view.
        times: where its time goes.
        roofs: of the setting that it was timed on.
        scale: how many bytes are moved there for one in ``fused``.
    """
    timed = [item for item in times.layers if item.layers]
    for names in joined([*(item.names for item in fused), *(item.layers for item in timed)]):
        parts = [item for item in fused if not names.isdisjoint(item.names)]
        found = [item for item in timed if not names.isdisjoint(item.layers)]
        if not parts or not found:
            continue
        latency, ci95 = together(found)
        if latency <= 0:
            continue
        leading = max(parts, key=lambda item: (item.mult_adds, item.bytes))
        members = [name for item in (leading, *parts) for name in item.names]
        whole = FusedLayer(
            tuple(dict.fromkeys(members)),
            leading.kind,
            sum(item.mult_adds for item in parts),
            sum(item.bytes for item in parts),
            sum(item.winograd_mult_adds for item in parts),
            max(item.largest_bytes or item.bytes for item in parts),
        )
        common = place(Work.of_layer(whole, scale), roofs, latency, ci95)
        yield PlacedLayer(layers=whole.names, kind=whole.kind, **common)


def place(work: Work, roofs: Ceilings, latency: float, ci95: tuple[float, float]) -> dict[str, Any]:
    """What all places have."""
    found = floor(work, roofs)
    return {
        "mult_adds": work.mult_adds,
        "bytes": round(work.bytes),
        "latency_s": latency,
        "ci95_s": ci95,
        "intensity": work.mult_adds / work.bytes if work.bytes else 0.0,
        "attained": work.mult_adds / latency,
        "roof": work.mult_adds / found.seconds if found.seconds else 0.0,
        "floor_s": found.seconds,
        "share": found.seconds / latency,
        "bound": found.bound,
        "marks": found.marks,
    }
