"""One contract for every backend; then what is particular to one."""

from __future__ import annotations

import contextlib
import random
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.parameter import is_lazy

from lwprof.errors import BackendError, InputError
from lwprof.results import TensorSpec
from lwprof.timing import backends
from lwprof.timing.backends import BACKENDS, Backend, Options

IMAGE = (TensorSpec((2, 3, 8, 8), "float32"),)


@pytest.fixture(params=BACKENDS, ids=lambda backend: backend.name)
def backend(request: pytest.FixtureRequest) -> Backend:
    chosen: Backend = request.param
    if (reason := chosen.unavailable()) is not None:
        pytest.skip(reason)
    return chosen


def network() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout(), nn.Flatten(), nn.Linear(144, 5))


def test_names_are_unique() -> None:
    assert len({backend.name for backend in BACKENDS}) == len(BACKENDS)


def test_prepared_network_runs_again_and_again(backend: Backend) -> None:
    with backend.session(Options(backend.devices[0])) as session:
        run = session.prepare(network(), IMAGE)
        run()
        run()


def test_network_is_left_as_it_was(backend: Backend) -> None:
    module = network()
    module[2].eval()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    flags = [part.training for part in module.modules()]
    with backend.session(Options(backend.devices[0])) as session:
        session.prepare(module, IMAGE)()
        session.prepare(module, IMAGE)()
    assert [part.training for part in module.modules()] == flags
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())


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
def test_state_of_a_network_is_put_back(backend: Backend, fails: bool) -> None:
    module, image = Stateful(), torch.ones(2, 3, 8, 8)
    torch_state, python_state = torch.get_rng_state(), random.getstate()
    with contextlib.suppress(KeyboardInterrupt), backend.session(Options(backend.devices[0])) as session:
        for values in (None, (image,), {"image": image}):
            session.prepare(module, IMAGE, values)()
        if fails:
            raise KeyboardInterrupt
    assert (module.steps, module.log, module.grid, module.training) == (0, [], None, True)
    assert not module.total.any()
    assert bool((image == 1).all())
    assert torch.equal(torch.get_rng_state(), torch_state)
    assert random.getstate() == python_state
    module(image).sum().backward()
    assert module.weight.grad is not None


def test_lazy_network_stays_lazy_and_can_be_trained(backend: Backend) -> None:
    module = nn.Sequential(nn.LazyConv2d(4, 3), nn.LazyBatchNorm2d(), nn.Flatten(), nn.LazyLinear(2))
    with backend.session(Options(backend.devices[0])) as session:
        runs = [session.prepare(module, IMAGE) for _ in range(2)]
        for run in runs * 2:
            run()
    assert [type(part).__name__ for part in module] == ["LazyConv2d", "LazyBatchNorm2d", "Flatten", "LazyLinear"]
    assert all(is_lazy(parameter) for parameter in module.parameters())
    module(torch.ones(2, 3, 8, 8)).sum().backward()
    assert module[0].weight.grad is not None


def test_settings_are_put_back_even_after_a_failure(backend: Backend) -> None:
    module, threads, random_state = network(), torch.get_num_threads(), torch.get_rng_state()

    def interrupted() -> None:
        with backend.session(Options(backend.devices[0], threads=threads + 1)) as session:
            session.prepare(module, IMAGE)()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert torch.get_num_threads() == threads
    assert not torch.is_inference_mode_enabled()
    assert torch.equal(torch.get_rng_state(), random_state)
    assert all(part.training for part in module.modules())


def test_versions_are_known(backend: Backend) -> None:
    assert all(isinstance(version, str) and version for version in backend.versions().values())


@pytest.mark.parametrize(
    ("name", "options", "error", "message"),
    [
        ("tourch", Options(), InputError, "unknown backend 'tourch'; there is torch"),
        ("torch", Options(threads=0), InputError, "cannot run on 0 threads; give 1 or more"),
        ("torch", Options(device="npu"), BackendError, "backend torch has no device 'npu'; it has cpu"),
    ],
)
def test_impossible_choice(name: str, options: Options, error: type[Exception], message: str) -> None:
    with pytest.raises(error) as raised:
        backends.find(name, options)
    assert str(raised.value) == message


def test_missing_runtime_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(BackendError, match="torch is not installed: pip install torch"):
        backends.find("torch", Options())


class Witness(nn.Module):
    """Remembers how it was called."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[Any] = []

    def forward(self, *args: Any, **kwargs: Any) -> None:
        self.calls.append((args, kwargs, self.training, torch.is_inference_mode_enabled(), torch.get_num_threads()))


def called_with(inputs: tuple[TensorSpec, ...], options: Options, values: Any = None) -> list[Any]:
    module = Witness()
    with backends.find("torch", options).session(options) as session:
        run = session.prepare(module, inputs, values)
        run()
        run()
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
    noise = []
    for _ in range(2):
        torch.rand(3)
        with backends.find("torch", Options(seed=1)).session(Options(seed=1)):
            noise.append(torch.rand(5))
    assert torch.equal(*noise)
