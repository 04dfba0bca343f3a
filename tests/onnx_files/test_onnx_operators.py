"""Quantised operators, branches, functions, and what lwprof does not know."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import numpy
import onnx
import pytest
import torch
from onnx import TensorProto, helper
from onnx_nodes import node, weights
from torch import nn

import lwprof
from lwprof.results.profile import ProfileResult

IMAGE = (1, 3, 8, 8)


def profiled(write: Any, nodes: Any, arrays: Any = None, shape: Any = IMAGE, **options: Any) -> ProfileResult:
    return lwprof.profile(write(nodes, {"x": shape}, [nodes[-1][2].split()[0]], arrays, **options))


class Calibration:
    """One image, for onnxruntime's quantisation."""

    def __init__(self) -> None:
        self.images = iter([{"input": numpy.ones(IMAGE, numpy.float32)}])

    def get_next(self) -> Any:
        return next(self.images, None)


@pytest.mark.slow
@pytest.mark.parametrize("form", ["QDQ", "QOperator", "dynamic"])
def test_a_quantised_network_does_the_work_of_the_float_one(export, tmp_path: Path, form: str) -> None:
    quantization = pytest.importorskip("onnxruntime.quantization")
    module = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 4, 3, groups=4), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
        nn.Linear(4, 5), nn.Softmax(1),
    )  # fmt: skip
    small = export(module, (torch.ones(IMAGE),), input_names=["input"])
    path = str(tmp_path / "quantised.onnx")
    if form == "dynamic":
        quantization.quantize_dynamic(small, path, op_types_to_quantize=["Conv", "MatMul", "Gemm"])
    else:
        kind = getattr(quantization.QuantFormat, form)
        quantization.quantize_static(small, path, Calibration(), quant_format=kind)
    types = {operator.op_type for operator in onnx.load(path).graph.node}
    assert types & {"QLinearConv", "DequantizeLinear", "ConvInteger"}
    plain, quantised = lwprof.profile(small), lwprof.profile(path)
    assert quantised.totals.mult_adds == plain.totals.mult_adds
    assert quantised.totals.memory_access.paper_elements == plain.totals.memory_access.paper_elements
    assert quantised.totals.params == plain.totals.params
    assert quantised.totals.param_bytes < plain.totals.param_bytes
    assert quantised.coverage.unknown == ()
    products = {kind.kind: kind.mult_adds for kind in quantised.kinds if kind.mult_adds}
    assert products == {kind.kind: kind.mult_adds for kind in plain.kinds if kind.mult_adds}


@pytest.mark.parametrize(
    ("last", "unknown"), [(0, ()), (1, ("com.microsoft::QLinearGlobalAveragePool (shape not known)",))]
)
def test_a_quantised_pooling_of_another_layout_is_not_guessed_at(write, last: int, unknown: tuple[str, ...]) -> None:
    arrays = {"k": numpy.float32(1), "z": numpy.uint8(0)}
    nodes = [("QuantizeLinear", "x k z", "q"),
             ("com.microsoft::QLinearGlobalAveragePool", "q k z k z", "y", {"channels_last": last})]  # fmt: skip
    result = profiled(write, nodes, arrays, domains={"com.microsoft": 1})
    assert tuple(row.op for row in result.coverage.unknown) == unknown


def test_every_layer_has_a_name_of_its_own(write, tmp_path: Path) -> None:
    nodes = [("Relu", "x", "a"), ("Relu", "a", "b"), ("Relu", "b", "c"), ("Abs", "c", "y")]
    model = onnx.load(write(nodes, {"x": IMAGE}, ["y"]))
    for made, name in zip(model.graph.node, ("r.1", "r_1", "r_1 (2)", "/"), strict=True):
        made.name = name
    path = tmp_path / "named.onnx"
    onnx.save(model, path)
    layers = lwprof.profile(str(path)).layers
    assert [layer.name for layer in layers] == ["", "r_1", "r_1 (2)", "r_1 (2) (2)", "Abs"]


def test_a_quantised_product_of_two_data_matrices(write) -> None:
    arrays = {"k": numpy.float32(1), "z": numpy.uint8(0)}
    nodes = [("QuantizeLinear", "x k z", "q"), ("Transpose", "q", "t", {"perm": [0, 1, 3, 2]}),
             ("QLinearMatMul", "q k z t k z k z", "y")]  # fmt: skip
    totals = profiled(write, nodes, arrays).totals
    assert (totals.mult_adds, totals.params) == (3 * 8 * 8 * 8, 0)
    assert totals.memory_access.paper_bytes == totals.memory_access.paper_elements  # a byte each


@pytest.mark.parametrize("condition", [True, False])
def test_a_branch_with_a_known_condition_is_followed(write, condition: bool) -> None:
    def branch(columns: int) -> onnx.GraphProto:
        kernel = helper.make_tensor("k", TensorProto.FLOAT, (columns, 3, 1, 1), [1.0] * 3 * columns)
        made = [node("Conv", "x k", "m"), node("Relu", "m", "out")]
        return helper.make_graph(made, "branch", [], [helper.make_empty_tensor_value_info("out")], [kernel])

    nodes = [("If", "c", "b", {"then_branch": branch(4), "else_branch": branch(6)}), ("Relu", "b", "y")]
    result = profiled(write, nodes, {"c": numpy.array(condition)})
    assert result.totals.mult_adds == 64 * 3 * (4 if condition else 6)
    assert result.totals.params == 3 * (4 if condition else 6)
    assert result.coverage.unknown == ()
    assert "its condition is known before the first call" in {row.reason for row in result.coverage.free_ops}


def test_a_branch_that_data_chooses_is_unknown(write) -> None:
    graph = helper.make_graph([node("Relu", "x", "out")], "branch", [], [helper.make_empty_tensor_value_info("out")])
    nodes = [
        ("ReduceSum", "x", "s", {"keepdims": 0}),
        ("Cast", "s", "c", {"to": TensorProto.BOOL}),
        ("If", "c", "b", {"then_branch": graph, "else_branch": graph}),
    ]
    names = [row.op for row in profiled(write, nodes).coverage.unknown]
    assert len(names) == 1
    assert names[0].startswith("onnx::If")


def test_local_functions_are_written_out(write) -> None:
    body = [node("Conv", "a k", "m"), node("Relu", "m", "b")]
    function = helper.make_function("mine", "Block", ["a", "k"], ["b"], body, [helper.make_opsetid("", 17)])
    nodes = [("mine::Block", "x w", "h"), ("mine::Block", "h v", "y")]
    arrays = {"w": weights(4, 3, 1, 1), "v": weights(5, 4, 1, 1)}
    result = profiled(write, nodes, arrays, domains={"mine": 1}, functions=[function])
    assert (result.totals.mult_adds, result.totals.params) == (64 * (12 + 20), 32)
    assert result.coverage.unknown == ()


def test_what_lwprof_does_not_know_is_listed_by_name(write) -> None:
    nodes = [("Compress", "x k", "v"), ("mine::Magic", "v", "m"), ("Relu", "m", "y")]
    result = profiled(write, nodes, {"k": numpy.array([True, False])}, domains={"mine": 1})
    names = ("mine::Magic", "onnx::Compress", "onnx::Relu")
    assert [row.op for row in result.coverage.unknown] == [f"{name} (shape not known)" for name in names]
    assert result.totals.mult_adds == 0


def test_the_file_may_say_the_shape_of_what_onnx_does_not_know(write) -> None:
    path = write([("mine::Magic", "x", "m"), ("Conv", "m w", "y")], {"x": ["N", 3, 8, 8]}, ["y"],
                 {"w": weights(4, 3, 1, 1)}, domains={"mine": 1})  # fmt: skip
    model = onnx.load(path)
    model.graph.value_info.append(helper.make_tensor_value_info("m", TensorProto.FLOAT, ["N", 3, 8, 8]))
    onnx.save(model, path)
    result = lwprof.profile(path)
    assert result.totals.mult_adds == 64 * 12
    assert [row.op for row in result.coverage.unknown] == ["mine::Magic"]


# fmt: off
MICROSOFT = {
    "FusedConv":   ([("com.microsoft::FusedConv", "x w b", "y", {"activation": "Relu"})],
                    {"w": weights(4, 3, 1, 1), "b": weights(4)}, 64 * 12, 4 * 64),
    "FusedMatMul": ([("com.microsoft::FusedMatMul", "x w", "y", {"alpha": 0.5})],
                    {"w": weights(8, 5)}, 3 * 8 * 8 * 5, 0),
    "Gelu":        ([("com.microsoft::Gelu", "x", "y")], {}, 0, 192),
}
# fmt: on


@pytest.mark.parametrize("name", MICROSOFT)
def test_operators_that_onnxruntime_writes(write, name: str) -> None:
    nodes, arrays, mult_adds, elementwise = MICROSOFT[name]
    result = profiled(write, nodes, arrays, domains={"com.microsoft": 1})
    assert (result.totals.mult_adds, result.totals.elementwise_ops) == (mult_adds, elementwise)
    assert result.coverage.unknown == ()


SPELLINGS = {
    "hard-swish, product last": "a=Add(x,three) c=Clip(a,zero,six) g=Div(c,six) y=Mul(x,g)",
    "hard-swish, division last": "a=Add(x,three) c=Clip(a,zero,six) m=Mul(x,c) y=Div(m,six)",
    "hard-swish, by a sixth": "a=Add(three,x) c=Clip(a,zero,six) m=Mul(c,x) y=Mul(m,sixth)",
    "hard-swish, two operators": "g=HardSigmoid(x) y=Mul(g,x)",
    "hard-sigmoid": "a=Add(x,three) c=Clip(a,zero,six) y=Div(c,six)",
    "hard-sigmoid, scaled first": "m=Mul(x,sixth) a=Add(m,half) y=Clip(a,zero,one)",
    "swish": "g=Sigmoid(x) y=Mul(g,x)",
    "mish": "p=Softplus(x) t=Tanh(p) y=Mul(x,t)",
    "GELU": "d=Div(x,root) e=Erf(d) a=Add(e,one) m=Mul(x,a) y=Mul(m,half)",
    "GELU, by a tanh": "k=Pow(x,three) s=Mul(small,k) a=Add(x,s) m=Mul(scale,a) t=Tanh(m) b=Add(t,one) h=Mul(half,b) "
    "y=Mul(x,h)",
    "GELU, by a tanh and products": "q=Mul(x,x) k=Mul(x,q) s=Mul(small,k) a=Add(x,s) m=Mul(scale,a) t=Tanh(m) "
    "b=Add(one,t) p=Mul(x,b) y=Mul(half,p)",
    "GELU, half first": "h=Mul(x,half) d=Div(x,root) e=Erf(d) a=Add(one,e) y=Mul(h,a)",
}
NUMBERS = {
    "zero": 0,
    "one": 1,
    "three": 3,
    "six": 6,
    "sixth": 1 / 6,
    "half": 0.5,
    "root": 2**0.5,
    "small": 0.044715,
    "scale": (2 / math.pi) ** 0.5,
}


def spelt(name: str) -> list[tuple[str, str, str]]:
    """Nodes behind a convolution."""
    found = re.findall(r"(\w+)=(\w+)\(([\w,]+)\)", SPELLINGS[name])
    return [("Conv", "image w", "x"), *((kind, inputs.replace(",", " "), made) for made, kind, inputs in found)]


@pytest.mark.parametrize("name", SPELLINGS)
def test_an_activation_that_is_spelt_out_is_one(write, name: str) -> None:
    arrays = {key: numpy.float32(number) for key, number in NUMBERS.items()} | {"w": weights(3, 3, 1, 1)}
    result = lwprof.profile(write(spelt(name), {"image": IMAGE}, ["y"], arrays))
    assert (result.totals.elementwise_ops, result.totals.launches) == (192, 2)
    assert result.totals.params == 9
    assert [kind.kind for kind in result.kinds] == ["pointwise", "activation"]


@pytest.mark.parametrize("name", SPELLINGS)
def test_it_stays_spelt_out_where_something_else_reads_a_part(write, name: str) -> None:
    arrays = {key: numpy.float32(number) for key, number in NUMBERS.items()} | {"w": weights(3, 3, 1, 1)}
    nodes = spelt(name)
    result = lwprof.profile(write(nodes, {"image": IMAGE}, ["y", nodes[-2][2]], arrays))
    assert result.totals.launches > 2


def test_a_gate_is_no_swish(write) -> None:
    nodes = [("GlobalAveragePool", "x", "p"), ("Sigmoid", "p", "g"), ("Mul", "x g", "y")]
    assert profiled(write, nodes).totals.launches == 3


def test_a_bias_added_behind_a_convolution_is_its_bias(write) -> None:
    """As PaddlePaddle writes it."""
    arrays = {"w": weights(4, 3, 1, 1), "b": weights(4), "s": numpy.array([1, 4, 1, 1])}
    nodes = [("Conv", "x w", "c"), ("Reshape", "b s", "r"), ("Add", "c r", "y")]
    result = profiled(write, nodes, arrays)
    assert (result.totals.params, result.totals.elementwise_ops, result.totals.launches) == (16, 0, 1)


def test_what_hands_on_its_input_hinders_nothing(write) -> None:
    nodes = [
        ("Conv", "x w", "c"),
        ("Identity", "c", "i"),
        ("Dropout", "i", "d"),
        ("Relu", "d", "r"),
        ("Identity", "r", "y"),
    ]
    arrays = {"w": weights(4, 3, 1, 1)}
    totals = profiled(write, nodes, arrays).totals
    plain = profiled(write, [("Conv", "x w", "c"), ("Relu", "c", "y")], arrays, name="plain").totals
    assert totals == plain


def test_transpositions_write_unless_they_move_nothing(write) -> None:
    moved = profiled(write, [("Transpose", "x", "y", {"perm": [0, 2, 3, 1]})]).totals
    still = profiled(write, [("Transpose", "x", "y", {"perm": [1, 0, 2, 3]})]).totals
    assert (moved.memory_access.eager_elements, moved.launches) == (2 * 192, 1)
    assert (still.memory_access.eager_elements, still.launches) == (0, 0)
