"""Layer timing: a profile with where the time goes."""

from __future__ import annotations

from os import PathLike

from torch import nn

from lwprof.inputs import Inputs
from lwprof.models import Network
from lwprof.profiling import InputSize
from lwprof.results import ProfileResult
from lwprof.timing.contract import ALL_CORES, CONTIGUOUS
from lwprof.timing.portable.clock import Clock
from lwprof.timing.sampling import Progress


def time_layers(
    network: str | nn.Module | Network,
    *,
    inputs: Inputs | None = None,
    input_size: InputSize | None = None,
    batch: int = 1,
    weights_file: str | PathLike[str] | None = None,
    block: str | None = None,
    backend: str = "",
    device: str = "cpu",
    dtype: str = "",
    layout: str = CONTIGUOUS,
    threads: int = 1,
    cores: str = ALL_CORES,
    budget_s: float = 10.0,
    precision: float = 0.02,
    seed: int = 0,
    progress: Progress | None = None,
    clock: Clock | None = None,
) -> ProfileResult:
    """Profile a network as :func:`lwprof.profile` does, and time its layers; its result has ``time``."""
    raise NotImplementedError
