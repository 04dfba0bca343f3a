"""A network through torch and through its own ONNX export: the same work, and parameters that differ by named terms."""

from __future__ import annotations

import pytest
import torch
from function_networks import Calling
from torch import nn
from torch.nn import functional as F

import lwprof
from lwprof import analyses, models
from lwprof.capture import capture
from lwprof.graph import OpGraph
from lwprof.models import catalog
from lwprof.onnx_files import capture_file
from lwprof.results.structure import Totals

QUICK = ("mbv3_small", "squeezenet", "effnet")
DYNAMO = ("mbv3_small", "shufflenetv1:groups=3,width=0.25", "squeezenet:version=1.1")
"""The newer exporter takes up to half a minute for one network."""


def totals(graph: OpGraph) -> Totals:
    rows = analyses.costed(graph)
    assert analyses.coverage(graph, rows).unknown == ()
    return analyses.totals(graph, rows, analyses.parameters(graph, rows), analyses.fused_groups(graph, rows))


def elements(graph: OpGraph, operators: str, *arguments: str) -> int:
    """Elements of these arguments of all operators of a name, counted every time they are read."""
    return sum(
        operator.arguments[name].elements
        for operator in graph.operators
        if operator.name.startswith(operators)
        for name in arguments
        if operator.arguments.get(name) is not None
    )


def parameter_terms(live: OpGraph, file: OpGraph) -> dict[str, int]:
    """What an exporter does to the number of parameters."""
    norms, kept = (
        elements(live, "aten::batch_norm", "weight", "bias"),
        elements(file, "aten::batch_norm", "weight", "bias"),
    )
    made = {operator.outputs[0].number: operator for operator in live.operators if operator.outputs}
    new_biases = 0
    for operator in live.operators:
        source = made.get(operator.inputs[0].number) if operator.inputs else None
        folded = kept == 0 and operator.name == "aten::batch_norm" and source and source.name.startswith("aten::conv")
        if folded and source.arguments.get("bias") is None:
            new_biases += operator.outputs[0].shape[1]
    biases = [elements(graph, "aten::conv", "bias") + elements(graph, "aten::linear", "bias") for graph in (live, file)]
    written = [elements(graph, "aten::instance_norm", "weight", "bias") for graph in (live, file)]
    return {
        "batch norm folded into weights": kept - norms,
        "bias that a folded batch norm leaves": new_biases,
        "bias of zeros left out": biases[1] - biases[0] - new_biases,
        "ones and zeros of a group norm": written[1] - written[0],
        "equal tensors stored once": repeats(live) - repeats(file),
    }


def repeats(graph: OpGraph) -> int:
    """Elements of parameters that are read again, by an operator that reads them already or by another."""
    stored = {weight.number: weight.elements for weight in graph.weights if weight.source == "parameter"}
    read = [value.root for operator in graph.operators if operator.effect != "view" for value in operator.inputs]
    return sum(stored[root] for root in read if root in stored) - sum(stored[root] for root in set(read) & set(stored))


def compared(module: nn.Module, inputs: tuple[torch.Tensor, ...], path: str) -> dict[str, int]:
    """Compare both captures; return the terms that are not 0."""
    live, file = capture(module, inputs), capture_file(path)
    ours, exported = totals(live), totals(file)
    assert exported.mult_adds == ours.mult_adds
    assert exported.memory_access.paper_elements == ours.memory_access.paper_elements
    terms = parameter_terms(live, file)
    assert exported.params == ours.params + sum(terms.values())
    return {name: amount for name, amount in terms.items() if amount}


def trained(module: nn.Module) -> nn.Module:
    """Give every parameter and statistic values that no other has, as training does."""
    for tensor in (*module.parameters(), *module.buffers()):
        if tensor.is_floating_point():
            nn.init.uniform_(tensor.data, 0.5, 1.5)
    return module


FOLDED = {"batch norm folded into weights", "bias that a folded batch norm leaves"}
SPELT = {"mbv2_sa": {"ones and zeros of a group norm", "equal tensors stored once"}}


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in QUICK else pytest.mark.slow) for name in catalog.entries()]
)
def test_a_network_and_its_export_do_the_same_work(export, name: str) -> None:
    network = models.resolve(name)
    inputs = tuple(torch.ones(spec.shape) for spec in network.inputs)
    if lwprof.profile(name).totals.additions:
        pytest.skip("ONNX has no operator for an adder layer")
    assert set(compared(trained(network.module), inputs, export(network.module, inputs))) <= FOLDED | SPELT.get(
        name, set()
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", DYNAMO)
def test_the_newer_exporter_writes_the_same_network(export, name: str) -> None:
    network = models.resolve(name)
    inputs = tuple(torch.ones(spec.shape) for spec in network.inputs)
    path = export(trained(network.module), inputs, dynamo=True)
    assert set(compared(network.module, inputs, path)) <= FOLDED


@pytest.mark.slow
def test_equal_tensors_of_a_fresh_network_are_stored_once(export) -> None:
    def layer() -> list[nn.Module]:
        return [nn.Conv2d(4, 4, 1, bias=False), nn.BatchNorm2d(4)]

    module = nn.Sequential(*layer(), *layer())
    inputs = (torch.ones(1, 4, 8, 8),)
    assert compared(module, inputs, export(module, inputs)) == {
        "batch norm folded into weights": -16,
        "bias that a folded batch norm leaves": 8,
        "equal tensors stored once": -4,  # both biases are four zeros
    }


def test_a_normalisation_that_stands_alone_stays(export) -> None:
    module = nn.Sequential(nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 8, 3))
    inputs = (torch.ones(1, 4, 8, 8),)
    assert compared(trained(module), inputs, export(module, inputs)) == {}
    totals = lwprof.profile(export(module, inputs)).totals
    assert (totals.params, totals.buffers) == (8 + 288 + 8, 8)  # statistics are no parameters


def test_a_tensor_that_is_weight_and_statistic_is_a_weight(export) -> None:
    """In a fresh network scale and variance are the same ones, bias and mean the same zeros."""
    module, inputs = nn.Sequential(nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 8, 3)), (torch.ones(1, 4, 8, 8),)
    totals = lwprof.profile(export(module, inputs)).totals
    assert (totals.params, totals.buffers) == (4 + 4 + 288 + 8, 0)


LAYERS = {
    "linear on tokens": (nn.Linear(6, 5), (2, 7, 6)),
    "linear without bias": (nn.Linear(6, 5, bias=False), (2, 7, 6)),
    "transposed": (nn.ConvTranspose2d(4, 6, 2, stride=2, groups=2), (1, 4, 5, 5)),
    "1-D": (nn.Conv1d(3, 4, 3), (1, 3, 9)),
    "3-D": (nn.Conv3d(2, 4, 2), (1, 2, 4, 4, 4)),
    "LSTM": (nn.LSTM(3, 4, bidirectional=True), (5, 2, 3)),
    "GRU": (nn.GRU(3, 4), (5, 2, 3)),
    "embedding": (nn.Embedding(10, 4), None),
    "layer norm": (nn.LayerNorm(6), (2, 7, 6)),
    "PReLU": (nn.PReLU(4), (1, 4, 5, 5)),
    "matrix product": (Calling(lambda x: x @ x.transpose(-1, -2)), (2, 3, 4, 5)),
    "upsampled": (nn.Sequential(nn.Upsample(scale_factor=2), nn.Conv2d(3, 4, 1)), (1, 3, 4, 4)),
}


@pytest.mark.parametrize("name", LAYERS)
def test_layers_of_every_kind(export, name: str) -> None:
    module, shape = LAYERS[name]
    inputs = (torch.zeros(2, 3, dtype=torch.int64) if shape is None else torch.ones(shape),)
    live, file = totals(capture(trained(module).eval(), inputs)), totals(capture_file(export(module, inputs)))
    assert (file.mult_adds, file.params) == (live.mult_adds, live.params)
    assert file.memory_access.paper_elements == live.memory_access.paper_elements


ACTIVATIONS = (nn.ReLU, nn.ReLU6, nn.Hardswish, nn.Hardsigmoid, nn.SiLU, nn.Sigmoid, nn.GELU, nn.Mish, nn.LeakyReLU,
               nn.Tanh, nn.ELU, nn.Softplus)  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("opset", [9, 11, 13, 17])
@pytest.mark.parametrize("activation", ACTIVATIONS, ids=lambda kind: kind.__name__)
def test_an_activation_is_one_operator_however_the_opset_spells_it(export, activation, opset: int) -> None:
    module, inputs = nn.Sequential(nn.Conv2d(3, 4, 1), activation()), (torch.ones(1, 3, 5, 5),)
    live, file = totals(capture(module, inputs)), totals(capture_file(export(module, inputs, opset_version=opset)))
    assert file.elementwise_ops == live.elementwise_ops == 4 * 5 * 5
    assert file.memory_access == live.memory_access
    assert file.launches == live.launches == 2


def test_a_layer_norm_of_an_old_opset_is_one_operator(export) -> None:
    module, inputs = trained(nn.LayerNorm(6)), (torch.ones(2, 7, 6),)
    file = totals(capture_file(export(module, inputs, opset_version=14)))
    assert (file.elementwise_ops, file.params, file.launches) == (2 * 7 * 6, 12, 1)


def test_attention_spelt_out_has_the_products_of_attention(export) -> None:
    module = Calling(lambda x: F.scaled_dot_product_attention(x, x, x))
    inputs = (torch.ones(1, 2, 10, 8),)
    assert totals(capture_file(export(module, inputs))).mult_adds == totals(capture(module, inputs)).mult_adds == 3200


def test_open_sizes_of_an_export_are_bound(export) -> None:
    module, inputs = (
        nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2)),
        (torch.ones(1, 3, 9, 9),),
    )
    path = export(module, inputs, input_names=["x"], dynamic_axes={"x": {0: "n", 2: "h", 3: "w"}})
    for size in ((3, 9, 9), (3, 20, 16)):
        live = lwprof.profile(module, input_size=size).totals
        assert lwprof.profile(path, input_size=size).totals.mult_adds == live.mult_adds
    four = models.resolve(path, input_sizes=[(3, 9, 9)], batch=4)
    assert four.inputs[0].shape == (4, 3, 9, 9)
