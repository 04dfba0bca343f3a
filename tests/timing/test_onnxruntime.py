"""What is particular to ONNX Runtime."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from onnx_nodes import node
from prepared_networks import ready
from torch import nn

from lwprof.errors import BackendError
from lwprof.results.latency import Timing, Untimed
from lwprof.results.networks import TensorSpec
from lwprof.timing import cuda, references
from lwprof.timing.agreement import DisagreementError, agreement
from lwprof.timing.backends import Options, named, usable
from lwprof.timing.backends import onnxruntime as backend_module
from lwprof.timing.backends.onnxruntime import CPU, CUDA
from lwprof.timing.contract import Source
from lwprof.timing.conversions import onnx_errors
from lwprof.timing.latency import Subject, time_subjects
from lwprof.timing.sampling import Rules
from lwprof.timing.targets import find_targets

BACKEND = named("onnxruntime")
VALUES = (torch.rand(2, 3), torch.rand(2, 3))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file with an open batch, two inputs and two outputs, the second in float16."""
    matrix = numpy_helper.from_array(numpy.eye(3, dtype=numpy.float32) * 2, "matrix")
    graph = helper.make_graph(
        [node("MatMul", "a matrix", "product"), node("Sub", "product b", "difference"),
         node("Cast", "difference", "rough", {"to": TensorProto.FLOAT16})],
        "graph",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", 3]) for name in "ab"],
        [helper.make_tensor_value_info("difference", TensorProto.FLOAT, ["batch", 3]),
         helper.make_tensor_value_info("rough", TensorProto.FLOAT16, ["batch", 3])],
        [matrix],
    )  # fmt: skip
    path = tmp_path / "net.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10), path)
    return path


def threads() -> set[str]:
    return set(os.listdir("/proc/self/task"))


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="the system does not list threads")
@pytest.mark.parametrize("wanted", [1, 3])
def test_runs_on_as_many_threads_as_asked_for(wanted: int, tmp_path: Path) -> None:
    source = Source("net", nn.Conv2d(3, 64, 3).eval(), (torch.rand(1, 3, 64, 64),))
    conversion = BACKEND.conversion(source, Options())
    assert conversion is not None
    conversion.write(source, tmp_path)
    BACKEND.load(source, Options(), tmp_path).run()
    before = threads()
    loaded = BACKEND.load(source, Options(threads=wanted), tmp_path)
    loaded.run()
    assert len(threads() - before) == wanted - 1  # the caller's is one of them


@pytest.mark.parametrize("values", [VALUES, {"b": VALUES[1], "a": VALUES[0]}], ids=["places", "names"])
def test_file_runs_as_it_is(file: Path, values: Any) -> None:
    source = Source("net", None, values, file)
    assert BACKEND.conversion(source, Options()) is None
    loaded = BACKEND.load(source, Options(), None)
    assert loaded.size_bytes == file.stat().st_size
    first, second = loaded.outputs(values)
    expected = (2 * VALUES[0] - VALUES[1]).numpy()
    assert numpy.allclose(first, expected)
    assert second.dtype == numpy.float32
    assert numpy.allclose(second, expected, atol=2e-3)


def test_file_is_held_against_itself_without_optimisations(file: Path) -> None:
    known = references.of_file(file, VALUES, 0)
    assert known is not None
    assert known.dependence > references.DEPENDENT
    loaded = BACKEND.load(Source("net", None, VALUES, file), Options(), None)
    assert agreement(loaded, known, ["float32"], "onnxruntime", "net").difference < 1e-6
    swapped = BACKEND.load(Source("net", None, VALUES[::-1], file), Options(), None)
    swapped.outputs = lambda values: loaded.outputs(tuple(values)[::-1])
    with pytest.raises(DisagreementError):
        agreement(swapped, known, ["float32"], "onnxruntime", "net")


def test_file_that_cannot_run_has_no_reference(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"no graph")
    assert references.of_file(broken, VALUES, 0) is None
    assert capfd.readouterr() == ("", "")
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    assert references.of_file(file, VALUES, 0) is None


@pytest.mark.slow
def test_file_is_timed(file: Path) -> None:
    inputs = (TensorSpec((2, 3), "float32"), TensorSpec((2, 3), "float32"))
    found = time_subjects(
        [Subject("net", None, inputs, file=str(file))], find_targets(["onnxruntime", "torch"]), rules=Rules(0.05)
    )
    (timing,), (untimed,) = found.timings, found.untimed
    assert isinstance(timing, Timing)
    assert timing.difference is not None
    assert timing.difference < 1e-6
    assert timing.convert_s is None
    assert isinstance(untimed, Untimed)
    assert not untimed.failed


def test_operator_that_is_lacking_is_named_with_its_node() -> None:
    module = nn.Sequential(nn.Conv2d(3, 4, 3)).double()
    message = "^onnxruntime cannot load net: it has no Conv for numbers of this type, which 0 runs$"
    with pytest.raises(BackendError, match=message), ready(BACKEND, module, (TensorSpec((1, 3, 8, 8), "float64"),)):
        pass


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (Options(dtype="tf32"), "onnxruntime computes in tf32 on cuda alone"),
        (Options("cuda", dtype="int8"), "onnxruntime computes in int8 on CPUs alone"),
        (
            Options("cuda", cold_l2=True),
            "it is torch that empties the L2 cache before calls of onnxruntime, and has no GPU",
        ),
        (Options(dtype="float32"), "onnxruntime runs net in float64, that of its input input_0, and not in float32"),
    ],
)
def test_what_does_not_go_together_is_refused(options: Options, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cuda, "unavailable", lambda: "no GPU")
    source = Source("net", nn.Linear(3, 4).double(), (torch.rand(2, 3).double(),))
    with pytest.raises(BackendError, match=f"^{message}$"):
        BACKEND.conversion(source, options)


def test_missing_cuda_is_said_with_the_line_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: [CPU])
    reason = usable(BACKEND, Options("cuda"))
    assert reason == "onnxruntime here has no CUDA provider; replace it: pip install onnxruntime-gpu"
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: [CUDA, CPU])
    assert usable(BACKEND, Options("cuda")) is None


@pytest.mark.parametrize(("dtype", "tf32"), [("", "0"), ("float32", "0"), ("tf32", "1")])
def test_session_that_falls_back_to_the_cpu_is_refused(
    dtype: str, tf32: str, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []
    session = onnxruntime.InferenceSession

    def falling_back(path: str, options: Any, providers: Any) -> Any:
        asked.extend(providers)
        return session(path, options, providers=[CPU])

    monkeypatch.setattr(onnxruntime, "InferenceSession", falling_back)
    with pytest.raises(BackendError, match="cannot load net: its CUDA provider does not start; is there a GPU"):
        BACKEND.load(Source("net", None, VALUES, file), Options("cuda", dtype=dtype), None)
    assert asked[0] == (CUDA, {"use_tf32": tf32})


def test_l2_cache_is_emptied_before_every_call(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flushed: list[str] = []
    monkeypatch.setattr(cuda, "flush", lambda *args: lambda: flushed.append("flushed"))
    monkeypatch.setattr(onnxruntime.InferenceSession, "get_providers", lambda session: [CUDA])
    monkeypatch.setattr(backend_module, "_on_device", lambda session, feed: lambda: None)
    source = Source("net", None, VALUES, file)
    cold, warm = (BACKEND.load(source, Options("cuda", cold_l2=cold_l2), None) for cold_l2 in (True, False))
    assert cold.before is not None
    cold.before()
    assert (flushed, warm.before) == (["flushed"], None)


def test_missing_packages_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda *args: None)
    assert usable(BACKEND, Options()) == ("onnxruntime and onnx are not installed: pip install 'lwprof[onnxruntime]'")


@pytest.mark.parametrize("package", ["onnxruntime", "onnx"])
def test_broken_package_is_said(package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / f"{package}.py").write_text("raise ImportError('libc.so.9: no such file')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, package)
    reason = (
        f"{package} is installed but does not load (ImportError: libc.so.9: no such file): "
        f"pip install --force-reinstall --no-deps {package}"
    )
    assert BACKEND.unavailable("cpu") == reason


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (
            "[ONNXRuntimeError] : 1 : FAIL : Load model from a b.onnx failed:/src/graph/model.cc:256 "
            "A::Model::Model(B&&, const std::vector<C>*) Unsupported model IR version: 14, max supported: 13",
            "Unsupported model IR version: 14, max supported: 13",
        ),
        (
            "[ONNXRuntimeError] : 1 : FAIL : Load model from a.onnx failed:Fatal error: my:Foo(-1) is not registered",
            "my:Foo(-1) is not registered",
        ),
        ("[ONNXRuntimeError] : 2 : INVALID_ARGUMENT : Shapes (1) differ", "Shapes (1) differ"),
    ],
)
def test_reason_is_said_without_places_in_its_source(said: str, reason: str) -> None:
    assert onnx_errors.reason(said, exported=False) == reason


@pytest.mark.slow
def test_nothing_is_reported_to_its_makers(tmp_path: Path) -> None:
    """ONNX Runtime reports sessions, and keeps an identity in the home folder for that."""
    code = "from lwprof.timing.backends import named; assert named('onnxruntime').unavailable('cpu') is None"
    silencing = ("ORT_DISABLE_TELEMETRY", "CI", "XDG_CACHE_HOME")
    outer = {name: value for name, value in os.environ.items() if name not in silencing}
    subprocess.run([sys.executable, "-P", "-c", code], env=outer | {"HOME": str(tmp_path)}, check=True)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


@pytest.mark.gpu
@pytest.mark.skipif(CUDA not in onnxruntime.get_available_providers(), reason="onnxruntime has no CUDA provider")
@pytest.mark.parametrize("dtype", ["", "tf32"])
def test_runs_on_cuda(dtype: str) -> None:
    with ready(BACKEND, nn.Conv2d(3, 8, 3), options=Options("cuda", dtype=dtype)) as found:
        found.loaded.run()
