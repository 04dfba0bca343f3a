"""Which of a file's stored tensors are parameters, wherever an exporter keeps them."""

from __future__ import annotations

from typing import Any

import numpy
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx_nodes import weights

import lwprof
from lwprof.results.profile import ProfileResult

W = weights(4, 3, 3, 3)
SHAPE = numpy.array(W.shape)
CONV = ("Conv", "x w", "y")


def constant(array: Any) -> dict[str, Any]:
    return {"value": numpy_helper.from_array(numpy.asarray(array))}


# fmt: off
PLACES: dict[str, tuple[list[tuple[Any, ...]], dict[str, Any]]] = {
    "initializer":            ([CONV], {"w": W}),
    "Constant node":          ([("Constant", "", "w", constant(W)), CONV], {}),
    "list of numbers":        ([("Constant", "", "l", {"value_floats": [1.0] * W.size}), ("Reshape", "l s", "w"), CONV],
                               {"s": SHAPE}),
    "behind Identity":        ([("Identity", "i", "w"), CONV], {"i": W}),
    "behind two Identities":  ([("Identity", "i", "j"), ("Identity", "j", "w"), CONV], {"i": W}),
    "ConstantOfShape":        ([("ConstantOfShape", "s", "w"), CONV], {"s": SHAPE}),
    "transposed":             ([("Transpose", "i", "w", {"perm": [3, 2, 0, 1]}), CONV], {"i": weights(3, 3, 3, 4)}),
    "reshaped":               ([("Reshape", "i s", "w"), CONV], {"i": weights(108), "s": SHAPE}),
    "scaled":                 ([("Mul", "i k", "w"), CONV], {"i": W, "k": weights(4, 1, 1, 1)}),
    "cast from halves":       ([("Cast", "i", "w", {"to": TensorProto.FLOAT}), CONV], {"i": W.astype("float16")}),
    "dequantised":            ([("DequantizeLinear", "i k z", "w", {"axis": 0}), CONV],
                               {"i": W.astype("int8"), "k": weights(4), "z": weights(4, dtype="int8") * 0}),
    "joined":                 ([("Concat", "i j", "w", {"axis": 0}), CONV],
                               {"i": weights(1, 3, 3, 3), "j": weights(3, 3, 3, 3)}),
}
# fmt: on


def profiled(write: Any, nodes: Any, arrays: Any = None, shape: Any = (1, 3, 8, 8), **options: Any) -> ProfileResult:
    return lwprof.profile(write(nodes, {"x": shape}, [nodes[-1][2].split()[0]], arrays, **options))


@pytest.mark.parametrize("place", PLACES)
def test_weights_are_found(write, place: str) -> None:
    result = profiled(write, *PLACES[place])
    assert result.totals.params == 108
    assert result.totals.mult_adds == 4 * 6 * 6 * 27
    assert result.totals.memory_access.paper_elements == 3 * 64 + 4 * 36 + 108
    assert result.coverage.unknown == ()
    assert result.totals.launches == 1
    assert result.totals.peak_activation_bytes == 4 * (3 * 64 + 4 * 36)
    assert sum(kind.params for kind in result.kinds) == sum(layer.params for layer in result.layers) == 108


@pytest.mark.parametrize(("place", "size"), [("initializer", 4), ("cast from halves", 2), ("dequantised", 1)])
def test_bytes_are_those_that_are_stored(write, place: str, size: int) -> None:
    assert profiled(write, *PLACES[place]).totals.param_bytes == 108 * size


def test_what_no_call_runs_is_free_with_a_reason(write) -> None:
    result = profiled(write, *PLACES["list of numbers"])
    reasons = {row.op: row.reason for row in result.coverage.free_ops}
    assert reasons == dict.fromkeys(
        ("onnx::Constant", "onnx::Reshape"), "made of stored tensors alone, before the first call"
    )
    assert (result.coverage.counted, result.coverage.free) == (1, 2)


def test_a_shared_weight_counts_once(write) -> None:
    w = {"w": weights(3, 3, 1, 1)}
    result = profiled(write, [("Conv", "x w", "y"), ("Conv", "y w", "z")], w)
    assert (result.totals.params, result.totals.mult_adds) == (9, 2 * 64 * 9)


def test_statistics_scales_and_numbers_are_no_parameters(write) -> None:
    nodes = [
        ("BatchNormalization", "x a b m v", "n"),
        ("Mul", "n two", "t"),
        ("Clip", "t low high", "c"),
        ("QuantizeLinear", "c k z", "q"),
        ("DequantizeLinear", "q k z", "d"),
        ("Add", "d each", "y"),
    ]
    arrays = {name: weights(3) for name in ("a", "b", "m", "v")} | {
        "two": numpy.float32(2), "low": numpy.float32(-1), "high": numpy.float32(1), "k": weights(3),
        "z": weights(3, dtype="int8") * 0, "each": weights(3, 1, 1),
    }  # fmt: skip
    totals = profiled(write, nodes, arrays).totals
    assert totals.params == 3 + 3 + 3  # scale and bias of the normalisation, and the addend of every channel
    assert totals.buffers == 3 + 3 + 3 + 3  # mean, variance, scale and zero point


def test_sizes_worked_out_in_the_file_are_free(write) -> None:
    """What PyTorch and Paddle write for ``x.view(x.shape[0], -1)``."""
    nodes = [
        ("Shape", "x", "s"),
        ("Gather", "s zero", "n", {"axis": 0}),
        ("Unsqueeze", "n first", "u"),
        ("Concat", "u rest", "c", {"axis": 0}),
        ("Reshape", "x c", "r"),
        ("MatMul", "r w", "y"),
    ]
    arrays = {"zero": numpy.int64(0), "first": numpy.array([0]), "rest": numpy.array([-1]), "w": weights(192, 5)}
    result = profiled(write, nodes, arrays, shape=("N", 3, 8, 8))
    assert result.totals.mult_adds == 192 * 5
    assert result.totals.launches == 1
    free = {row.op: row.reason for row in result.coverage.free_ops}
    assert free.pop("aten::view") == "a view: touches no memory"
    assert set(free) == {"onnx::Shape", "onnx::Gather", "onnx::Unsqueeze", "onnx::Concat"}
    assert set(free.values()) == {"works out sizes: no data of the network is read"}
    assert result.totals.peak_activation_bytes == 4 * (192 + 5)


def test_sparse_weights_count_as_dense(tmp_path) -> None:
    values = numpy_helper.from_array(weights(5), "w")
    indices = numpy_helper.from_array(numpy.arange(5), "w_indices")
    sparse = helper.make_sparse_tensor(values, indices, [6, 4])
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        "sparse",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [2, 6])],
        [helper.make_empty_tensor_value_info("y")],
    )
    graph.sparse_initializer.append(sparse)
    path = tmp_path / "sparse.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]), path)
    totals = lwprof.profile(str(path)).totals
    assert (totals.params, totals.mult_adds) == (24, 2 * 6 * 4)
