"""OpenVINO: what it computes and in what, how many threads it takes, and what it says where it cannot."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import numpy
import pytest
import torch
from prepared_networks import ready
from torch import nn

from lwprof.errors import BackendError
from lwprof.results.networks import TensorSpec
from lwprof.timing.backends import Options, Source, named
from lwprof.timing.contract import Loaded
from lwprof.timing.conversions import onnx_export, openvino_files

BACKEND = named("openvino")

pytestmark = pytest.mark.slow
if (REASON := BACKEND.unavailable("cpu")) is not None:
    pytest.skip(REASON, allow_module_level=True)

IMAGE = (TensorSpec((1, 8, 16, 16), "float32"),)
NATIVE = {"float16": "FP16", "bfloat16": "BF16"}


class Unit(nn.Module):
    """A depthwise convolution, squeeze-and-excite and a channel shuffle."""

    def __init__(self) -> None:
        super().__init__()
        self.depthwise = nn.Sequential(nn.Conv2d(8, 8, 3, padding=1, groups=8, bias=False), nn.BatchNorm2d(8))
        self.gate = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(8, 2, 1), nn.ReLU(), nn.Conv2d(2, 8, 1))
        self.pointwise = nn.Sequential(nn.Conv2d(4, 4, 1, bias=False), nn.BatchNorm2d(4), nn.ReLU6())

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        image = self.depthwise(image)
        image = image * self.gate(image).sigmoid()
        kept, changed = image.chunk(2, dim=1)
        joined = torch.cat((kept, self.pointwise(changed)), dim=1)
        count, channels, height, width = joined.shape
        joined = joined.view(count, 2, channels // 2, height, width)
        return joined.transpose(1, 2).reshape(count, channels, height, width)


class Determinants(nn.Module):
    """Has an operator that ONNX has, and OpenVINO has not."""

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return torch.det(image)


@pytest.fixture
def unit() -> Unit:
    torch.manual_seed(0)
    return Unit()


def load(module: nn.Module, values: Any, folder: Path, **options: Any) -> Loaded:
    """Convert and load, without the check against torch."""
    source, chosen = Source("net", module.eval(), values), Options(**options)
    conversion = BACKEND.conversion(source, chosen)
    assert conversion is not None
    conversion.write(source, folder)
    return BACKEND.load(source, chosen, folder)


def test_computes_in_float32_what_torch_does(unit: Unit) -> None:
    """Where a CPU has bfloat16, OpenVINO takes that unless it is told not to: 0.001 and more."""
    with ready(BACKEND, unit, IMAGE) as found:
        assert found.difference is not None
        assert found.difference <= 1e-5


def test_wrong_weights_are_noticed(unit: Unit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = onnx_export.write

    def break_it(source: Source, folder: Path) -> None:
        import onnx

        write(source, folder)
        model = onnx.load(folder / onnx_export.FILE)
        weight = next(tensor for tensor in model.graph.initializer if len(tensor.dims) == 4)
        changed = onnx.numpy_helper.to_array(weight).copy()
        changed[0] *= 1.05
        weight.CopyFrom(onnx.numpy_helper.from_array(changed, weight.name))
        onnx.save(model, folder / onnx_export.FILE)

    monkeypatch.setenv("LWPROF_CACHE", str(tmp_path))
    monkeypatch.setattr(onnx_export, "write", break_it)
    with pytest.raises(BackendError, match="computes something else than torch"), ready(BACKEND, unit, IMAGE):
        pass


@pytest.mark.parametrize("dtype", sorted(NATIVE))
def test_no_dtype_is_claimed_that_the_cpu_lacks(dtype: str, unit: Unit) -> None:
    capabilities = openvino_files.runtime().Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    if NATIVE[dtype] in capabilities:
        with ready(BACKEND, unit, IMAGE, options=Options(dtype=dtype)) as found:
            assert found.difference is not None
            assert found.difference > 1e-5
        return
    with (
        pytest.raises(BackendError, match=f"openvino computes in b?float(16|32) on this CPU where {dtype} is asked"),
        ready(BACKEND, unit, IMAGE, options=Options(dtype=dtype)),
    ):
        pass


def test_network_in_another_dtype_is_not_computed_in_float32(tmp_path: Path) -> None:
    module, image = nn.Conv2d(3, 4, 3).double(), torch.ones(1, 3, 8, 8, dtype=torch.float64)
    with pytest.raises(BackendError, match="openvino does not compute in float64"):
        load(module, (image,), tmp_path)


def test_float16_weights_halve_the_file() -> None:
    torch.manual_seed(0)
    module = nn.Sequential(nn.Conv2d(8, 128, 3), nn.ReLU(), nn.Conv2d(128, 128, 3))
    with ready(BACKEND, module, IMAGE) as whole:
        pass
    with ready(BACKEND, module, IMAGE, options=Options(dtype="float16-weights")) as half:
        pass
    assert whole.converted is not None
    assert half.converted is not None
    assert whole.converted.size_bytes > 4 * 156_000
    assert half.converted.size_bytes < 0.55 * whole.converted.size_bytes
    assert half.difference is not None
    assert 1e-5 < half.difference < 2e-3


def test_one_thread_is_one_thread(tmp_path: Path) -> None:
    """Other threads do nothing; of two, the other does about as much as the caller."""
    image = torch.ones(1, 32, 192, 192)
    run = load(nn.Sequential(*(nn.Conv2d(32, 32, 3) for _ in range(4))), (image,), tmp_path, threads=1).run
    run()
    process, thread = time.process_time(), time.thread_time()
    for _ in range(10):
        run()
    process, thread = time.process_time() - process, time.thread_time() - thread
    assert process - thread < 0.05 * thread


class Several(nn.Module):
    """Several inputs, some by keyword, and outputs in a dict."""

    def __init__(self) -> None:
        super().__init__()
        self.left, self.right = nn.Conv2d(3, 4, 1), nn.Conv2d(2, 4, 1)

    def forward(self, image: torch.Tensor, *, other: torch.Tensor, mask: torch.Tensor) -> dict[str, torch.Tensor]:
        found = self.left(image) + self.right(other)
        return {"last": found.masked_fill(mask, 0.0), "first": found.mean((2, 3))}


def test_several_inputs_and_outputs() -> None:
    values = {
        "mask": torch.rand(4, 1, 8, 8) > 0.5,
        "other": torch.rand(4, 2, 8, 8),
        "image": torch.rand(4, 3, 8, 8).to(memory_format=torch.channels_last),
    }
    inputs = tuple(TensorSpec(tuple(value.shape), str(value.dtype).removeprefix("torch.")) for value in values.values())
    with ready(BACKEND, Several(), inputs, values) as found:
        assert found.difference is not None
        assert found.difference <= 1e-5
        given_back = [value.shape for value in found.loaded.outputs(values)]
        assert sorted(given_back) == [(4, 4), (4, 4, 8, 8)]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """An ONNX file for any batch, whose output is twice its input."""
    import onnx

    made = onnx.helper.make_model(
        onnx.helper.make_graph(
            [onnx.helper.make_node("Add", ["image", "image"], ["twice"])],
            "graph",
            [onnx.helper.make_tensor_value_info("image", onnx.TensorProto.FLOAT, ["batch", 3])],
            [onnx.helper.make_tensor_value_info("twice", onnx.TensorProto.FLOAT, ["batch", 3])],
        ),
        opset_imports=[onnx.helper.make_opsetid("", 18)],
        ir_version=9,
    )
    path = tmp_path / "twice.onnx"
    onnx.save(made, path)
    return path


def test_onnx_file_runs_as_it_is(file: Path) -> None:
    image = torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    source = Source("twice", None, (image,), file)
    assert BACKEND.conversion(source, Options()) is None
    found = BACKEND.load(source, Options(), None)
    assert numpy.array_equal(found.outputs((image,))[0], [[2, 4, 6], [8, 10, 12]])


def test_onnx_file_gets_float16_weights(file: Path, tmp_path: Path) -> None:
    image, options = torch.ones(2, 3), Options(dtype="float16-weights")
    source, folder = Source("twice", None, (image,), file), tmp_path / "converted"
    folder.mkdir()
    conversion = BACKEND.conversion(source, options)
    assert conversion is not None
    conversion.write(source, folder)
    assert numpy.array_equal(BACKEND.load(source, options, folder).outputs((image,))[0], [[2, 2, 2], [2, 2, 2]])


def test_what_is_timed_runs_on_the_inputs() -> None:
    """Also on those that have to be copied first."""
    network, image = nn.Conv2d(3, 8, 3), torch.rand(1, 64, 64, 3).permute(0, 3, 1, 2)
    with ready(BACKEND, network, (TensorSpec((1, 3, 64, 64), "float32"),), (image,)) as found:
        overwritten = [numpy.full((1, 3, 64, 64), numpy.nan, numpy.float32) for _ in range(50)]
        (result,) = found.loaded.run().values()  # type: ignore[attr-defined]
        (expected,) = found.loaded.outputs((image,))
        numpy.testing.assert_array_equal(result, expected)
        assert len(overwritten) == 50


def test_missing_operator_is_named_with_its_module() -> None:
    module = nn.Sequential(nn.ReLU(), nn.Sequential(nn.Conv2d(8, 8, 1), Determinants()))
    with pytest.raises(BackendError, match=r"no operator Det, which 1\.1 runs$"), ready(BACKEND, module, IMAGE):
        pass


def test_form_of_an_operator_that_it_lacks_is_named_with_its_module() -> None:
    class Drop(nn.Module):
        def forward(self, image: torch.Tensor) -> torch.Tensor:
            return nn.functional.dropout(image, training=True)

    reason = "^openvino cannot read net: Dropout, which 1 runs: Training mode is not supported for Dropout op$"
    with pytest.raises(BackendError, match=reason), ready(BACKEND, nn.Sequential(nn.ReLU(), Drop()), IMAGE):
        pass


def test_file_that_is_none_is_named(tmp_path: Path) -> None:
    path = tmp_path / "empty.onnx"
    path.write_bytes(b"")
    with pytest.raises(BackendError, match=r"^openvino cannot read empty: ") as caught:
        BACKEND.load(Source("empty", None, (torch.ones(1),), path), Options(), None)
    assert "\n" not in str(caught.value)
    assert "Exception from" not in str(caught.value)


def test_missing_package_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)
    assert BACKEND.unavailable("cpu") == "openvino is not installed"


def test_broken_package_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "openvino.py").write_text("raise ImportError('libtbb.so.12: no such file')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "openvino")
    reason = BACKEND.unavailable("cpu")
    assert reason is not None
    assert reason.startswith("openvino is installed but does not load (ImportError: libtbb.so.12: no such file): pip ")


def test_nothing_is_reported_to_its_makers() -> None:
    """OpenVINO comes with a package that reports every import, and keeps an identity in the home folder for that."""
    assert "openvino" in sys.modules
    assert [name for name in sys.modules if name.startswith("openvino_telemetry")] == []
