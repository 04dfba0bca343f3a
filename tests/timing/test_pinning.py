"""Pinning: on which processors threads may run while something is timed, and that they are put back."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
import torch
from torch import nn

from lwprof import compare
from lwprof.errors import BackendError, InputError
from lwprof.results.networks import TensorSpec
from lwprof.timing import backends, latency, pinning
from lwprof.timing.contract import Options
from lwprof.timing.latency import Latencies, Subject, time_subjects
from lwprof.timing.portable.affinity import CAN_PIN, Affinity
from lwprof.timing.sampling import Rules
from lwprof.timing.targets import find_targets

IMAGE = (TensorSpec((1, 3, 16, 16), "float32"),)
QUICK = Rules(budget_s=0.05, single_calls=0)

USABLE = sorted(os.sched_getaffinity(0)) if CAN_PIN else []
pytestmark = pytest.mark.skipif(len(USABLE) < 2, reason="threads cannot be pinned here, or there is one core only")


def places() -> dict[int, frozenset[int]]:
    """Where every thread of this process may run."""
    found = {}
    for name in os.listdir("/proc/self/task"):
        with suppress(OSError):
            found[int(name)] = frozenset(os.sched_getaffinity(int(name)))
    return found


@pytest.fixture(autouse=True)
def put_back() -> Iterator[None]:
    """Fail where a test leaves threads elsewhere than it found them; new ones are like the main one."""
    before = places()
    yield
    usual = frozenset(USABLE)
    assert {task: place for task, place in places().items() if place != before.get(task, usual)} == {}


@pytest.fixture
def elder() -> Iterator[int]:
    """A thread that was there before anything was pinned."""
    done, known = threading.Event(), threading.Event()
    thread = threading.Thread(target=lambda: (known.set(), done.wait()))
    thread.start()
    known.wait()
    assert thread.native_id is not None
    yield thread.native_id
    done.set()
    thread.join()


def subject(module: nn.Module) -> Subject:
    return Subject("net", module.eval(), IMAGE)


def observed(monkeypatch: pytest.MonkeyPatch) -> list[dict[int, frozenset[int]]]:
    """Look at all threads whenever a network that is timed has run."""
    seen: list[dict[int, frozenset[int]]] = []
    sample = latency.sample

    def watched(bench: Any, *arguments: Any) -> Any:
        for contender in bench._contenders:
            contender.run()
            seen.append(places())
        return sample(bench, *arguments)

    monkeypatch.setattr(latency, "sample", watched)
    return seen


# a thread of openvino may place itself: it is warned of
@pytest.mark.slow
@pytest.mark.parametrize("name", ["torch", "onnxruntime", "ncnn"])
def test_every_thread_of_a_runtime_stays_on_the_chosen_core(
    name: str, elder: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = Options(threads=2, cores=str(USABLE[-1]))
    if backends.usable(backends.named(name), options) is not None:
        pytest.skip(f"{name} is not installed")
    before, seen = places(), observed(monkeypatch)
    module = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU())
    found = time_subjects([subject(module)], find_targets([name], [options]), rules=QUICK)
    (timing,) = found.timings
    assert timing.cores == found.environment["chosen_cores"] == str(USABLE[-1])
    assert timing.warnings[0] == "2 threads share 1 chosen core: use at most 1 thread"
    (during,) = seen
    assert set(during.values()) == {frozenset({USABLE[-1]})}
    assert elder in during
    assert name != "onnxruntime" or set(during) - set(before)  # the others may use threads that torch has made


@pytest.mark.slow
def test_openvino_has_all_its_threads_again_after_it_was_pinned() -> None:
    script = """
import os
from lwprof.timing.backends import named
if named("openvino").unavailable("cpu") is None:
    import openvino
    from openvino import opset13
    def threads(wanted):
        parameter = opset13.parameter([4], openvino.Type.f32)
        model = openvino.Model([opset13.relu(parameter)], [parameter])
        compiled = openvino.Core().compile_model(model, "CPU", {"INFERENCE_NUM_THREADS": wanted, "NUM_STREAMS": 1})
        return compiled.get_property("INFERENCE_NUM_THREADS")
    usable = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, usable[:1])
    threads(1)
    os.sched_setaffinity(0, usable)
    assert threads(2) == 2, threads(2)
"""
    done = subprocess.run([sys.executable, "-P", "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_threads_of_torch_that_were_made_before_are_pinned_too(monkeypatch: pytest.MonkeyPatch) -> None:
    seen, threads = observed(monkeypatch), torch.get_num_threads()
    torch.set_num_threads(2)
    torch.rand(512, 512) @ torch.rand(512, 512)
    torch.set_num_threads(threads)
    before = places()
    targets = find_targets(["torch"], [Options(threads=2, cores=str(USABLE[0]))])
    time_subjects([subject(nn.Conv2d(3, 8, 3))], targets, rules=QUICK)
    assert {seen[0][task] for task in before if task in seen[0]} == {frozenset({USABLE[0]})}
    after = places()
    assert all(after.get(task, place) == place for task, place in before.items())


@pytest.mark.slow
def test_nothing_is_pinned_where_no_core_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    seen, before = observed(monkeypatch), places()  # a runtime that was there before may have placed its own
    found = time_subjects([subject(nn.Conv2d(3, 8, 3))], rules=QUICK)
    assert all(place == before.get(task, frozenset(USABLE)) for task, place in seen[0].items())
    assert found.timings[0].cores == ""
    assert "chosen_cores" not in found.environment


class Restless(nn.Module):
    """A network that runs where it likes."""

    def forward(self, x: Any) -> Any:
        os.sched_setaffinity(0, USABLE)
        return x


def timed_on_first(module: nn.Module) -> Latencies:
    targets = find_targets(["torch"], [Options(cores=str(USABLE[0]))])
    return time_subjects([subject(module)], targets, rules=QUICK)


@pytest.mark.slow
def test_a_thread_that_leaves_the_chosen_cores_is_told() -> None:
    (timing,) = timed_on_first(Restless()).timings
    assert any(warning.startswith("a thread of a runtime left the chosen cores: ") for warning in timing.warnings)


class Raising(nn.Module):
    """A network that raises; ``look`` is called before it does."""

    def __init__(self, error: type[BaseException], look: Callable[[], object]) -> None:
        super().__init__()
        self.error, self.look = error, look

    def forward(self, x: Any) -> Any:
        self.look()
        raise self.error


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_threads_are_put_back_whatever_a_network_raises(error: type[BaseException]) -> None:
    seen: list[set[int]] = []
    with suppress(SystemExit):
        timed_on_first(Raising(error, lambda: seen.append(os.sched_getaffinity(0))))
    assert seen[0] == {USABLE[0]}
    assert places()[threading.get_native_id()] == frozenset(USABLE)


def test_a_thread_that_had_a_place_of_its_own_gets_it_back(elder: int) -> None:
    os.sched_setaffinity(elder, {USABLE[0]})
    with pinning.pinned(USABLE[1:2]):
        assert places()[elder] == {USABLE[1]}
    assert places()[elder] == {USABLE[0]}
    os.sched_setaffinity(elder, USABLE)


def test_a_thread_that_places_itself_is_caught_by_the_next_pin(elder: int) -> None:
    with pinning.pinned(USABLE[:1]) as pins:
        os.sched_setaffinity(elder, USABLE)
        assert pins.strays() == 1
        pins.pin()
        assert (pins.strays(), places()[elder]) == (0, {USABLE[0]})


def test_nobody_pins_to_nothing() -> None:
    pins = Affinity(())
    pins.pin()
    assert pins.strays() == 0
    pins.restore()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("9999", "there is no core 9999 here"),
        ("fast", "cannot read the cores 'fast'; write big, little, all, or numbers such as 0,2-3"),
    ],
)
def test_cores_that_are_not_there_are_refused_before_any_work(text: str, says: str) -> None:
    with pytest.raises(InputError, match=says):
        compare(["mbv2"], cores=text)


def test_cores_that_this_process_may_not_use_are_refused() -> None:
    os.sched_setaffinity(0, USABLE[:1])
    try:
        with pytest.raises(InputError, match=f"this process may not use core {USABLE[1]}, only {USABLE[0]}"):
            find_targets(["torch"], [Options(cores=str(USABLE[1]))])
    finally:
        os.sched_setaffinity(0, USABLE)


def test_where_nothing_can_be_pinned_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pinning, "CAN_PIN", False)
    monkeypatch.setattr("platform.system", lambda: "Darwin")
    with pytest.raises(BackendError, match="threads cannot be pinned to cores on macOS: leave the choice of cores out"):
        find_targets(["torch"], [Options(cores="0")])
    assert find_targets(["torch"], [Options()])


def test_on_emulated_cores_alone_nothing_is_chosen() -> None:
    emulated = Options("arm-emulated:cortex-a76", cores="0")
    with pytest.raises(InputError, match="instructions are the same on all cores of this machine"):
        pinning.check([emulated])
    pinning.check([emulated, Options(cores=str(USABLE[0]))])


def test_a_board_says_itself_which_cores_it_has() -> None:
    pinning.check([Options("ssh://pi@board", cores="4-7")])
    assert pinning.found_here([Options("ssh://pi@board", cores="9999")]) == ()
