"""Agreement: whether what a runtime computes is what torch computes, as far as two inputs show it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy

from lwprof.errors import BackendError
from lwprof.timing.contract import FLOAT16_WEIGHTS, Loaded
from lwprof.timing.differences import Outputs, difference, movement
from lwprof.timing.forwards import outputs
from lwprof.timing.references import DEPENDENT, Reference

TOLERANCES = {
    "float32": 1e-4,
    "tf32": 1e-2,
    FLOAT16_WEIGHTS: 2e-2,
    "float16": 2e-2,
    "bfloat16": 1e-1,
    "int8": 0.5,
    "ncnn float16": 5e-2,
}
"""Largest difference from torch in the network's own dtype, as a share of the output's range.

ncnn's kernels of float16 sum in float16, too: over 960 channels that is off by 0.3 %, where sums in float32 are off by
0.01 %, and MobileNets of random weights are off by 2 to 4 %. What is off by more is computed wrongly.
"""

RESPONSIVE = 0.1
"""Share of torch's own movement by which outputs must move with the input.

Where few bits are computed in, more is tolerated than lies between the outputs of two images.
"""

SAYS_LITTLE = (
    "its output hardly depends on its input, so that it agrees with {} says little: "
    "time a network with trained weights, or on inputs of your own"
)

UNCHECKABLE = "no backend can be held against torch"


class DisagreementError(BackendError):
    """A backend computes something else than torch."""

    def __init__(self, message: str, difference: float) -> None:
        super().__init__(message)
        self.difference = difference


@dataclass(frozen=True, slots=True)
class Agreement:
    """How closely a runtime computes what torch computes."""

    difference: float
    """The largest of an output on two inputs, as a share of its range."""
    warning: str = ""
    """Why that says little."""


def agreement(loaded: Loaded, known: Reference, dtypes: Iterable[str], setting: str, label: str) -> Agreement:
    """Hold a loaded network against what torch makes of it.

    Args:
        loaded: the network.
        known: what torch makes of it.
        dtypes: what it is computed in and built in, also with the runtime's name before it; the coarsest says what is
            accepted.
        setting: what it is loaded on, for messages.
        label: its name, for messages.

    Raises:
        DisagreementError: the difference is too large, or the outputs do not follow the input.
        BackendError: torch itself gives other outputs each time.
    """
    second = _copied(loaded.outputs(known.inputs[1]))
    timed = loaded.outputs(known.inputs[0]) if loaded.arrays is None else loaded.arrays(loaded.run())
    found = _copied(timed), second
    gap = max(difference(ours, theirs) for ours, theirs in zip(found, known.outputs, strict=True))
    most = max(TOLERANCES.get(dtype, TOLERANCES["float32"]) for dtype in dtypes)
    wrong = f"{setting} computes something else than {known.made_by} for {label}"
    if not gap <= most:
        if not _unsteadiness(known) <= most:
            raise BackendError(f"{label} gives other outputs for the same input each time: {UNCHECKABLE}")
        if difference(loaded.outputs(known.inputs[0]), known.outputs[0]) <= most:
            raise DisagreementError(f"{wrong} when it is called again: does it write to its input?", gap)
        raise DisagreementError(
            f"{wrong}: the largest difference is {gap:.2g} of the output's range, at most {most:g} is accepted", gap
        )
    if known.dependence < DEPENDENT:
        return Agreement(gap, SAYS_LITTLE.format(known.made_by))
    if math.isfinite(gap) and not movement(found, known.outputs) >= RESPONSIVE:
        raise DisagreementError(f"{wrong}: its output does not follow the input", gap)
    return Agreement(gap)


def _copied(arrays: Sequence[object]) -> Outputs:
    """Keep outputs: a runtime may write those of the next call to the same memory."""
    return [numpy.array(item) for item in arrays]


def _unsteadiness(known: Reference) -> float:
    """Largest difference between torch's outputs and those of another call on the same input."""
    if known.module is None:
        return 0.0
    return difference(outputs(known.module, known.inputs[0]), known.outputs[0])
