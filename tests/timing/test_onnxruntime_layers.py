"""ONNX Runtime's profile: which layers its nodes are, and that no call of it is lost."""

from __future__ import annotations

import errno
import io
import itertools
import json
import os
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy
import onnx
import pytest
import torch
from onnx import helper, numpy_helper
from onnx_nodes import node
from torch import nn

from lwprof.errors import BackendError
from lwprof.profiling import profile
from lwprof.timing.backends import named
from lwprof.timing.backends import onnxruntime_profile as profiles
from lwprof.timing.contract import Observed, ObservedCall, Options, Source
from lwprof.timing.conversions import onnx_export, onnx_layers, onnx_scopes
from lwprof.timing.portable.clock import performance_clock

pytestmark = pytest.mark.slow

BACKEND = named("onnxruntime")
IMAGE = torch.rand(1, 3, 16, 16)

Observe = Callable[..., Observed]


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for temporary files, which nothing is left in."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def observe(tmp_path: Path, request: pytest.FixtureRequest) -> Observe:
    def observe(network: nn.Module | Path, *inputs: torch.Tensor, dtype: str = "", threads: int = 1) -> Observed:
        values, options = inputs or (IMAGE,), Options(dtype=dtype, threads=threads)
        if isinstance(network, Path):
            source, folder = Source("net", None, values, network), None
        else:
            source, folder = Source("net", network.eval(), values), tmp_path / "converted"
            folder.mkdir()
            conversion = BACKEND.conversion(source, options)
            assert conversion is not None
            conversion.write(source, folder)
        loaded = BACKEND.load(source, options, folder)
        assert loaded.observe is not None
        observed = loaded.observe(performance_clock())
        request.addfinalizer(observed.close)
        return observed

    return observe


def called(observed: Observed, times: int = 1) -> Sequence[ObservedCall]:
    for _ in range(times):
        observed.before()
        observed.run()
    return observed.calls()


def groups(observed: Observed) -> list[tuple[str, ...]]:
    """Layers that run as one, in order; what follows itself, as a layout before its layer does, once."""
    (call,) = called(observed)
    return [layers for layers, _ in itertools.groupby(layer.layers for layer in call.layers)]


class Branching(nn.Module):
    """Adds what it was given."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(8, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return image + self.norm(self.conv(image))


class Twice(nn.Module):
    """Calls one convolution and one activation twice."""

    def __init__(self) -> None:
        super().__init__()
        self.shared, self.act, self.last = nn.Conv2d(3, 3, 3, padding=1), nn.Softsign(), nn.Linear(16, 4)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.last(self.act(self.shared(self.act(self.shared(image)))))


def test_interrupted_while_it_warms_up_it_leaves_nothing_behind(
    observe: Observe, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> object:
        raise KeyboardInterrupt

    monkeypatch.setattr(profiles, "recording_s", lambda *_: 0.0)
    monkeypatch.setattr(profiles._Profile, "run", interrupted)
    with pytest.raises(KeyboardInterrupt) as kept:  # its traceback holds what is not closed
        observe(nn.Conv2d(3, 8, 1))
    assert kept.traceback
    assert list(temporary.iterdir()) == []


def test_what_is_fused_is_one_call_and_the_convolution_leads(observe: Observe) -> None:
    network = nn.Sequential(nn.Conv2d(3, 16, 3, bias=False), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2))
    assert groups(observe(network)) == [("0", "1", "2"), ("3",)]


def test_activation_that_is_fused_late_belongs_to_its_convolution(observe: Observe) -> None:
    network = nn.Sequential(nn.Conv2d(3, 16, 1), nn.Hardswish(), nn.Conv2d(16, 16, 1), nn.Conv2d(16, 8, 1))
    assert groups(observe(network)) == [("0", "1"), ("2",), ("3",)]


def test_residual_addition_runs_with_its_convolution(observe: Observe) -> None:
    network = nn.Sequential(nn.Conv2d(3, 8, 1), Branching(), nn.Conv2d(8, 8, 1))
    assert groups(observe(network)) == [("0",), ("1.conv", "1.norm", "1"), ("2",)]


def test_calls_of_one_module_are_its_own_each(observe: Observe) -> None:
    (call,) = called(observe(Twice()))
    names = [layer.layers[0] for layer in call.layers]
    assert [name for name, _ in itertools.groupby(names)] == ["shared", "act", "shared", "act", "last"]


def test_functions_belong_to_the_module_that_calls_them(observe: Observe) -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = Branching()

        def forward(self, image: torch.Tensor) -> torch.Tensor:
            return torch.softmax(self.inner(image), 1)

    assert groups(observe(Net(), torch.rand(1, 8, 8, 8)))[-1] == ("",)


@pytest.mark.parametrize("name", ["mbv3_small", "shufflenetv1"])
def test_layers_are_those_of_the_profile_and_none_is_missing(name: str, observe: Observe) -> None:
    from lwprof.models import build

    network = build(name)
    result = profile(network, inputs=(torch.rand(1, 3, 64, 64),))
    (call,) = called(observe(network, torch.rand(1, 3, 64, 64)))
    assert all(layer.layers for layer in call.layers)
    found = {name for layer in call.layers for name in layer.layers}
    assert found <= {layer.name for layer in result.layers}
    assert {layer.name for layer in result.layers if layer.eager_elements} <= found


def test_convolutions_lead_in_int8_too(observe: Observe) -> None:
    network = nn.Sequential(nn.Conv2d(3, 16, 3), nn.BatchNorm2d(16), nn.ReLU(), nn.Conv2d(16, 8, 3))
    found = [layers for layers in groups(observe(network, dtype="int8")) if layers]
    assert {layers[0] for layers in found} == {"0", "3"}
    assert any(layers == ("0", "1", "2") for layers in found)


@pytest.mark.parametrize("threads", [1, 2])
def test_every_call_is_there_and_adds_up(threads: int, observe: Observe) -> None:
    calls = called(observe(nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU()), threads=threads), 5)
    assert len(calls) == 5
    for call in calls:
        own = sum(layer.own_s for layer in call.layers)
        assert 0 <= own < call.total_s
        starts = [layer.start_s for layer in call.layers]
        assert starts == sorted(starts)
        assert starts[-1] + call.layers[-1].duration_s <= call.total_s


def test_no_call_is_lost_where_profiles_are_many(
    observe: Observe, monkeypatch: pytest.MonkeyPatch, temporary: Path
) -> None:
    monkeypatch.setattr(profiles, "MOST_EVENTS", 30)
    observed = observe(nn.Sequential(nn.Conv2d(3, 8, 3), nn.Softsign()))
    folders = set()
    for _ in range(20):
        observed.before()
        observed.run()
        folders.update(os.listdir(temporary))
    assert len(folders) > 1
    assert len(list(temporary.iterdir())) == 1
    calls = observed.calls()
    assert len(calls) == 20
    assert len({tuple(layer.layers for layer in call.layers) for call in calls}) == 1


def test_profile_that_lost_calls_is_refused(observe: Observe, monkeypatch: pytest.MonkeyPatch) -> None:
    observed = observe(nn.Conv2d(3, 8, 3))
    everything = profiles._Profile.runs
    monkeypatch.setattr(profiles._Profile, "runs", lambda self: everything(self)[:-1])
    with pytest.raises(BackendError, match=r"^the profile of onnxruntime has 4 calls of net, of 5$"):
        called(observed, 2)


def test_profile_that_had_no_room_is_no_internal_error(observe: Observe, monkeypatch: pytest.MonkeyPatch) -> None:
    observed = observe(nn.Conv2d(3, 8, 3))
    load = json.load
    monkeypatch.setattr(json, "load", lambda text: load(io.StringIO(text.read()[:200])))
    with pytest.raises(BackendError, match=r"^onnxruntime cannot keep its profile in .* is there room\?$"):
        called(observed)

    def full(**options: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(tempfile, "TemporaryDirectory", full)
    with pytest.raises(BackendError, match=r"^onnxruntime cannot keep its profile in .*: No space left on device$"):
        observe_again(observe)


def test_call_that_was_interrupted_is_left_out(observe: Observe, monkeypatch: pytest.MonkeyPatch) -> None:
    observed = observe(nn.Conv2d(3, 8, 3))
    observed.run()
    run = profiles._Profile.run

    def before(self: Any, feed: Any, *, noted: bool = False) -> object:
        raise KeyboardInterrupt

    def after(self: Any, feed: Any, *, noted: bool = False) -> object:
        run(self, feed, noted=noted)
        raise KeyboardInterrupt

    for interrupted in (after, before):
        monkeypatch.setattr(profiles._Profile, "run", interrupted)
        with pytest.raises(KeyboardInterrupt):
            observed.run()
    assert len(observed.calls()) == 1


def test_nothing_is_left_behind(observe: Observe, temporary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    observed = observe(nn.Conv2d(3, 8, 3))
    assert len(list(temporary.iterdir())) == 1
    observed.run()
    observed.close()
    observed.close()
    assert not list(temporary.iterdir())

    def broken(*args: object) -> object:
        raise ValueError("no")

    monkeypatch.setattr(onnx_layers, "Mapped", broken)
    with pytest.raises(ValueError, match="no"):
        observe_again(observe)
    assert not list(temporary.iterdir())


def observe_again(observe: Observe) -> Observed:
    class Other(nn.Conv2d):
        pass

    file = Path(tempfile.gettempdir()).parent / "other.onnx"
    onnx_export._export(Source("other", Other(3, 8, 3).eval(), (IMAGE,)), file, dynamo=False)
    return observe(file)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file whose nodes have no names, but for one with dots."""
    kernel = numpy_helper.from_array(numpy.ones((8, 3, 1, 1), numpy.float32), "kernel")
    other = numpy_helper.from_array(numpy.ones((8, 8, 1, 1), numpy.float32), "other")
    nodes = [
        node("Conv", "image kernel", "a"),
        node("Relu", "a", "b"),
        node("Conv", "b other", "c"),
        node("Softsign", "c", "d"),
        node("Softsign", "d", "e"),
        node("Sqrt", "e", "f"),
    ]
    nodes[3].name = "/body/body.1/Soft"
    graph = helper.make_graph(
        nodes, "graph", [helper.make_tensor_value_info("image", 1, [1, 3, 16, 16])],
        [helper.make_tensor_value_info("f", 1, [1, 8, 16, 16])], [kernel, other],
    )  # fmt: skip
    path = tmp_path / "net.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10), path)
    return path


@pytest.mark.parametrize("beside", [False, True])
def test_nodes_of_a_file_are_its_layers(beside: bool, file: Path, observe: Observe) -> None:
    if beside:
        onnx.save(onnx.load(file), file, save_as_external_data=True, size_threshold=0, location="net.weights")
    found = groups(observe(file))
    assert found == [("Conv", "Relu"), ("Conv (2)",), ("body/body_1/Soft",), ("Softsign",), ("Sqrt",)]
    names = {layer.name for layer in profile(str(file)).layers}
    assert {name for layers in found for name in layers} <= names


def test_body_of_a_loop_is_the_loops_time(tmp_path: Path, observe: Observe) -> None:
    body = helper.make_graph(
        [node("Identity", "on", "still"), node("Softsign", "image", "next")], "body",
        [helper.make_tensor_value_info("number", 7, []), helper.make_tensor_value_info("on", 9, []),
         helper.make_tensor_value_info("image", 1, None)],
        [helper.make_tensor_value_info("still", 9, []), helper.make_tensor_value_info("next", 1, None)],
    )  # fmt: skip
    times = numpy_helper.from_array(numpy.array(5, numpy.int64), "times")
    loop = helper.make_node("Loop", ["times", "", "image"], ["result"], "again", body=body)
    graph = helper.make_graph(
        [loop], "graph", [helper.make_tensor_value_info("image", 1, [4])],
        [helper.make_tensor_value_info("result", 1, [4])], [times],
    )  # fmt: skip
    path = tmp_path / "loop.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10), path)
    assert groups(observe(path, torch.rand(4))) == [("again",)]


def test_newer_exporter_leaves_scopes_in_metadata(tmp_path: Path) -> None:
    network = nn.Sequential(nn.Conv2d(3, 8, 3), nn.Sequential(nn.Softsign()))
    onnx_export._export(Source("net", network.eval(), (IMAGE,)), tmp_path / "net.onnx", dynamo=True)
    modules = onnx_scopes.Modules(network)
    found = [modules.of(item) for item in onnx_layers.read(tmp_path / "net.onnx").graph.node]
    assert found[0] == "0"
    assert set(found[1:]) == {"1.0"}


def test_times_on_cuda_are_not_of_layers() -> None:
    assert not BACKEND.observes("cuda")
    assert BACKEND.observes("cpu")


def test_recording_is_taken_out_and_cut_off_microseconds_are_put_back() -> None:
    def event(name: str, start: int, duration: int) -> dict[str, Any]:
        return {"name": name, "ts": start, "dur": duration, "args": {"op_name": "Conv"}}

    nodes = [event("a_kernel_time", 1010, 100), event("b_kernel_time", 1120, 2)]
    call = profiles.observed((event("model_run", 1000, 130), nodes), None, 150e-6, 3e-6)
    assert [layer.own_s for layer in call.layers] == pytest.approx([97.5e-6, 0.0])
    assert call.total_s == pytest.approx(97.5e-6 + 18e-6 + 20e-6)
