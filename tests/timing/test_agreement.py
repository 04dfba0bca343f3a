"""What is timed is what is held against torch."""

from __future__ import annotations

from typing import Any

import numpy
import pytest
import torch
from torch import nn

from lwprof.results.networks import TensorSpec
from lwprof.timing.agreement import DisagreementError, agreement
from lwprof.timing.backends import CHANNELS_LAST, Options, named
from lwprof.timing.contract import Loaded
from lwprof.timing.latency import Subject, time_subjects
from lwprof.timing.references import Reference
from lwprof.timing.sampling import Rules
from lwprof.timing.targets import Target

KNOWN = Reference(None, ((1,), (2,)), ([numpy.array([0.0, 1.0])], [numpy.array([2.0, 1.0])]), 1.0)


def outputs(values: Any) -> list[Any]:
    return [numpy.array([0.0, 1.0]) * values[0] if values[0] == 1 else numpy.array([2.0, 1.0])]


def test_call_that_is_timed_is_held_against_torch() -> None:
    right = Loaded(lambda: [0.0, 1.0], outputs, lambda found: [numpy.array(found)])
    assert agreement(right, KNOWN, ["float32"], "runtime", "net").difference == 0.0
    stale = Loaded(lambda: [0.0, 1.5], outputs, lambda found: [numpy.array(found)])
    with pytest.raises(DisagreementError) as raised:
        agreement(stale, KNOWN, ["float32"], "runtime", "net")
    assert raised.value.difference == 0.5


def test_sums_in_float16_are_accepted_and_wrong_ones_are_not() -> None:
    for first, right in ((0.04, True), (0.07, False)):
        loaded = Loaded(lambda first=first: [first, 1.0], outputs, lambda found: [numpy.array(found)])
        dtypes = "float16", "float32", "ncnn float16"
        if right:
            assert agreement(loaded, KNOWN, dtypes, "runtime", "net").difference == first
        else:
            with pytest.raises(DisagreementError):
                agreement(loaded, KNOWN, dtypes, "runtime", "net")


class Writes(nn.Module):
    """Normalises its input in place."""

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return image.mul_(0.5).mean((2, 3))


def test_network_that_writes_to_its_input_is_told_of_it() -> None:
    subject = Subject("net", Writes(), (TensorSpec((1, 3, 8, 8), "float32"),))
    target = Target(named("torch"), Options(layout=CHANNELS_LAST))
    (untimed,) = time_subjects([subject], [target], rules=Rules(0.0, single_calls=0)).untimed
    assert untimed.failed
    assert untimed.reason.endswith("for net when it is called again: does it write to its input?")
