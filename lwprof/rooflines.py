"""Rooflines: a machine's ceilings, and how near to them networks and their layers come."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike

from torch import nn

from lwprof.inputs import Inputs
from lwprof.models import Network
from lwprof.profiling import InputSize
from lwprof.results import RooflineResult
from lwprof.timing.contract import ALL_CORES, CONTIGUOUS
from lwprof.timing.portable.clock import Clock
from lwprof.timing.sampling import Progress


def roofline(
    networks: Sequence[str | nn.Module | Network] = (),
    *,
    inputs: Inputs | None = None,
    input_size: InputSize | None = None,
    batch: int = 1,
    weights_files: Sequence[str | PathLike[str] | None] = (),
    backend: str | Sequence[str] = (),
    device: str | Sequence[str] = "cpu",
    dtype: str | Sequence[str] = "",
    layout: str = CONTIGUOUS,
    threads: int | Sequence[int] = 1,
    cores: str = ALL_CORES,
    budget_s: float = 10.0,
    seed: int = 0,
    progress: Progress | None = None,
    clock: Clock | None = None,
) -> RooflineResult:
    """Measure a machine's ceilings, and place networks and their layers under them."""
    raise NotImplementedError
