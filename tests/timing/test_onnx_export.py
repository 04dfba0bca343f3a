"""Modules as ONNX files: complete, the same every time, without a word, and leaving the module alone."""

from __future__ import annotations

import importlib.util
import random
from pathlib import Path
from typing import Any

import numpy
import onnx
import onnxruntime
import pytest
import torch
from converted_networks import TWO_INPUTS, Shuffled, TwoInputs, with_bessel
from torch import Tensor, nn

from lwprof.architectures.adder import Adder2d
from lwprof.errors import BackendError
from lwprof.timing.contract import Source
from lwprof.timing.conversions import onnx_export
from lwprof.timing.conversions.onnx_feeds import fed
from lwprof.timing.differences import difference
from lwprof.timing.forwards import outputs

IMAGE = (torch.rand(2, 3, 8, 8),)


def written(module: nn.Module, values: Any, folder: Path) -> bytes:
    onnx_export.write(Source("net", module.eval(), values), folder)
    return (folder / onnx_export.FILE).read_bytes()


def agreement(module: nn.Module, values: Any, folder: Path) -> float:
    session = onnxruntime.InferenceSession(written(module, values, folder), providers=["CPUExecutionProvider"])
    names = [item.name for item in session.get_inputs()]
    return difference(session.run(None, fed(names, values, exported=True)), outputs(module, values))


class Nested(nn.Module):
    """Reads one of two tensors of a dict, and a number; gives back an input, one tensor twice, and a constant."""

    def forward(self, maps: dict[str, Tensor], times: float, *, shift: Tensor | None = None) -> dict[str, Any]:
        found = maps["read"] * times
        return {"b": [found, found], "a": maps["read"], "c": torch.ones(3), "d": 7}


class Spectrum(nn.Module):
    """Runs an operator that torch's newer exporter alone knows."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(8, 8)

    def forward(self, image: Tensor) -> Tensor:
        return torch.fft.fft(self.linear(image)).abs()


@pytest.mark.parametrize(
    ("module", "values"),
    [
        (Shuffled(), IMAGE),
        (TwoInputs(), TWO_INPUTS),
        (Nested(), ({"unread": torch.rand(4), "read": torch.rand(2)}, 2.5)),
        (nn.Linear(3, 4).double(), (torch.rand(2, 3).double(),)),
        (nn.Embedding(5, 4), (torch.tensor([[3, 1]]),)),
        pytest.param(
            nn.TransformerEncoderLayer(8, 2, batch_first=True), (torch.rand(1, 5, 8),), marks=pytest.mark.slow
        ),
        pytest.param(Spectrum(), IMAGE, marks=pytest.mark.slow),  # the newer exporter takes seconds to import
    ],
    ids=lambda item: type(item).__name__,
)
def test_graph_computes_what_the_module_computes(module: nn.Module, values: Any, tmp_path: Path) -> None:
    assert agreement(module, values, tmp_path) < 1e-6


def test_inputs_are_known_by_name_and_not_by_place(tmp_path: Path) -> None:
    written(TwoInputs(), TWO_INPUTS, tmp_path)
    graph = onnx.load(tmp_path / onnx_export.FILE).graph
    assert {item.name for item in graph.input} == {"image", "weights"}
    values = dict(reversed(TWO_INPUTS.items()))
    feed = fed(["weights", "image"], values, exported=True)
    assert numpy.array_equal(feed["image"], TWO_INPUTS["image"].numpy())
    with pytest.raises(BackendError, match="nothing is given for the graph's input mask"):
        fed(["mask"], values, exported=True)


def test_same_module_is_the_same_file(tmp_path: Path) -> None:
    torch.manual_seed(0)
    module = Shuffled()
    files = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        files.append(written(module, IMAGE, tmp_path / name))
    assert files[0] == files[1]


@pytest.mark.slow
def test_module_is_left_as_it_is(tmp_path: Path) -> None:
    module = Shuffled().eval()
    module.gate.train()  # somebody's choice
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    flags = [part.training for part in module.modules()]
    states = random.getstate(), torch.get_rng_state()
    with torch.inference_mode():
        onnx_export.write(Source("net", module, IMAGE), tmp_path)
    assert [part.training for part in module.modules()] == flags
    assert all(torch.equal(tensor, before[name]) for name, tensor in module.state_dict().items())
    assert not any(part._forward_hooks or part._forward_pre_hooks for part in module.modules())
    assert random.getstate() == states[0]
    assert torch.equal(torch.get_rng_state(), states[1])


@pytest.mark.slow
def test_unknown_operator_is_named_with_its_module_and_nothing_is_printed(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(BackendError) as caught:
        written(with_bessel(), IMAGE, tmp_path)
    reason = "ONNX has no operator aten::special_bessel_j0, which 1.0 runs"
    assert str(caught.value) == f"net cannot be converted to ONNX: {reason}"
    assert list(tmp_path.iterdir()) == []
    assert capfd.readouterr() == ("", "")


def test_operator_of_somebodys_own_is_named(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    module = nn.Sequential(nn.ReLU(), nn.Sequential(Adder2d(3, 4, 3)))
    with pytest.raises(BackendError, match=r"lwprof::adder2d, which 1\.0 runs$"):
        written(module, IMAGE, tmp_path)
    assert capfd.readouterr() == ("", "")


@pytest.mark.slow
def test_newer_exporter_is_not_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr("importlib.util.find_spec", lambda name, *rest: None if name == "onnxscript" else found(name))
    assert agreement(Shuffled(), IMAGE, tmp_path) < 1e-6
    with pytest.raises(BackendError, match="ONNX has no operator aten::fft_fft, which the network itself runs"):
        written(Spectrum(), IMAGE, tmp_path)


def test_network_without_a_tensor_to_give_back_is_refused(tmp_path: Path) -> None:
    class Nothing(nn.Module):
        def forward(self, image: Tensor) -> int:
            return image.ndim

    with pytest.raises(BackendError, match="gives back no tensor"):
        written(Nothing(), IMAGE, tmp_path)
