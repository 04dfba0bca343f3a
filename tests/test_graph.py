"""The graph builder: values, roots, and the order that data flow asks for."""

from __future__ import annotations

import pytest

from lwprof.graph import GraphBuilder, OpGraph, operator


def test_in_place_writes_make_new_values_of_the_same_root() -> None:
    builder = GraphBuilder()
    x = builder.value((2, 3), "float16", "input")
    (y,) = builder.operator("relu", {"self": x}, (x,), [((2, 3), "float16", 6, None)])
    (view,) = builder.operator("view", {"self": y}, (y,), [((6,), "float16", 6, y)], "view")
    (z,) = builder.operator("relu_", {"self": view}, (view,), [((6,), "float16", 6, view)], "inplace")
    builder.operator("add", {"self": x, "other": y}, (x, y), [((2, 3), "float16", 6, None)])
    assert (x.bytes, x.root, x.producer) == (12, 0, -1)
    assert [value.root for value in (y, view, z)] == [y.number] * 3
    assert [op.after for op in builder.operators] == [(), (0,), (1,), (0, 2)]
    assert [value.number for value in builder.values] == list(range(5))


def test_an_operator_made_by_hand() -> None:
    made = operator("aten::cat", [(2, 3), (4,)], tensors=[(1, 3), (1, 3)], weight=(5,), dim=0, size=[2, 3])
    assert [value.shape for value in made.inputs] == [(1, 3), (1, 3), (5,)]
    assert [value.source for value in made.inputs] == ["input", "input", "parameter"]
    assert [value.shape for value in made.outputs] == [(2, 3), (4,)]
    assert made.arguments["dim"] == 0


def test_graphs_are_frozen() -> None:
    graph = OpGraph((operator("aten::relu", (2,), self=(2,)),), (), (), (), (), (), ())
    with pytest.raises(AttributeError):
        graph.operators = ()
