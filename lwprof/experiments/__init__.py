"""Experiments: the tables of the ShuffleNetV2 paper (arXiv 1807.11164), measured here."""

from __future__ import annotations

from lwprof.results import ExperimentResult
from lwprof.timing.contract import ALL_CORES, CONTIGUOUS
from lwprof.timing.portable.clock import Clock
from lwprof.timing.sampling import Progress

EXPERIMENTS = ("g1", "g2", "g3", "g4", "table8")


def experiment(
    name: str,
    *,
    columns: str = "",
    backend: str = "",
    device: str = "cpu",
    dtype: str = "",
    layout: str = CONTIGUOUS,
    threads: int = 1,
    cores: str = ALL_CORES,
    batch: int = 1,
    budget_s: float | None = None,
    precision: float = 0.02,
    margin: float = 0.01,
    seed: int = 0,
    progress: Progress | None = None,
    clock: Clock | None = None,
) -> ExperimentResult:
    """Run one of the paper's experiments."""
    raise NotImplementedError
