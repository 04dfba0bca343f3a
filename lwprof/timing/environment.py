"""The environment that a measurement was made in, as a flat record."""

from __future__ import annotations

import os

from lwprof import __version__
from lwprof.results.document import Scalar
from lwprof.timing.portable.machine import cpu_model, description, governor, load, usable_cores

__all__ = ["VARIABLES", "cpu_model", "environment", "governor", "load", "usable_cores"]

VARIABLES = (
    "OMP_NUM_THREADS", "OMP_PROC_BIND", "OMP_PLACES", "OMP_WAIT_POLICY", "GOMP_CPU_AFFINITY", "KMP_AFFINITY",
    "KMP_BLOCKTIME", "MKL_NUM_THREADS", "ONEDNN_MAX_CPU_ISA", "LD_PRELOAD", "CUDA_VISIBLE_DEVICES",
)  # fmt: skip
"""What changes how fast runtimes are, or on which processors they run; recorded where it is set."""


def environment() -> dict[str, Scalar]:
    """Describe machine and software; ``None`` where the system does not say."""
    return {
        "lwprof": __version__,
        **description(),
        **{name: value for name in VARIABLES if (value := os.environ.get(name))},
    }
