"""What runtimes are held against, and that a wrong one is found out."""

from __future__ import annotations

import copy
import math
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy
import pytest
import torch
from prepared_networks import IMAGE
from torch import nn

import lwprof
from lwprof.models import catalog
from lwprof.results.networks import TensorSpec
from lwprof.timing.agreement import SAYS_LITTLE, agreement
from lwprof.timing.backends import Options, named
from lwprof.timing.contract import Loaded
from lwprof.timing.conversions import fingerprint
from lwprof.timing.differences import difference, movement
from lwprof.timing.forwards import outputs
from lwprof.timing.latency import Subject, time_subjects
from lwprof.timing.references import (
    DEPENDENT,
    Reference,
    reference,
)
from lwprof.timing.sampling import Rules
from lwprof.timing.targets import Target

QUICK = Rules(budget_s=0.0, single_calls=0)


def noise(*shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(0))


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.Conv2d(8, 8, 3, padding=1),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(8, 5),
    ).eval()


def found(module: nn.Module, *values: Any) -> Reference:
    return reference(module, values, seed=0)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mbv1", "squeezenet"])
def test_fresh_network_is_given_what_makes_it_depend_on_its_input(name: str) -> None:
    module = lwprof.build(name).eval()
    before = {key: value.clone() for key, value in module.state_dict().items()}
    known = found(module, noise(1, 3, 64, 64))
    assert known.module is not module
    assert known.dependence > DEPENDENT
    assert not any(part.training for part in known.module.modules())
    assert all(torch.equal(value, before[key]) for key, value in module.state_dict().items())


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ([[0.0, 1.0]], [[2.0, 1.0]], 1.0),  # as torch
        ([[5.0, 1.0]], [[6.0, 1.0]], 0.5),
        ([[0.0, 1.0]], [[0.0, 1.0]], 0.0),
        ([[2.0, 1.0]], [[0.0, 1.0]], -1.0),  # mixed up
        ([[0.0, math.inf]], [[2.0, math.inf]], 1.0),
    ],
)
def test_movement_is_the_share_of_torchs_movement(first: Any, second: Any, expected: float) -> None:
    torchs = [numpy.array([0.0, 1.0])], [numpy.array([2.0, 1.0])]
    ours = [numpy.array(item) for item in first], [numpy.array(item) for item in second]
    assert movement(ours, torchs) == expected


def test_outputs_whose_shapes_depend_on_the_input_have_none_to_compare() -> None:
    torchs = [numpy.ones(2)], [numpy.ones(3)]
    assert movement(torchs, torchs) == 1.0


def test_network_that_gives_back_its_own_memory_depends_on_its_input() -> None:
    class Reused(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("kept", torch.zeros(2, 4))

        def forward(self, image: torch.Tensor) -> Any:
            return self.kept.copy_(image.flatten(1)[:, :4])  # type: ignore[operator, union-attr]

    known = reference(Reused(), (torch.ones(2, 3, 8, 8),), seed=0)
    assert known.dependence > 0.1
    assert (known.outputs[0][0] == 1).all()


@pytest.mark.slow
def test_network_that_ignored_its_input_depends_on_it_with_statistics() -> None:
    """As MobileNetV1 in torch's own initialisation: every layer halves what it is given."""
    layers = [part for _ in range(12) for part in (nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8))]
    module = nn.Sequential(nn.Conv2d(3, 8, 1), *layers).eval()
    image, other = noise(1, 3, 8, 8), noise(2, 3, 8, 8)[1:]
    with torch.no_grad():
        as_it_is = difference([module(other).numpy()], [module(image).numpy()])
    assert found(module, image).dependence > max(0.1, 10 * as_it_is)


def test_trained_network_is_compared_as_it_is() -> None:
    module = network().train()
    for _ in range(3):
        module(noise(4, 3, 8, 8))
    module.eval()
    assert found(module, noise(1, 3, 8, 8)).module is module


def test_two_inputs_differ() -> None:
    first, second = found(network(), noise(1, 3, 8, 8)).inputs
    assert not torch.equal(first[0], second[0])
    assert first[0].shape == second[0].shape


@pytest.mark.parametrize("form", ["tuple", "dict", "keywords"])
def test_every_output_counts(form: str) -> None:
    class Several(nn.Module):
        def forward(self, image: torch.Tensor) -> Any:
            parts = (image * 2, image.mean((2, 3)))
            return {"a": parts[0], "b": [parts[1]]} if form == "dict" else parts

    image = noise(1, 3, 8, 8)
    values: Any = {"image": image} if form == "keywords" else (image,)
    known = reference(Several().eval(), values, seed=0)
    assert [output.shape for output in known.outputs[0]] == [(1, 3, 8, 8), (1, 3)]
    if form == "keywords":
        assert set(known.inputs[1]) == {"image"}


def test_network_that_cannot_be_copied_is_compared_as_it_is() -> None:
    class Single(nn.Sequential):
        def __deepcopy__(self, memo: Any) -> Any:
            raise TypeError("there is one only")

    module = Single(*network()).eval()
    assert found(module, noise(1, 3, 8, 8)).module is module


def test_network_that_cannot_be_trained_is_compared_as_it_is() -> None:
    class Deployed(nn.Sequential):
        def forward(self, image: torch.Tensor) -> Any:
            assert not any(part.training for part in self.modules())
            return super().forward(image)

    module = Deployed(*network()).eval()
    assert found(module, noise(1, 3, 8, 8)).module is module


def test_outputs_are_those_of_the_network_that_is_converted() -> None:
    """Also where other weights were tried in vain."""

    class Head(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm, self.linear = nn.BatchNorm2d(3), nn.Linear(3, 5)

        def forward(self, image: torch.Tensor) -> torch.Tensor:
            return torch.ones(1, 5) * self.linear.bias

    known = found(Head().eval(), noise(1, 3, 8, 8))
    assert known.dependence == 0.0
    loaded = Loaded(list, lambda values: outputs(known.module, values))
    assert agreement(loaded, known, ["float32"], "torch", "head").difference == 0.0


def test_copy_may_be_run_outside_of_inference_mode() -> None:
    class Counts(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm = nn.BatchNorm2d(3)
            self.register_buffer("calls", torch.zeros(()))

        def forward(self, image: torch.Tensor) -> torch.Tensor:
            self.calls += 1
            return self.norm(image)

    with torch.inference_mode():
        known = found(Counts().eval(), noise(1, 3, 8, 8))
    assert known.module is not None
    known.module(noise(1, 3, 8, 8))
    assert known.module.calls == 4  # statistics, two inputs, this one


def test_random_state_and_threads_are_left_alone() -> None:
    module = network()
    state, threads = torch.get_rng_state(), torch.get_num_threads()
    found(module, noise(1, 3, 8, 8))
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.get_num_threads() == threads


@pytest.mark.parametrize(
    ("ours", "theirs", "expected"),
    [
        ([1.0, 2.5], [1.0, 3.0], 0.25),
        ([5.5], [5.0], 0.1),
        ([0.0, 0.0], [0.0, 0.0], 0.0),
        ([], [], 0.0),
        ([1.0, math.nan, 3.0], [1.0, math.nan, 3.0], 0.0),
        ([1.0, math.inf, 2.0], [1.0, math.inf, 3.0], 0.5),
        ([1.0, 2.0, 3.0], [1.0, math.nan, 3.0], math.inf),
        ([1.0, math.nan, 3.0], [1.0, 2.0, 3.0], math.inf),
        ([1.0, -math.inf], [1.0, math.inf], math.inf),
        ([math.nan], [math.nan], 0.0),
        ([1.0], [1.0, 2.0], math.inf),
        ([1, 2, 3, 4], [1, 2, 3, 900], 0.25),
        ([True, False], [True, True], 0.5),
        ([1 + 1j, 2 + 3j], [1 + 1j, 2 + 2j], 1.0),
    ],
)
def test_difference(ours: Any, theirs: Any, expected: float) -> None:
    assert difference([numpy.array(ours)], [numpy.array(theirs)]) == expected


def test_missing_output_is_a_difference() -> None:
    one = numpy.array([1.0, 2.0])
    assert difference([one], [one, one]) == math.inf
    assert difference([one, one * 2], [one, one]) == 2.0


SCRIPT = """
import sys, torch, lwprof
from lwprof.timing.conversions import fingerprint
from lwprof.timing.references import reference
torch.set_num_threads(int(sys.argv[1]))
for name in sys.argv[2:]:
    values = (torch.randn((1, 3, 64, 64), generator=torch.Generator().manual_seed(0)),)
    torch.manual_seed(0)
    print(fingerprint.of_module(reference(lwprof.build(name).eval(), values, 0).module, values))
"""


@pytest.mark.slow
def test_same_network_is_the_same_in_every_process_on_any_number_of_threads() -> None:
    names = list(catalog.entries())
    printed = [
        subprocess.run(
            [sys.executable, "-P", "-c", SCRIPT, threads, *names], capture_output=True, text=True, check=True
        )
        for threads in ("1", "2")
    ]
    first, second = (run.stdout.split() for run in printed)
    assert len(set(first)) == len(names)
    assert first == second


def wrong(module: nn.Module, how: str) -> nn.Module:
    """A copy of ``network()`` in which one thing is not as it should be."""
    module = copy.deepcopy(module)
    first: Any = module[0]
    with torch.no_grad():
        if how == "two channels swapped":
            module[3].weight[[0, 1]] = module[3].weight[[1, 0]]
        elif how == "no bias":
            module[8].bias.zero_()
        elif how == "input channels swapped":
            first.weight[:, [0, 2]] = first.weight[:, [2, 0]]
        elif how == "padding":
            first.padding, first._reversed_padding_repeated_twice = (0, 0), [0] * 4
            module[0] = nn.Sequential(nn.ReplicationPad2d(1), first)
        elif how == "no ReLU":
            module[2] = nn.Identity()
        elif how == "one weight":
            module[8].weight[0, 0] += 0.05
    return module


class Wrong:
    """Eager torch under another name, that runs something else than it is given."""

    def __init__(self, change: Callable[[nn.Module], nn.Module]) -> None:
        self._torch, self._change = named("torch"), change
        self.name, self.extra, self.devices, self.dtypes = "wrong", "", ("cpu",), ("float32",)
        self.layouts, self.runs_files = ("contiguous",), False

    def unavailable(self, device: str) -> None: ...
    def versions(self) -> dict[str, str]:
        return {}

    def conversion(self, source: Any, options: Options) -> None: ...
    def is_reference(self, options: Options) -> bool:
        return False

    def settings(self, options: Options) -> Any:
        return self._torch.settings(options)

    def load(self, source: Any, options: Options, folder: Any) -> Any:
        return self._torch.load(replace(source, module=self._change(source.module)), options, folder)


@pytest.mark.parametrize(
    "how", ["two channels swapped", "no bias", "input channels swapped", "padding", "no ReLU", "one weight"]
)
def test_wrong_conversion_is_not_timed(how: str) -> None:
    targets = [Target(Wrong(lambda module: wrong(module, how)), Options()), Target(named("torch"), Options())]
    latencies = time_subjects([Subject("net", network(), IMAGE)], targets, rules=QUICK)
    (untimed,), (timing,) = latencies.untimed, latencies.timings
    assert untimed.failed
    assert untimed.difference is not None
    assert untimed.difference > 1e-3
    assert untimed.reason.startswith("wrong computes something else than torch for net: the largest difference is ")
    assert untimed.reason.endswith(" of the output's range, at most 0.0001 is accepted")
    assert timing.backend == "torch"


def test_right_conversion_is_timed_with_its_difference() -> None:
    targets = [Target(Wrong(copy.deepcopy), Options())]
    (timing,) = time_subjects([Subject("net", network(), IMAGE)], targets, rules=QUICK).timings
    assert timing.difference == 0.0
    assert SAYS_LITTLE.format("torch") not in timing.warnings


@pytest.mark.parametrize("how", ["random", "nothing"])
def test_backend_is_not_blamed_for_what_cannot_be_compared(how: str) -> None:
    class Net(nn.Sequential):
        def forward(self, image: torch.Tensor) -> Any:
            logits = super().forward(image)
            return nn.functional.dropout(logits) if how == "random" else None

    targets = [Target(Wrong(copy.deepcopy), Options()), Target(named("torch"), Options())]
    inputs = (TensorSpec((3, 3, 8, 8), "float32"),)
    latencies = time_subjects([Subject("net", Net(*network()), inputs)], targets, rules=QUICK)
    (untimed,), (timing,) = latencies.untimed, latencies.timings
    gives = {"random": "other outputs for the same input each time", "nothing": "back no tensor"}[how]
    assert untimed.reason == f"net gives {gives}: no backend can be held against torch"
    assert timing.backend == "torch"


def test_little_said_is_said() -> None:
    module = nn.Sequential(nn.Embedding(10, 4), nn.Flatten(), nn.Linear(12, 2))
    inputs = (TensorSpec((1, 3), "int64"),)
    targets = [Target(Wrong(copy.deepcopy), Options())]
    (timing,) = time_subjects([Subject("words", module, inputs)], targets, rules=QUICK).timings
    assert SAYS_LITTLE.format("torch") in timing.warnings


def test_constant_is_not_made_to_depend_on_the_input() -> None:
    class Constant(nn.Module):
        def forward(self, image: torch.Tensor) -> torch.Tensor:
            return image * 0 + 1

    assert found(Constant().eval(), noise(1, 3, 8, 8)).dependence == 0.0


def test_fingerprint_of_a_reference_is_that_of_its_weights() -> None:
    values = (noise(1, 3, 8, 8),)
    known = [reference(network(), values, seed).module for seed in (0, 0, 1)]
    prints = [fingerprint.of_module(module, values) for module in known]
    assert prints[0] == prints[1] != prints[2]
