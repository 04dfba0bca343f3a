"""D7: sigmoids and swishes, and the hard forms that stand in for them."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional as F

import lwprof
from lwprof.auditing import Policy
from lwprof.results.audit import Checked, Finding, Form

ALONE = Policy(select=("D7",))
SHAPE = (1, 8, 6, 6)


def audited(network: nn.Module, size: tuple[int, ...] = SHAPE[1:]) -> tuple[tuple[Finding, ...], Checked]:
    """The findings, and how many activations were looked at."""
    (model,) = lwprof.audit(network, policy=ALONE, input_size=size).models
    assert not model.failure
    return model.findings, model.checked[0]


def body(*layers: nn.Module) -> nn.Module:
    """Layers between two convolutions."""
    return nn.Sequential(nn.Conv2d(8, 8, 1), *layers, nn.Conv2d(8, 8, 1))


@pytest.mark.parametrize(
    ("layer", "hard"),
    [
        (nn.SiLU(), "Hardswish"),
        (nn.SiLU(inplace=True), "Hardswish"),
        (nn.Sigmoid(), "Hardsigmoid"),
    ],
)
def test_a_layer_is_found_with_the_hard_form_of_its_shape(layer: nn.Module, hard: str) -> None:
    ((finding,), _) = audited(body(layer))
    assert (finding.module, finding.severity, finding.fails) == ("1", "info", False)
    assert finding.cost == 2 * 8 * 36
    assert finding.alternative is not None
    assert finding.alternative.before == Form(type(layer).__name__, {}, SHAPE)
    assert finding.alternative.after == Form(hard, {}, SHAPE)
    assert (finding.alternative.saves, finding.alternative.mult_adds) == (0, 0)


class Written(nn.Module):
    """A swish as people write it out."""

    def __init__(self, in_place: bool) -> None:
        super().__init__()
        self.in_place = in_place

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.mul_(x.sigmoid()) if self.in_place else torch.sigmoid(x) * x


@pytest.mark.parametrize("in_place", [False, True])
def test_a_swish_that_is_written_out_is_one_swish(in_place: bool) -> None:
    ((finding,), checked) = audited(body(Written(in_place)))
    assert checked.candidates == 1
    assert finding.message == "x * sigmoid(x) takes an exponential for each of 1x8x6x6 elements"
    assert finding.cost == 5 * 8 * 36  # a sigmoid reads and writes, a product reads two and writes
    assert finding.alternative is not None
    assert finding.alternative.after.type == "Hardswish"
    assert finding.alternative.saves == 3 * 8 * 36  # hard-swish reads and writes once


class Gate(nn.Module):
    """A map multiplied with the sigmoid of another."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(8, 8, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * torch.sigmoid(self.conv(x))


def test_a_gate_is_a_sigmoid_and_no_swish() -> None:
    ((finding,), _) = audited(Gate())
    assert finding.message.startswith("sigmoid takes")
    assert finding.suggestion == "nn.Hardsigmoid() is piecewise linear"


def test_a_swish_is_found_even_where_it_makes_the_output() -> None:
    assert len(audited(nn.Sequential(nn.Conv2d(8, 8, 1), nn.SiLU()))[0]) == 1
    assert len(audited(nn.Sequential(nn.Conv2d(8, 8, 1), Written(False)))[0]) == 1


class Outputs(nn.Module):
    """Two sigmoids that are joined, flattened and returned."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat([torch.sigmoid(x), torch.sigmoid(-x)], 1).permute(0, 2, 3, 1).contiguous().flatten(1)


@pytest.mark.parametrize("network", [nn.Sequential(nn.Conv2d(8, 4, 1), nn.Sigmoid()), Outputs()])
def test_a_sigmoid_that_makes_the_output_is_exempt(network: nn.Module) -> None:
    findings, checked = audited(network)
    assert findings == ()
    assert checked.candidates >= 1


class Cell(nn.Module):
    """The least of a gated recurrent unit, by hand."""

    def __init__(self) -> None:
        super().__init__()
        self.gates = nn.Linear(8, 16)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        gate, new = self.gates(x).chunk(2, -1)
        gate = torch.sigmoid(gate)
        return gate * x + (1 - gate) * torch.tanh(new)


@pytest.mark.parametrize("cell", [nn.LSTMCell(8, 8), nn.GRUCell(8, 8), Cell()], ids=["LSTM", "GRU", "by hand"])
def test_gates_of_recurrent_cells_are_exempt(cell: nn.Module) -> None:
    class Steps(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.cell = cell
            self.classifier = nn.Linear(8, 4)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            made = self.cell(x)
            return self.classifier(made[0] if isinstance(made, tuple) else made)

    findings, checked = audited(Steps(), (8,))
    assert findings == ()
    assert checked.candidates >= 1


def test_whole_recurrent_layers_have_no_sigmoid_to_look_at() -> None:
    class Last(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.lstm = nn.LSTM(8, 8, batch_first=True)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.lstm(x)[0]

    assert audited(Last(), (5, 8))[1].candidates == 0


@pytest.mark.parametrize(
    "layer", [nn.ReLU(), nn.ReLU6(), nn.Hardswish(), nn.Hardsigmoid(), nn.GELU(), nn.Mish(), nn.GLU(1), nn.Tanh()]
)
def test_activations_without_a_hard_form_are_exempt(layer: nn.Module) -> None:
    network = nn.Sequential(nn.Conv2d(8, 8, 1), layer)
    assert audited(network)[1].candidates == 0


@pytest.mark.filterwarnings("ignore:.*quantized tensor creation functions")
def test_quantised_tensors_are_exempt() -> None:
    class Quantised(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return F.relu(torch.sigmoid(torch.quantize_per_tensor(x, 0.1, 0, torch.quint8)).dequantize())

    findings, checked = audited(Quantised())
    assert findings == ()
    assert checked.candidates == 1


def test_an_activation_that_is_shared_is_one_finding() -> None:
    class Shared(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.activation = nn.SiLU()
            self.conv = nn.Conv2d(8, 8, 1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.conv(self.activation(self.conv(self.activation(x))))

    ((finding,), _) = audited(Shared())
    assert (finding.module, finding.calls, finding.cost) == ("activation", 2, 2 * 2 * 8 * 36)


def test_a_swish_of_an_onnx_file_is_found_whichever_way_it_is_spelt(tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    nodes = [
        helper.make_node("Sigmoid", ["x"], ["s"]),
        helper.make_node("Mul", ["x", "s"], ["y"]),
        helper.make_node("Relu", ["y"], ["z"]),
    ]
    ends = [helper.make_tensor_value_info(name, kind, list(SHAPE)) for name in ("x", "z")]
    model = helper.make_model(helper.make_graph(nodes, "swish", ends[:1], ends[1:]))
    onnx.save(model, tmp_path / "swish.onnx")
    (audited_model,) = lwprof.audit(str(tmp_path / "swish.onnx"), policy=ALONE).models
    assert [finding.code for finding in audited_model.findings] == ["D7"]
