"""Networks quantised to int8 by ONNX Runtime's own tool."""

from __future__ import annotations

from pathlib import Path

import numpy
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from onnx_nodes import node
from prepared_networks import ready
from torch import Tensor, nn

from lwprof.errors import BackendError
from lwprof.results.networks import TensorSpec
from lwprof.timing.backends import Options, named
from lwprof.timing.contract import Source
from lwprof.timing.conversions import onnx_export, onnx_quantisation

IMAGE = (TensorSpec((1, 3, 16, 16), "float32"),)
VALUES = (torch.rand(1, 3, 16, 16),)


def network() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(3, 64, 3), nn.ReLU(), nn.Conv2d(64, 64, 3), nn.ReLU(), nn.Flatten(), nn.Linear(64 * 144, 10)
    ).eval()


def graph_of(folder: Path) -> onnx.GraphProto:
    return onnx.load(folder / onnx_export.FILE).graph


def weights_of(graph: onnx.GraphProto) -> list[numpy.ndarray]:
    """Quantised filters and matrices."""
    arrays = [numpy_helper.to_array(item) for item in graph.initializer]
    return [array for array in arrays if array.dtype == numpy.int8 and array.ndim > 1]


def test_int8_is_smaller_and_roughly_the_same(capfd: pytest.CaptureFixture[str]) -> None:
    module = network()
    backend = named("onnxruntime")
    with ready(backend, module, IMAGE) as plain, ready(backend, module, IMAGE, None, Options(dtype="int8")) as found:
        assert plain.converted is not None
        assert found.converted is not None
        assert found.converted.size_bytes < 0.3 * plain.converted.size_bytes
        assert found.difference is not None
        assert plain.difference is not None
        assert plain.difference < 1e-5 < found.difference < 0.1
        assert found.converted.folder != plain.converted.folder
    assert capfd.readouterr() == ("", "")


@pytest.mark.slow
def test_weights_have_a_scale_for_each_channel(tmp_path: Path) -> None:
    onnx_quantisation.write(Source("net", network(), VALUES), tmp_path)
    graph = graph_of(tmp_path)
    assert len(weights_of(graph)) == 3
    sizes = [len(numpy_helper.to_array(item)) for item in graph.initializer
             if item.data_type == TensorProto.FLOAT and item.dims]  # fmt: skip
    assert sizes.count(64) >= 2  # of the two convolutions


@pytest.mark.slow
def test_ranges_cover_the_inputs_that_the_network_is_timed_on(tmp_path: Path) -> None:
    """Random inputs alone would cut them off."""
    for name, values in (("usual", VALUES), ("large", (100 * torch.ones(1, 3, 16, 16),))):
        (tmp_path / name).mkdir()
        onnx_quantisation.write(Source("net", nn.Sequential(nn.Conv2d(3, 4, 1)).eval(), values), tmp_path / name)
    usual, large = (
        max(float(numpy_helper.to_array(item)) for item in graph_of(tmp_path / name).initializer
            if item.data_type == TensorProto.FLOAT and not item.dims)
        for name in ("usual", "large")
    )  # fmt: skip
    assert large > 5 * usual


def test_other_inputs_are_another_conversion() -> None:
    def versions(values: tuple[Tensor, ...]) -> object:
        return onnx_quantisation.conversion(Source("net", None, values)).versions

    assert versions(VALUES) == versions((VALUES[0].clone(),))
    assert versions(VALUES) != versions((VALUES[0] + 1,))


@pytest.mark.parametrize(
    ("machine", "flags", "narrow"),
    [
        ("x86_64", "flags : avx2 avx512_vnni", False),
        ("AMD64", "flags : avx2 avx_vnni", False),
        ("x86_64", "flags : avx2", True),
        ("x86_64", None, True),
        ("aarch64", "Features : asimd", False),
    ],
)
def test_range_is_narrow_where_sums_would_saturate(
    machine: str, flags: str | None, narrow: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("platform.machine", lambda: machine)
    cpuinfo = tmp_path / "cpuinfo"
    if flags is not None:
        cpuinfo.write_text(flags)
    assert onnx_quantisation.narrow(cpuinfo) is narrow


@pytest.mark.slow
@pytest.mark.parametrize(("narrow", "most"), [(True, 64), (False, 127)])
def test_weights_keep_to_their_range(narrow: bool, most: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnx_quantisation, "narrow", lambda: narrow)
    onnx_quantisation.write(Source("net", network(), VALUES), tmp_path)
    assert max(int(abs(array.astype(int)).max()) for array in weights_of(graph_of(tmp_path))) == most


@pytest.mark.slow
def test_old_file_is_quantised(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Its weights are among its inputs, and its opset knows one scale for a tensor."""
    filters = numpy.linspace(-1, 1, 8 * 3 * 9, dtype=numpy.float32).reshape(8, 3, 3, 3)
    filters[0] *= 1000
    initial = numpy_helper.from_array(filters, "filters")
    graph = helper.make_graph(
        [node("Conv", "image filters", "maps"), node("Relu", "maps", "out")], "old",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, 16, 16]),
         helper.make_tensor_value_info("filters", TensorProto.FLOAT, [8, 3, 3, 3])],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, [1, 8, 14, 14])],
        [initial],
    )  # fmt: skip
    file = tmp_path / "old.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 11)], ir_version=3), file)
    folder = tmp_path / "folder"
    folder.mkdir()
    onnx_quantisation.write(Source("old", None, VALUES, file), folder)
    assert capfd.readouterr() == ("", "")
    session = onnxruntime.InferenceSession(folder / onnx_export.FILE, providers=["CPUExecutionProvider"])
    assert [item.name for item in session.get_inputs()] == ["image"]
    (array,) = weights_of(graph_of(folder))
    assert all(int(abs(channel.astype(int)).max()) > 60 for channel in array)  # each by its own scale


def test_what_has_nothing_to_quantise_is_refused(tmp_path: Path) -> None:
    class Erf(nn.Module):
        def forward(self, image: Tensor) -> Tensor:
            return image.erf()

    with pytest.raises(BackendError, match="net has nothing that ONNX Runtime quantises"):
        onnx_quantisation.write(Source("net", Erf().eval(), VALUES), tmp_path)
