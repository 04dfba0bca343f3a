"""One contract for every backend; then what is particular to torch, eager."""

from __future__ import annotations

import contextlib
import json
import os
import random
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy
import pytest
import torch
from prepared_networks import IMAGE, ready
from torch import nn
from torch.nn.parameter import is_lazy

from lwprof.errors import BackendError, InputError
from lwprof.results.networks import TensorSpec
from lwprof.timing import backends, devices
from lwprof.timing.backends import BACKENDS, Backend, Options
from lwprof.timing.conversions import cache
from lwprof.timing.portable.clock import performance_clock
from lwprof.timing.preparation import Preparation, Subject
from lwprof.timing.targets import find_targets

QUICK = ("torch", "onnxruntime")
"""Backends that `make quick` asks: a conversion or a compilation for every test takes longer."""

ON_CPU = [
    pytest.param(backend, id=backend.name, marks=() if backend.name in QUICK else pytest.mark.slow)
    for backend in BACKENDS
    if "cpu" in backend.devices
]


@pytest.fixture(params=ON_CPU)
def backend(request: pytest.FixtureRequest) -> Backend:
    chosen: Backend = request.param
    if (reason := backends.usable(chosen, Options())) is not None:
        pytest.skip(f"{chosen.name}: {reason}")
    return chosen


def network() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Dropout(), nn.Flatten(), nn.Linear(144, 5)
    )


def prepared_or_refused(backend: Backend, *args: Any, then: Callable[[], None] = lambda: None) -> None:
    """Run a network that is not meant for conversion: torch has to, others may refuse it."""
    with ExitStack() as stack:
        try:
            found = stack.enter_context(ready(backend, *args))
        except BackendError:
            if backend.name == "torch":
                raise
            return
        found.loaded.run()
        found.loaded.run()
        then()


def test_names_are_unique() -> None:
    assert len({backend.name for backend in BACKENDS}) == len(BACKENDS)


@pytest.mark.parametrize("backend", BACKENDS, ids=lambda backend: backend.name)
def test_backend_says_what_it_offers(backend: Backend) -> None:
    assert backend.devices
    assert backend.dtypes[0] == "float32"
    assert backend.layouts
    assert set(backend.layouts) <= {backends.CONTIGUOUS, backends.CHANNELS_LAST}
    assert set(backend.dtypes) <= set(backends.DTYPES)
    assert set(backend.devices) <= set(devices.KINDS)


@pytest.mark.parametrize("backend", BACKENDS, ids=lambda backend: backend.name)
def test_missing_package_is_a_sentence_and_an_install_line(backend: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda *args: None)
    device = backend.devices[0]
    reason = backends.usable(backend, Options(device))
    assert reason is not None
    assert "\n" not in reason
    if device == "cpu":
        assert "not installed" in reason
        assert "pip install" in reason
        assert not backend.extra or f"lwprof[{backend.extra}]" in reason


def test_versions_are_known(backend: Backend) -> None:
    versions = backend.versions()
    assert versions
    assert all(isinstance(version, str) and version for version in versions.values())


def test_network_runs_again_and_again_and_agrees_with_torch(backend: Backend) -> None:
    with ready(backend, network()) as found:
        for _ in range(3):
            found.loaded.run()
        found.loaded.close()
        found.loaded.close()
    assert found.load_s >= 0
    if not backend.is_reference(Options()):
        assert found.difference is not None
        assert found.difference <= 1e-4


def test_outputs_follow_the_inputs(backend: Backend) -> None:
    module = network()
    images = [torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(seed)) for seed in (1, 2)]
    with ready(backend, module) as found:
        first, second, again = (found.loaded.outputs((image,))[0] for image in (*images, images[0]))
    assert first.shape == second.shape == (2, 5)
    assert numpy.array_equal(first, again)
    assert abs(first - second).max() > 0.01 * (first.max() - first.min())


def test_what_was_given_out_stays_as_it_was(backend: Backend) -> None:
    """Runtimes that write their outputs to the same memory would compare a result with itself."""
    images = [torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(seed)) for seed in (1, 2)]
    with ready(backend, network()) as found:
        first = found.loaded.outputs((images[0],))[0]
        kept = numpy.array(first)
        found.loaded.outputs((images[1],))
        found.loaded.run()
        assert numpy.array_equal(first, kept)


def test_several_outputs_come_in_torchs_order(backend: Backend) -> None:
    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 4, 3)

        def forward(self, image: torch.Tensor) -> dict[str, torch.Tensor]:
            maps = self.conv(image).relu()
            return {"maps": maps, "mean": maps.mean((2, 3))}

    with ready(backend, Two()) as found:
        shapes = [output.shape for output in found.loaded.outputs((torch.ones(2, 3, 8, 8),))]
    assert shapes == [(2, 4, 6, 6), (2, 4)]


@pytest.mark.slow
def test_network_is_left_as_it_was(backend: Backend) -> None:
    module = network()
    module[2].eval()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    memory = {name: value.data_ptr() for name, value in module.state_dict().items()}
    flags = [part.training for part in module.modules()]
    for _ in range(2):
        with ready(backend, module) as found:
            found.loaded.run()
    assert [part.training for part in module.modules()] == flags
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())
    assert {name: value.data_ptr() for name, value in module.state_dict().items()} == memory
    assert all(not part._forward_hooks and not part._forward_pre_hooks for part in module.modules())


def test_network_that_cannot_run_is_left_as_it_was(backend: Backend) -> None:
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Linear(7, 2))
    before = {name: value.clone() for name, value in module.state_dict().items()}
    state, threads = torch.get_rng_state(), torch.get_num_threads()
    with pytest.raises((InputError, RuntimeError), match="shapes cannot be"), ready(backend, module) as found:
        found.loaded.run()  # eager torch alone is not asked before
    assert all(part.training for part in module.modules())
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.get_num_threads() == threads
    assert not torch.is_inference_mode_enabled()


class Stateful(nn.Module):
    """Counts, caches, logs, draws and writes while it runs, its input included."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(3, 1, 1))
        self.register_buffer("total", torch.zeros(3, 1, 1))
        self.steps = 0
        self.log: list[torch.Tensor] = []
        self.grid: torch.Tensor | None = None

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        if self.grid is None:
            self.grid = torch.linspace(0, 1, image.shape[-1])
        self.steps += 1
        self.total += 1
        self.log.append(torch.rand(1) + random.random())
        return image.mul_(1.5) * self.weight + self.grid


@pytest.mark.parametrize("fails", [False, True])
@pytest.mark.parametrize("form", ["random", "position", "keyword"])
def test_state_of_a_network_is_put_back(backend: Backend, form: str, fails: bool) -> None:
    module, image = Stateful(), torch.ones(2, 3, 8, 8)
    values: Any = {"random": None, "position": (image,), "keyword": {"image": image}}[form]
    torch_state, python_state = torch.get_rng_state(), random.getstate()

    def interrupt() -> None:
        if fails:
            raise KeyboardInterrupt

    with contextlib.suppress(KeyboardInterrupt):
        prepared_or_refused(backend, module, IMAGE, values, then=interrupt)
    assert (module.steps, module.log, module.grid, module.training) == (0, [], None, True)
    assert not module.total.any()
    assert bool((image == 1).all())
    assert torch.equal(torch.get_rng_state(), torch_state)
    assert random.getstate() == python_state
    module(image).sum().backward()
    assert module.weight.grad is not None


def test_lazy_network_stays_lazy_and_can_be_trained(backend: Backend) -> None:
    module = nn.Sequential(nn.LazyConv2d(4, 3), nn.LazyBatchNorm2d(), nn.Flatten(), nn.LazyLinear(2))
    prepared_or_refused(backend, module)
    assert [type(part).__name__ for part in module] == ["LazyConv2d", "LazyBatchNorm2d", "Flatten", "LazyLinear"]
    assert all(is_lazy(parameter) for parameter in module.parameters())
    module(torch.ones(2, 3, 8, 8)).sum().backward()
    assert module[0].weight.grad is not None


def test_settings_are_put_back_even_after_a_failure(backend: Backend) -> None:
    module, threads, random_state = network(), torch.get_num_threads(), torch.get_rng_state()
    affinity = _affinity()

    def interrupted() -> None:
        with ready(backend, module, options=Options(threads=threads + 1)) as found:
            found.loaded.run()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert torch.get_num_threads() == threads
    assert torch.is_grad_enabled()
    assert not torch.is_inference_mode_enabled()
    assert _affinity() == affinity
    assert torch.equal(torch.get_rng_state(), random_state)
    assert all(part.training for part in module.modules())


def _affinity() -> object:
    return os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else None


def test_conversion_is_kept_whole(backend: Backend, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path))
    torch.manual_seed(3)
    module = network()
    with ready(backend, module) as found:
        converted = found.converted
        if converted is None:
            pytest.skip(f"{backend.name} converts nothing")
        assert not converted.cached
        manifest = json.loads((converted.folder / cache.MANIFEST).read_text())
        assert converted.size_bytes == sum((converted.folder / name).stat().st_size for name in manifest["files"]) > 0
    with ready(backend, module) as again:
        assert again.converted is not None
        assert again.converted.cached
        assert again.difference == found.difference


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="needs the account of Linux")
def test_one_thread_is_one_thread(backend: Backend) -> None:
    """By the time of all threads: it is no more than the time that passes."""
    module = nn.Sequential(*(nn.Conv2d(32, 32, 3, padding=1) for _ in range(4)))
    with ready(backend, module, (TensorSpec((1, 32, 64, 64), "float32"),)) as found:
        for _ in range(5):
            found.loaded.run()
        wall, spent = time.perf_counter(), time.process_time()
        for _ in range(20):
            found.loaded.run()
        wall, spent = time.perf_counter() - wall, time.process_time() - spent
    assert spent <= 1.1 * wall


@pytest.mark.parametrize(
    ("name", "options", "error", "message"),
    [
        ("tourch", Options(), InputError, "unknown backend 'tourch'; did you mean 'torch'?"),
        ("tensorflow", Options(), InputError, "unknown backend 'tensorflow'; there is torch, "),
        ("torch", Options(threads=0), InputError, "cannot run on 0 threads; give 1 or more"),
        ("torch", Options(threads=1025), InputError, "cannot run on 1025 threads; give at most 1024"),
        (
            "torch",
            Options(device="npu"),
            InputError,
            "unknown device 'npu'; there is cpu, cuda, arm-emulated, ssh://user@board",
        ),
        (
            "ncnn",
            Options(device="arm-emulated:cortex-a75"),
            InputError,
            "no core 'cortex-a75' is emulated; there is cortex-a76, cortex-a72, cortex-a53",
        ),
        (
            "torch",
            Options(device="arm-emulated"),
            BackendError,
            "backend torch has no device 'arm-emulated'; it has cpu, cuda",
        ),
        (
            "openvino",
            Options(device="ssh://pi@board"),
            BackendError,
            "backend openvino has no device 'ssh://pi@board'; it has cpu",
        ),
        (
            "litert",
            Options(device="cuda"),
            BackendError,
            "backend litert has no device 'cuda'; it has cpu",
        ),
        ("torch", Options(dtype="float31"), InputError, "unknown dtype 'float31'; there is float32, "),
        ("torch", Options(layout="blocked"), InputError, "unknown layout 'blocked'; there is contiguous, "),
        (
            "onnxruntime",
            Options(dtype="bfloat16"),
            BackendError,
            "backend onnxruntime has no dtype 'bfloat16'; it has ",
        ),
    ],
)
def test_impossible_choice(name: str, options: Options, error: type[Exception], message: str) -> None:
    with pytest.raises(error) as raised:
        find_targets([name], [options])
    assert str(raised.value).startswith(message)
    assert "\n" not in str(raised.value)


class Witness(nn.Module):
    """Remembers how it was called."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[Any] = []

    def forward(self, *args: Any, **kwargs: Any) -> None:
        self.calls.append((args, kwargs, self.training, torch.is_inference_mode_enabled(), torch.get_num_threads()))


def called_with(inputs: tuple[TensorSpec, ...], options: Options, values: Any = None) -> list[Any]:
    """How eager torch calls a network, where nothing is timed beside it."""
    module = Witness()
    with ExitStack() as stack:
        subject = Subject("witness", module, inputs, values)
        preparation = Preparation([subject], find_targets(["torch"], [options]), {}, performance_clock(), None)
        (found,) = preparation.ready(stack)
        found.loaded.run()
        found.loaded.run()
        return list(module.calls)  # what it remembers is put back


def test_torch_runs_in_eval_and_inference_mode_on_pinned_threads() -> None:
    for *_, training, inference, threads in called_with(IMAGE, Options(threads=3)):
        assert (training, inference, threads) == (False, True, 3)


def test_torch_allocates_seeded_inputs_once() -> None:
    (first, *_), (second, *_) = called_with(IMAGE, Options(seed=1))
    assert first[0] is second[0]
    assert first[0].shape == (2, 3, 8, 8)
    assert bool((first[0] != 0).all())
    assert torch.equal(first[0], called_with(IMAGE, Options(seed=1))[0][0][0])
    assert not torch.equal(first[0], called_with(IMAGE, Options(seed=2))[0][0][0])


@pytest.mark.parametrize("dtype", ["float64", "bfloat16", "float16", "complex64", "bool"])
def test_torch_draws_inputs_of_every_dtype(dtype: str) -> None:
    ((tensor,), *_) = called_with((TensorSpec((50,), dtype),), Options())[0]
    assert str(tensor.dtype) == f"torch.{dtype}"
    assert bool((tensor != 0).any())


def test_torch_takes_copies_of_the_callers_own_inputs() -> None:
    mine = torch.rand(2)
    (args, kwargs, *_), _ = called_with(IMAGE, Options(), values=({"image": [mine]}, 3))
    assert torch.equal(args[0]["image"][0], mine)
    assert (args[1], kwargs) == (3, {})
    (args, kwargs, *_), _ = called_with(IMAGE, Options(), values={"image": mine})
    assert args == ()
    assert torch.equal(kwargs["image"], mine)


def test_torch_draws_the_same_noise_whatever_was_drawn_before() -> None:
    class Noise(nn.Module):
        def __init__(self, drawn: list[Any]) -> None:
            super().__init__()
            object.__setattr__(self, "_drawn", (drawn,))

        def forward(self, image: torch.Tensor) -> None:
            self._drawn[0].append(torch.rand(5))

    drawn: list[torch.Tensor] = []
    for _ in range(2):
        torch.rand(3)
        with ExitStack() as stack:
            targets = find_targets(["torch"], [Options(seed=1)])
            noise: list[Any] = []
            (found,) = Preparation(
                [Subject("noise", Noise(noise), IMAGE)], targets, {}, performance_clock(), None
            ).ready(stack)
            found.loaded.run()
            drawn += noise
    assert torch.equal(*drawn)
