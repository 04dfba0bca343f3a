"""lwprof: what a convolutional network costs, why, and how long it takes.

>>> import lwprof
>>> lwprof.profile("mbv2").totals.mult_adds
300774272

Names are imported when they are first used, so that ``import lwprof`` is cheap.
"""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lwprof.auditing import audit
    from lwprof.comparison import compare
    from lwprof.costs import register_rule
    from lwprof.experiments import experiment
    from lwprof.layer_timing import time_layers
    from lwprof.models import build
    from lwprof.profiling import profile
    from lwprof.results.loading import load
    from lwprof.rooflines import roofline

__version__ = "0.1.0"
__all__ = [
    "audit", "build", "compare", "experiment", "load", "profile", "register_rule", "roofline", "time_layers",
]  # fmt: skip

_HOMES = {
    "audit": "lwprof.auditing:audit",
    "build": "lwprof.models:build",
    "compare": "lwprof.comparison:compare",
    "experiment": "lwprof.experiments:experiment",
    "load": "lwprof.results.loading:load",
    "profile": "lwprof.profiling:profile",
    "register_rule": "lwprof.costs:register_rule",
    "roofline": "lwprof.rooflines:roofline",
    "time_layers": "lwprof.layer_timing:time_layers",
}

_FOLDER = os.path.dirname(os.path.abspath(__file__))
if not os.path.isdir(os.path.join(_FOLDER, "architectures")):
    # Python was started in the repository's root and found the sources, whose parts lie side by side.
    __path__.append(os.path.dirname(_FOLDER))


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'lwprof' has no attribute {name!r}")
    home, _, attribute = _HOMES[name].partition(":")
    found = getattr(importlib.import_module(home), attribute)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
