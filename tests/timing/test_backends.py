"""One contract for every backend; then what is particular to one."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

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
    return module.calls


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


@pytest.mark.parametrize("dtype", ["float64", "bfloat16", "float16", "complex64", "int64", "uint8", "bool"])
def test_torch_draws_inputs_of_every_dtype(dtype: str) -> None:
    ((tensor,), *_) = called_with((TensorSpec((50,), dtype),), Options())[0]
    assert str(tensor.dtype) == f"torch.{dtype}"
    assert bool((tensor != 0).any())
    if dtype in ("int64", "uint8"):
        assert set(tensor.tolist()) == {0, 1}


def test_torch_takes_the_callers_own_inputs() -> None:
    mine = torch.ones(2)
    (args, kwargs, *_), _ = called_with(IMAGE, Options(), values=(mine,))
    assert args[0] is mine
    assert kwargs == {}
    (args, kwargs, *_), _ = called_with(IMAGE, Options(), values={"image": mine})
    assert args == ()
    assert kwargs["image"] is mine
