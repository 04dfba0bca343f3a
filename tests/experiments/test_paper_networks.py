"""The networks of the paper's tables: what it prints of them, counted by hand."""

from __future__ import annotations

import pytest
import torch

from lwprof.experiments.plans import PLANS, Column, Entry
from lwprof.experiments.tables import ARM, GPU, IMAGE
from lwprof.profiling import profile

pytestmark = pytest.mark.slow

TABLES = ("g1", "g2", "g3", "g4")
ENTRIES = [
    pytest.param(entry, id=f"{name} {column.name} {entry.setting}")
    for name in TABLES
    for column in PLANS[name]().columns
    for entry in column.entries
]
AREA = IMAGE * IMAGE


def column(name: str, wanted: str) -> Column:
    (found,) = [column for column in PLANS[name]().columns if column.name == wanted]
    return found


def mult_adds(entry: Entry) -> int:
    assert entry.make is not None
    return profile(entry.make(0), input_size=(entry.channels, IMAGE, IMAGE)).totals.mult_adds


@pytest.mark.parametrize("name", TABLES)
def test_columns_are_the_papers(name: str) -> None:
    sides = [column.side for column in PLANS[name]().columns]
    assert sides == [GPU] * 3 + [ARM] * 3


@pytest.mark.parametrize(
    ("name", "wanted", "expected"),
    [
        ("g1", "GPU x1", [20 * AREA * n for n in (16384, 16200, 16224, 15552)]),
        ("g1", "ARM x4", [20 * AREA * 16 * n for n in (1024, 968, 1014, 972)]),
        ("g2", "GPU x1", [10 * AREA * n for n in (16384, 16200, 16384, 16200)]),
        ("g2", "ARM x1", [10 * AREA * n for n in (4096, 4050, 4096, 184 * 184 // 8)]),
        ("g2", "ARM x2", [10 * AREA * 4 * n for n in (4096, 4050, 4096, 4050)]),
        ("g3", "ARM c=64", [10 * AREA * n for n in (4096, 2 * 45**2, 4096, 2 * 45**2, 4096)]),
        ("g3", "GPU c=512", [10 * AREA * n for n in (512**2, 2 * 360**2, 512**2, 2 * 360**2, 512**2)]),
        ("g4", "ARM c=32", [10 * AREA * (2 * 32 * 8 + 9 * 8 * 8)] * 4),
        ("g4", "GPU c=128", [10 * AREA * (2 * 128 * 32 + 9 * 32 * 32)] * 4),
    ],
)
def test_mult_adds_by_hand(name: str, wanted: str, expected: list[int]) -> None:
    assert [mult_adds(entry) for entry in column(name, wanted).entries] == expected


@pytest.mark.parametrize("name", TABLES)
def test_mult_adds_of_a_column_are_alike(name: str) -> None:
    """Within the 5.5 % that the paper's own channel numbers leave."""
    for found in PLANS[name]().columns:
        counts = [mult_adds(entry) for entry in found.entries]
        assert max(counts) / min(counts) < 1.06, found.name


def test_the_papers_first_figures() -> None:
    assert [entry.speeds[GPU] for entry in column("g1", "GPU x2").entries] == [723, 586, 489, 392]
    assert [entry.speeds[ARM] for entry in column("g2", "ARM x4").entries] == [2.3, 2.2, 2.1, 1.8]
    assert [entry.speeds[GPU] for entry in column("g3", "GPU c=512").entries] == [434, 336, 349, 320, 292]
    assert [entry.speeds[ARM] for entry in column("g4", "ARM c=64").entries] == [16.9, 18.8, 18.2, 20.2]


@pytest.mark.parametrize("entry", [item for item in ENTRIES if "x4" not in str(item.id) and "GPU" not in str(item.id)])
def test_activations_stay_in_reach(entry: Entry) -> None:
    """Neither vanishing nor exploding, so that a backend's results can be held against torch's."""
    assert entry.make is not None
    with torch.inference_mode():
        out = entry.make(0)(torch.randn(1, entry.channels, 14, 14, generator=torch.Generator().manual_seed(0)))
    assert out.shape == (1, entry.channels, 14, 14)
    assert 0.02 < float(out.std()) < 100


def test_weights_are_of_the_seed_alone() -> None:
    (entry, *_) = column("g1", "ARM x1").entries
    assert entry.make is not None
    state = torch.get_rng_state()
    first, again, other = (list(entry.make(seed).parameters()) for seed in (3, 3, 4))
    assert all(map(torch.equal, first, again))
    assert not torch.equal(first[0], other[0])
    assert torch.equal(torch.get_rng_state(), state)
