"""Plans: what each experiment measures, in which columns, and which of the paper's orderings it looks for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING

from lwprof.experiments.table8 import TABLE_8
from lwprof.experiments.tables import (
    ARM,
    C_4,
    C_ARM_3,
    C_GPU_3,
    GPU,
    IMAGE,
    MULTIPLIERS,
    TABLE_1,
    TABLE_2,
    TABLE_3,
    TABLE_4,
)

if TYPE_CHECKING:
    from torch import nn

Speeds = dict[str, float]
"""What the paper prints for one network, by side."""

COLUMN_S, TABLE_8_S = 12.0, 60.0
"""Budgets: of a column of Tables 1 to 4, and of all of Table 8."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One network of a table."""

    setting: str
    short: str
    """The same in a sentence."""
    speeds: Speeds
    spec: str = ""
    """Of the catalogue; else it is built."""
    make: Callable[[int], nn.Module] | None = None
    """Called with a seed."""
    channels: int = 3
    """Of the input."""


@dataclass(frozen=True, slots=True)
class Column:
    """Networks whose speeds are relative to the first one's."""

    name: str
    side: str
    """ "GPU" or "ARM"; empty where it has both."""
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """An experiment."""

    name: str
    title: str
    guideline: str
    table: int
    columns: tuple[Column, ...]
    choices: tuple[str, ...]
    pairs: tuple[tuple[int, int], ...] = ()
    """Rows of a column whose order is looked at, by position."""
    together: bool = False
    """Whether all columns are timed in the same rounds."""
    budget_s: float = COLUMN_S
    """Of each column, or of all where they are timed together."""
    batches: dict[str, int] = field(default_factory=lambda: {GPU: 1, ARM: 1})

    @property
    def source(self) -> str:
        """The table of the paper."""
        return f"arXiv:1807.11164, Table {self.table}"


PLAIN = "no bias, batch normalisation or activation: the paper names none"
BATCH = "batch 1 by default: the paper does not say (more could not have reached its speeds on its GPU)"
ROOTS = {64: 45, 128: 90, 256: 180, 512: 360}
"""A number of channels over the square root of two, as Table 2 rounds it."""
INDIVISIBLE = {(180, 8): 184}
"""By channels and groups that do not go together: the channels whose mult-adds are nearest to the other rows'."""
DIVISIBLE = "184 channels in 8 groups in column ARM x1: the 180 that the paper prints cannot be divided by 8"
FORMS_4 = {
    (True, True): "ReLU and short-cut",
    (True, False): "ReLU alone",
    (False, True): "short-cut alone",
    (False, False): "neither",
}
FRAGMENTS: dict[int, Callable[[int], int]] = {1: lambda c: c, 2: ROOTS.__getitem__, 4: lambda c: c // 2}
"""Channels of the forms of Table 3, whose mult-adds are those of ``c`` channels in one convolution."""


def g1() -> Plan:
    """Plan Table 1."""
    from lwprof.experiments import networks

    def entries(side: str, place: int, times: int) -> Iterable[Entry]:
        for ratio, on_gpu, on_gpu_speeds, on_arm, on_arm_speeds in TABLE_1:
            (c1, c2), speeds = (on_gpu, on_gpu_speeds) if side == GPU else (on_arm, on_arm_speeds)
            c1, c2 = times * c1, times * c2
            make = partial(networks.unequal_widths, c1, c2)
            yield Entry(f"{ratio} ({c1}, {c2})", ratio, {side: speeds[place]}, make=make, channels=c1)

    return Plan("g1", "G1: equal channel widths cost the least memory access", "G1", 1, _multiplied(entries),
                (BATCH, PLAIN), _against_first_and_next(len(TABLE_1)))  # fmt: skip


def g2() -> Plan:
    """Plan Table 2."""
    from lwprof.experiments import networks

    def entries(side: str, place: int, times: int) -> Iterable[Entry]:
        for g, on_gpu, on_gpu_speeds, on_arm, on_arm_speeds in TABLE_2:
            printed, speeds = (on_gpu, on_gpu_speeds) if side == GPU else (on_arm, on_arm_speeds)
            c = INDIVISIBLE.get((times * printed, g), times * printed)
            make = partial(networks.group_convolutions, c, g)
            yield Entry(f"g={g} ({c})", f"g={g}", {side: speeds[place]}, make=make, channels=c)

    choices = (BATCH, f"{PLAIN}, nor a channel shuffle", DIVISIBLE)
    return Plan("g2", "G2: many groups raise memory access", "G2", 2, _multiplied(entries), choices,
                _against_first_and_next(len(TABLE_2)))  # fmt: skip


def g3() -> Plan:
    """Plan Table 3."""
    from lwprof.experiments import networks

    def entries(side: str, place: int, c: int) -> Iterable[Entry]:
        for form, on_gpu, on_arm in TABLE_3:
            count = int(form[0])
            own = FRAGMENTS[count](c)
            make = partial(networks.fragments, own, count, form.endswith("parallel"))
            yield Entry(f"{form} ({own})", form, {side: (on_gpu if side == GPU else on_arm)[place]}, make=make,
                        channels=own)  # fmt: skip

    choices = (
        BATCH,
        PLAIN,
        "channels of the forms with two and four fragments: c/√2, rounded as Table 2 does it, and c/2, which keeps the "
        "mult-adds; the paper does not print them",
        "4-fragment-parallel: four convolutions side by side, summed up; the paper draws it in its appendix only",
    )
    # The paper's own figures are in no strict order, so forms are held against the first one only.
    return Plan("g3", "G3: fragments reduce parallelism", "G3", 3, _by_channels(entries, C_GPU_3, C_ARM_3), choices,
                _against_first(len(TABLE_3)))  # fmt: skip


def g4() -> Plan:
    """Plan Table 4."""
    from lwprof.experiments import networks

    def entries(side: str, place: int, c: int) -> Iterable[Entry]:
        for relu, shortcut, on_gpu, on_arm in TABLE_4:
            make = partial(networks.bottlenecks, c, c // 4, relu, shortcut)
            form = FORMS_4[relu, shortcut]
            yield Entry(form, form, {side: (on_gpu if side == GPU else on_arm)[place]}, make=make, channels=c)

    choices = (
        BATCH,
        f"{IMAGE}x{IMAGE} images and c/4 channels in the middle, as in ResNet: the paper prints neither (a 3x3 "
        "convolution of all c channels could not have reached its speeds)",
        "ReLU behind each convolution, the last one behind the sum; no batch normalisation or bias, which a runtime "
        "would fold into the weights",
    )
    return Plan("g4", "G4: element-wise operations are not free", "G4", 4, _by_channels(entries, C_4, C_4), choices,
                (*_against_first(len(TABLE_4)), (1, 3), (2, 3)))  # fmt: skip


def table8() -> Plan:
    """Plan Table 8."""
    columns = tuple(
        Column(group, "", tuple(
            Entry(row.network, row.network, {GPU: row.batches_per_s, ARM: row.images_per_s}, row.spec)
            for row in TABLE_8 if row.group == group
        ))
        for group in dict.fromkeys(row.group for row in TABLE_8)
    )  # fmt: skip
    choices = (
        f"{len(TABLE_8)} of the table's networks, those of the catalogue, with random weights; without 0.15 "
        "MobileNet v2, which has 22 % fewer mult-adds there than the paper prints",
        "batch 1 by default, as the paper's ARM, and 8 on a GPU, as its GPU",
        "columns are the table's parts, of like mult-adds; all networks are timed in the same rounds",
    )
    return Plan("table8", "Speeds of networks", "", 8, columns, choices, together=True, budget_s=TABLE_8_S,
                batches={GPU: 8, ARM: 1})  # fmt: skip


PLANS: dict[str, Callable[[], Plan]] = {"g1": g1, "g2": g2, "g3": g3, "g4": g4, "table8": table8}


def _multiplied(entries: Callable[[str, int, int], Iterable[Entry]]) -> tuple[Column, ...]:
    return tuple(
        Column(f"{side} {name}", side, tuple(entries(side, place, times)))
        for side in (GPU, ARM)
        for place, (name, times) in enumerate(MULTIPLIERS.items())
    )


def _by_channels(
    entries: Callable[[str, int, int], Iterable[Entry]], on_gpu: Sequence[int], on_arm: Sequence[int]
) -> tuple[Column, ...]:
    return tuple(
        Column(f"{side} c={c}", side, tuple(entries(side, place, c)))
        for side, channels in ((GPU, on_gpu), (ARM, on_arm))
        for place, c in enumerate(channels)
    )


def _against_first(rows: int) -> tuple[tuple[int, int], ...]:
    return tuple((0, row) for row in range(1, rows))


def _against_first_and_next(rows: int) -> tuple[tuple[int, int], ...]:
    return (*_against_first(rows), *((a, b) for a, b in pairwise(range(1, rows))))
