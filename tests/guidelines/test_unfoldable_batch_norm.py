"""D4: batch norms that no layer before them can take in."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from rule_audits import asked
from torch import Tensor, nn
from torch.nn import functional as F

from lwprof.architectures.adder import Adder2d


class Around(nn.Module):
    """A batch norm somewhere around a convolution."""

    def __init__(self, function: Callable[..., Tensor]) -> None:
        super().__init__()
        self.conv, self.norm, self.last = nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8), nn.Conv2d(8, 8, 3, padding=1)
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(self, x)


def message_of(network: nn.Module, *size: int) -> str:
    """What is said of a network's only batch norm."""
    ((finding,), checked) = asked("D4", network, *(size or (8, 6, 6)))
    assert (checked.candidates, checked.broken, finding.measured, finding.threshold) == (1, 1, None, None)
    assert finding.severity == "warning"
    return finding.message.removeprefix("no layer before it can take it in: ")


@pytest.mark.parametrize(
    ("function", "why"),
    [
        (lambda net, x: net.last(F.relu(net.norm(x))), "it normalises the network's input"),
        (lambda net, x: net.last(net.norm(net.conv(x) + x)), "it stands behind an addition"),
        (lambda net, x: net.last(net.norm(torch.cat([net.conv(x)[:, :4], x[:, 4:]], 1))),
         "it stands behind a concatenation"),
        (lambda net, x: net.last(net.norm(net.conv(x) * x)), "it stands behind a multiplication"),
        (lambda net, x: net.last(net.norm(net.conv(x).clone())), "it stands behind a copy"),
        (lambda net, x: net.last(net.norm(F.relu(net.conv(x)))), "it stands behind relu"),
        (lambda net, x: net.last(net.norm(F.relu_(net.conv(x)))), "it stands behind relu"),
        (lambda net, x: net.last(net.norm(F.max_pool2d(net.conv(x), 2))), "it stands behind max_pool2d"),
        (lambda net, x: net.last((y := net.conv(x)) + net.norm(y)), "what conv makes is read elsewhere too"),
        (lambda net, x: (y := net.conv(x), net.last(net.norm(y))), "what conv makes is read elsewhere too"),
    ],
    ids=["input", "sum", "concatenation", "product", "copy", "relu", "relu in place", "pool", "read", "returned"],
)  # fmt: skip
def test_what_stands_in_the_way_is_said(function: Callable[..., Tensor], why: str) -> None:
    assert message_of(Around(function)) == why


def test_the_price_is_what_the_norm_reads_and_writes() -> None:
    ((finding,), _) = asked("D4", Around(lambda net, x: net.last(F.relu(net.norm(x)))), 8, 6, 6)
    assert (finding.module, finding.cost) == ("norm", 2 * 8 * 36 + 4 * 8)


@pytest.mark.parametrize(
    ("network", "size"),
    [
        (nn.Sequential(nn.Conv2d(8, 8, 3), nn.BatchNorm2d(8), nn.ReLU()), (8, 6, 6)),
        (nn.Sequential(nn.Conv2d(8, 8, 3, groups=8), nn.Dropout(), nn.BatchNorm2d(8)), (8, 6, 6)),
        (nn.Sequential(nn.ConvTranspose2d(8, 8, 2), nn.BatchNorm2d(8)), (8, 6, 6)),
        (nn.Sequential(nn.Conv1d(8, 8, 3), nn.BatchNorm1d(8)), (8, 6)),
        (nn.Sequential(nn.Conv3d(8, 8, 3), nn.BatchNorm3d(8)), (8, 6, 6, 6)),
        (nn.Sequential(nn.Linear(8, 4), nn.BatchNorm1d(4)), (8,)),
    ],
    ids=["convolution", "depthwise, dropout", "transposed", "1-D", "3-D", "linear"],
)
def test_a_norm_right_behind_a_layer_is_folded(network: nn.Module, size: tuple[int, ...]) -> None:
    findings, checked = asked("D4", network, *size)
    assert (findings, checked.candidates) == ((), 1)


class Rows(nn.Module):
    """A linear layer on tokens, and a batch norm over its features."""

    def __init__(self, flatten: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.linear, self.norm, self.flatten = nn.Linear(8, 6), nn.BatchNorm1d(6), flatten

    def forward(self, x: Tensor) -> Tensor:
        x = self.linear(x)
        return self.norm(self.flatten(x)).reshape(x.shape)


def test_a_norm_of_the_rows_of_a_linear_layer_is_folded() -> None:
    findings, checked = asked("D4", Rows(lambda x: x.flatten(0, 1)), 6, 8)
    assert (findings, checked.candidates) == ((), 1)
    assert message_of(Rows(lambda x: x.transpose(1, 2).flatten(0, 1)), 6, 8).startswith("its channels are not those")


def test_norms_of_weights_are_none_to_look_at() -> None:
    class Standardized(nn.Conv2d):
        def forward(self, x: Tensor) -> Tensor:
            rows = self.weight.reshape(1, self.out_channels, -1)
            return F.conv2d(x, F.batch_norm(rows, None, None, training=True).reshape_as(self.weight))

    assert asked("D4", nn.Sequential(Standardized(8, 8, 3)), 8, 6, 6)[1].candidates == 0


def test_a_norm_over_something_else_than_the_features_stays() -> None:
    network = nn.Sequential(nn.Linear(8, 6), nn.BatchNorm1d(5))
    assert message_of(network, 5, 8) == "its channels are not those of 0"


def test_a_norm_of_the_input_can_be_left_to_whoever_prepares_it() -> None:
    ((finding,), _) = asked("D4", nn.Sequential(nn.BatchNorm2d(3), nn.Conv2d(3, 8, 3, padding=1)), 3, 6, 6)
    assert finding.suggestion == "leave it to whoever prepares the input, or put it behind the first convolution"


def test_a_norm_that_measures_every_batch_stays() -> None:
    network = nn.Sequential(nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8, track_running_stats=False))
    ((finding,), _) = asked("D4", network, 8, 6, 6)
    assert finding.message.endswith("it measures every batch by itself")
    assert finding.suggestion.startswith("give it running statistics")


def test_adder_layers_have_no_weights_to_scale() -> None:
    assert message_of(nn.Sequential(Adder2d(8, 8, 1), nn.BatchNorm2d(8))).startswith("it stands behind an adder layer")


@pytest.mark.parametrize(
    ("after", "forward"),
    [
        (nn.Conv2d(8, 8, 3), True),
        (nn.Conv2d(8, 8, 3, padding="valid"), True),
        (nn.Conv2d(8, 8, 3, padding=(1, 0)), False),
        (nn.Conv2d(8, 8, 3, padding="same"), False),
        (nn.Sequential(nn.ReLU(), nn.Conv2d(8, 8, 1)), False),
    ],
    ids=repr,
)
def test_a_norm_before_a_convolution_without_padding_can_be_folded_forward(after: nn.Module, forward: bool) -> None:
    ((finding,), _) = asked("D4", nn.Sequential(nn.BatchNorm2d(8), after), 8, 6, 6)
    assert ("fold it forward into 1, which has no padding" in finding.suggestion) is forward


@pytest.mark.parametrize(
    "norm", [nn.InstanceNorm2d(8, affine=True, track_running_stats=True), nn.GroupNorm(2, 8), nn.LayerNorm([8, 6, 6])]
)
def test_norms_of_each_input_are_none_to_look_at(norm: nn.Module) -> None:
    assert asked("D4", nn.Sequential(norm, nn.Conv2d(8, 8, 1)), 8, 6, 6)[1].candidates == 0


class DenseLayer(nn.Module):
    """The layer of DenseNet: norm, ReLU, 1x1, norm, ReLU, 3x3, joined to what came in."""

    def __init__(self, channels: int, growth: int) -> None:
        super().__init__()
        self.norm1, self.conv1 = nn.BatchNorm2d(channels), nn.Conv2d(channels, 4 * growth, 1, bias=False)
        self.norm2, self.conv2 = nn.BatchNorm2d(4 * growth), nn.Conv2d(4 * growth, growth, 3, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x, self.conv2(F.relu(self.norm2(self.conv1(F.relu(self.norm1(x))))))], 1)


@pytest.mark.slow
def test_a_densenet_breaks_it_once_a_layer() -> None:
    stem = nn.Sequential(nn.Conv2d(3, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU())
    network = nn.Sequential(stem, *(DenseLayer(16 + 8 * number, 8) for number in range(4)))
    findings, checked = asked("D4", network, 3, 16, 16)
    assert {finding.module for finding in findings} == {f"{number}.norm1" for number in range(1, 5)}
    assert checked.candidates == 9


def test_a_shared_norm_is_one_finding_where_it_cannot_be_folded() -> None:
    network = Around(lambda net, x: net.norm(F.relu(net.norm(net.conv(x)))))
    ((finding,), checked) = asked("D4", network, 8, 6, 6)
    assert (finding.calls, checked.candidates, checked.broken) == (1, 2, 1)


def test_a_functional_norm_is_named_after_the_module_that_calls_it() -> None:
    ones = torch.ones(8)
    ((finding,), _) = asked("D4", Around(lambda net, x: net.conv(F.batch_norm(x, ones, ones))), 8, 6, 6)
    assert finding.module == ""


def test_nodes_of_an_onnx_file_are_seen(tmp_path: Path) -> None:
    arrays = {"w": numpy.ones((8, 8, 1, 1), "float32")} | {
        name: numpy.ones(8, "float32") for name in ("scale", "shift", "mean", "variance")
    }
    vectors = ["scale", "shift", "mean", "variance"]
    nodes = [
        helper.make_node("BatchNormalization", ["x", *vectors], ["a"], name="front"),
        helper.make_node("Relu", ["a"], ["b"], name="relu"),
        helper.make_node("Conv", ["b", "w"], ["c"], name="conv"),
        helper.make_node("BatchNormalization", ["c", *vectors], ["y"], name="back"),
    ]
    graph = helper.make_graph(
        nodes,
        "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 8, 6, 6])],
        [helper.make_empty_tensor_value_info("y")],
        [numpy_helper.from_array(array, name) for name, array in arrays.items()],
    )
    path = tmp_path / "net.onnx"
    path.write_bytes(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]).SerializeToString())
    assert onnx.load(path).graph.node[0].name == "front"
    ((finding,), checked) = asked("D4", str(path))
    assert (finding.module, checked.candidates) == ("front", 2)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "norms"), [("mbv1", 27), ("mbv2", 52), ("ghostnet", 80), ("shufflenetv2", 56)])
def test_published_networks_have_none(name: str, norms: int) -> None:
    findings, checked = asked("D4", name)
    assert (findings, checked.candidates) == ((), norms)
