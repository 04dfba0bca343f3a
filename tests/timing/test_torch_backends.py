"""What is particular to torch: dtypes, layouts, the compiler, GPUs."""

from __future__ import annotations

import copy
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from prepared_networks import IMAGE, ready
from torch import nn

import lwprof
from lwprof.errors import BackendError
from lwprof.inputs import random_tensors
from lwprof.results.latency import Timing
from lwprof.results.networks import TensorSpec
from lwprof.timing import differences
from lwprof.timing.backends import CHANNELS_LAST, Options, named, usable
from lwprof.timing.contract import Loaded, Source
from lwprof.timing.forwards import outputs
from lwprof.timing.latency import Subject, time_subjects
from lwprof.timing.sampling import Rules
from lwprof.timing.targets import find_targets

LIGHT = ("mbv1", "mbv2", "shufflenetv2", "ghostnet", "addernet_resnet20")


class Net(nn.Module):
    """Remembers the tensors that it was called with, and counts."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.norm = nn.BatchNorm2d(4)
        self.register_buffer("offsets", torch.arange(4))
        self.seen: list[torch.Tensor] = []
        self.eval()

    def forward(self, image: torch.Tensor, scale: torch.Tensor, index: torch.Tensor) -> Any:
        self.seen += [image, self.conv.weight]
        mixed = self.norm(self.conv(image)) * scale
        return mixed, index + self.offsets


def source(module: Any = None) -> Source:
    values = (torch.rand(2, 3, 8, 8), torch.rand(()), torch.arange(4))
    return Source("net", Net() if module is None else module, values)


def loaded(given: Source, options: Options, backend: str = "torch") -> Loaded:
    found = named(backend)
    with found.settings(options):
        result = found.load(given, options, None)
        result.run()
        return result


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
@pytest.mark.parametrize("layout", ["contiguous", CHANNELS_LAST])
def test_another_dtype_or_layout_is_a_copys(dtype: str, layout: str) -> None:
    given = source()
    module, options = given.module, Options(dtype=dtype, layout=layout)
    parts = copy.deepcopy(module.state_dict())
    copied: list[Any] = []
    module.register_forward_pre_hook(lambda self, args: copied.append((self, args)))
    result = loaded(given, options)
    ((running, (image, scale, index)),) = copied
    assert running is not module
    assert module.seen == []
    assert {name: value.dtype for name, value in module.state_dict().items()} == {
        name: value.dtype for name, value in parts.items()
    }
    assert all(torch.equal(value, parts[name]) for name, value in module.state_dict().items())
    assert (str(image.dtype), str(running.conv.weight.dtype)) == (f"torch.{dtype}",) * 2
    assert (scale.dtype, index.dtype, running.offsets.dtype) == (image.dtype, torch.int64, torch.int64)
    for tensor in (image, running.conv.weight):
        assert tensor.is_contiguous(memory_format=torch.channels_last) == (layout == CHANNELS_LAST)
    values, counted = result.outputs(given.values)
    assert (values.dtype, counted.dtype) == ("float32", "int64")


def test_own_dtype_is_timed_in_place() -> None:
    given = source()
    loaded(given, Options())
    loaded(given, Options(dtype="float32"))
    assert len(given.module.seen) == 4
    assert given.module.seen[1] is given.module.seen[3] is given.module.conv.weight


def test_network_that_cannot_be_copied_is_told_of_in_one_sentence() -> None:
    class Single(Net):
        def __deepcopy__(self, memo: Any) -> Any:
            raise TypeError("there is one\n(details)")

    with pytest.raises(BackendError) as raised:
        loaded(source(Single()), Options(dtype="bfloat16"))
    assert str(raised.value) == (
        "net cannot be copied, which another dtype, layout or device takes: TypeError: there is one"
    )


def test_tf32_is_of_gpus() -> None:
    with pytest.raises(BackendError, match="tf32 is how a GPU multiplies: there is none of it on device 'cpu'"):
        loaded(source(), Options(dtype="tf32"))


@pytest.mark.parametrize("backend", ["torch", "torch-compile", "torch-cudagraphs"])
@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_without_a_gpu_one_sentence_says_so(backend: str) -> None:
    with pytest.raises(BackendError) as raised:
        find_targets([backend], [Options(device="cuda")])
    assert str(raised.value).startswith(f"backend {backend} has no CUDA device here: torch {torch.__version__} ")
    assert "\n" not in str(raised.value)


def test_cuda_graphs_are_of_gpus() -> None:
    reason = usable(named("torch-cudagraphs"), Options())
    assert reason == "backend torch-cudagraphs has no device 'cpu'; it has cuda"


def test_compiler_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.delenv("CXX", raising=False)
    assert usable(named("torch-compile"), Options()) == (
        "torch-compile needs a C++ compiler, and there is no g++: install one "
        "(on Debian or Ubuntu: apt install g++), or name yours in CXX"
    )


compiling = pytest.mark.skipif(usable(named("torch-compile"), Options()) is not None, reason="no C++ compiler")


def graphs() -> int:
    from torch._dynamo.utils import counters

    return int(counters["stats"]["unique_graphs"])


@compiling
@pytest.mark.slow
class TestCompiled:
    """One network is compiled for all of these: that takes seconds."""

    @pytest.fixture(scope="class")
    @staticmethod
    def compiled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Source, Loaded, list[Any]]]:
        torch.manual_seed(0)
        module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(144, 5)).eval()
        given = Source("net", module, (torch.rand(2, 3, 8, 8),))
        before = [(part, dict(vars(part))) for part in module.modules()]
        folder = tmp_path_factory.mktemp("cache")
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("LWPROF_CACHE", str(folder))
            patch.setenv("TORCHINDUCTOR_CACHE_DIR", "/mine")
            backend = named("torch-compile")
            with backend.settings(Options()):
                found = backend.load(given, Options(), None)
                yield given, found, before
            assert os.environ["TORCHINDUCTOR_CACHE_DIR"] == "/mine"
            assert any((folder / "inductor").iterdir())

    def test_computes_what_torch_does(self, compiled: tuple[Source, Loaded, list[Any]]) -> None:
        given, found, _ = compiled
        (expected,) = outputs(given.module, given.values)
        (got,) = found.outputs(given.values)
        assert differences.difference([got], [expected]) <= 1e-5

    def test_is_compiled_once(self, compiled: tuple[Source, Loaded, list[Any]]) -> None:
        given, found, _ = compiled
        before = graphs()
        assert before > 0
        for _ in range(3):
            found.run()
            found.outputs(given.values)
        assert graphs() == before

    def test_leaves_the_network_as_it_was(self, compiled: tuple[Source, Loaded, list[Any]]) -> None:
        for part, attributes in compiled[2]:
            assert vars(part).keys() == attributes.keys()
            assert all(vars(part)[name] is value for name, value in attributes.items())

    def test_starts_no_process_that_lives_on(self, compiled: tuple[Source, Loaded, list[Any]]) -> None:
        from torch._inductor import async_compile

        assert not [pool for pool in async_compile._pool_set if hasattr(pool, "_processes") or "Subproc" in str(pool)]


@compiling
@pytest.mark.slow
@pytest.mark.parametrize("name", LIGHT)
def test_compiled_catalogue_computes_what_torch_does(name: str) -> None:
    assert difference(name, "torch-compile", Options()) <= 1e-4


@pytest.mark.slow
@pytest.mark.parametrize("name", LIGHT)
@pytest.mark.parametrize(
    ("options", "most"), [(Options(layout=CHANNELS_LAST), 1e-4), (Options(dtype="bfloat16"), 1e-1)], ids=str
)
def test_catalogue_computes_alike_in_another_layout_or_dtype(name: str, options: Options, most: float) -> None:
    assert difference(name, "torch", options) <= most


def difference(name: str, backend: str, options: Options) -> float:
    size = 32 if name.startswith("addernet") else 224
    spec = (TensorSpec((1, 3, size, size), "float32"),)
    with ready(named(backend), lwprof.build(name), spec, None, options) as found:
        assert found.difference is not None
        return found.difference


GPU = ("torch", "torch-compile", "torch-cudagraphs")


def timing(backend: str, options: Options) -> Timing:
    torch.manual_seed(0)
    module = nn.Sequential(nn.Conv2d(3, 64, 3), nn.BatchNorm2d(64), nn.ReLU(), nn.Conv2d(64, 64, 3), nn.Flatten())
    subject = Subject("net", module, (TensorSpec((8, 3, 32, 32), "float32"),))
    found = time_subjects([subject], find_targets([backend], [options]), rules=Rules(budget_s=1.0))
    assert not found.untimed, found.untimed[0].reason
    assert found.environment["gpu"] == torch.cuda.get_device_name()
    return found.timings[0]


@pytest.mark.gpu
@pytest.mark.parametrize("backend", GPU)
@pytest.mark.parametrize("dtype", ["float32", "tf32", "bfloat16", "float16"])
def test_gpu_is_timed_by_clock_and_events(backend: str, dtype: str) -> None:
    found = timing(backend, Options(device="cuda", dtype=dtype))
    assert len(found.events_s) == len(found.samples_s) * found.calls_per_sample
    assert found.median_events_s is not None
    assert 0 < found.median_events_s <= found.median_s
    assert found.l2 == "warm"
    assert found.difference is not None
    assert found.difference <= (1e-4 if dtype == "float32" else 0.1)
    weights = 4 * (64 * 3 * 9 + 64 * 64 * 9)
    assert found.peak_memory_bytes is not None
    assert found.peak_memory_bytes > weights // (2 if "16" in dtype else 1)


@pytest.mark.gpu
@pytest.mark.parametrize("backend", GPU)
def test_l2_is_emptied_before_every_call(backend: str) -> None:
    found = timing(backend, Options(device="cuda", cold_l2=True))
    assert found.l2 == "cold"
    assert len(found.events_s) == len(found.samples_s) * found.calls_per_sample


@pytest.mark.gpu
def test_graph_takes_other_inputs_and_then_its_own_again() -> None:
    with ready(named("torch-cudagraphs"), nn.Conv2d(3, 4, 3).eval(), IMAGE, None, Options(device="cuda")) as found:
        first, second = (random_tensors(IMAGE, seed) for seed in (1, 2))
        outputs = [found.loaded.outputs(values)[0] for values in (first, second, first)]
        assert (outputs[0] == outputs[2]).all()
        assert (outputs[0] != outputs[1]).any()


@pytest.mark.gpu
def test_gpus_memory_is_given_back() -> None:
    timing("torch", Options(device="cuda"))  # libraries keep what they work with
    before = torch.cuda.memory_allocated()
    timing("torch", Options(device="cuda"))
    assert torch.cuda.memory_allocated() == before
