"""Sizes of a file's inputs: its own, those that are given, and what is refused."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest
import torch
from onnx_nodes import weights

import lwprof
from lwprof import models
from lwprof.crosscheck import crosscheck
from lwprof.errors import BackendError, InputError
from lwprof.models import specs
from lwprof.results.networks import TensorSpec

CONV = [("Conv", "x w", "y")]


@pytest.fixture
def conv(write):
    def file(shape, **options) -> str:
        return write(CONV, {"x": shape}, ["y"], {"w": weights(4, 3, 3, 3)}, **options)

    return file


def shapes(path: str, sizes=(), batch: int = 1) -> list[tuple[int, ...]]:
    return [spec.shape for spec in models.resolve(path, input_sizes=sizes, batch=batch).inputs]


def test_a_file_with_fixed_sizes_needs_none(conv) -> None:
    path = conv([1, 3, 8, 8])
    assert shapes(path) == shapes(path, [(3, 8, 8)]) == [(1, 3, 8, 8)]
    result = lwprof.profile(path)
    assert (result.model.name, result.model.spec) == ("net", path)
    assert result.model.inputs == (TensorSpec((1, 3, 8, 8), "float32"),)
    assert (result.totals.params, result.totals.mult_adds) == (108, 4 * 6 * 6 * 27)


@pytest.mark.parametrize("shape", [["N", 3, 8, 8], [None, 3, 8, 8], [-1, 3, 8, 8]])
def test_an_open_first_size_is_the_batch(conv, shape) -> None:
    path = conv(shape)
    assert shapes(path) == [(1, 3, 8, 8)]
    assert shapes(path, batch=5) == [(5, 3, 8, 8)]


def test_other_open_sizes_are_given(conv) -> None:
    path = conv(["N", 3, "H", "W"])
    assert shapes(path, [(3, 20, 16)], batch=2) == [(2, 3, 20, 16)]
    assert lwprof.profile(path, input_size=(3, 20, 16)).totals.mult_adds == 4 * 18 * 14 * 27


def test_a_name_stands_for_one_size_in_all_inputs(write) -> None:
    path = write([("Add", "x y", "z")], {"x": ["N", "C"], "y": ["N", "C"]}, ["z"])
    assert shapes(path, [(7,), (7,)]) == [(1, 7), (1, 7)]
    one = write([("Relu", "x", "a"), ("Relu", "y", "b")], {"x": ["N", 4], "y": [1, "N"]}, ["a", "b"], name="one")
    assert shapes(one, batch=3) == [(3, 4), (1, 3)]


def test_inputs_themselves_are_taken_as_they_are(write) -> None:
    """Each has a first size of its own, and those with names need no order."""
    path = write([("Relu", "x", "a"), ("Relu", "y", "b")], {"x": ["N", "C"], "y": ["M", "D"]}, ["a", "b"])
    x, y = torch.ones(2, 3), torch.ones(5, 4)
    for inputs in ((x, y), {"y": y, "x": x}):
        assert [spec.shape for spec in models.resolve(path, inputs=inputs).inputs] == [(2, 3), (5, 4)]
    with pytest.raises(InputError, match="has the inputs x, y, and not x, z"):
        models.resolve(path, inputs={"x": x, "z": y})


def test_an_input_without_a_shape_takes_the_one_that_is_given(conv) -> None:
    path = conv(None)
    assert shapes(path, [(3, 8, 8)], batch=2) == [(2, 3, 8, 8)]
    assert crosscheck(path, input_size=(3, 8, 8), batch=2).rows[0].verdict == "agrees to the unit"


def test_an_input_may_have_no_batch(write) -> None:
    path = write([("Relu", "x", "y")], {"x": [3, "W"]}, ["y"])
    assert shapes(path, [(3, 9)]) == [(3, 9)]


def test_old_files_list_their_weights_among_the_inputs(write) -> None:
    path = write(CONV, {"x": [1, 3, 8, 8], "w": [4, 3, 3, 3]}, ["y"], {"w": weights(4, 3, 3, 3)})
    assert shapes(path) == [(1, 3, 8, 8)]


@pytest.mark.parametrize(
    ("shape", "sizes", "batch", "says"),
    [
        (["N", 3, "H", "W"], [], 1, "input 'x' is 1×3×H×W: H and W must be given with --input-size, such as 3,224,224"),
        ([1, 3, None, 8], [], 1, "input 'x' is 1×3×?×8: its size must be given with --input-size, such as 3,224,8"),
        (None, [], 1, "input 'x' has no shape; give its size with --input-size"),
        ([1, 3, 8, 8], [(3, 9, 8)], 1, "input 'x' is 1×3×8×8; it cannot be 1×3×9×8"),
        ([1, 3, 8, 8], [(8, 8)], 1, "input 'x' is 1×3×8×8; it cannot be 1×8×8"),
        ([1, 3, 8, 8], [], 4, "is made for 1×3×8×8; a batch of 4 needs another file"),
        ([1, 3, 8, 8], [(3, 8, 8)] * 2, 1, "has 1 inputs (x), and 2 sizes were given"),
        ([1, 3, 8, 8], [TensorSpec((3, 8, 8), "int64")], 1, "input 'x' holds float32, not int64"),
        ([1, 3, "H", 8], [(3, 2, 8)], 1, "too small"),
        ([1, 5, 8, 8], [], 1, "cannot work on these sizes"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(conv, shape, sizes, batch: int, says: str) -> None:
    with pytest.raises(InputError) as caught:
        models.resolve(conv(shape), input_sizes=sizes, batch=batch)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_none_is_refused_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "text.onnx").write_text("no network at all")
    (tmp_path / "empty.onnx").write_bytes(b"")
    (tmp_path / "folder.onnx").mkdir()
    says = {"text": "is not an ONNX file", "empty": "is not an ONNX file", "folder": "is a folder", "no": "cannot read"}
    for name, words in says.items():
        with pytest.raises(InputError, match=words) as caught:
            lwprof.profile(str(tmp_path / f"{name}.onnx"))
        assert "\n" not in str(caught.value)


def test_a_truncated_file_is_refused(conv) -> None:
    path = Path(conv([1, 3, 8, 8]))
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(InputError, match="is not an ONNX file"):
        lwprof.profile(str(path))


@pytest.mark.parametrize(("node", "says"), [
    (("Relu", "x", "z"), "returns 'y', which nothing makes"),
    (("Relu", "z", "y"), "the Relu that makes 'y' reads 'z', which nothing makes"),
])  # fmt: skip
def test_what_nothing_makes_is_named(write, node: tuple[str, str, str], says: str) -> None:
    with pytest.raises(InputError, match=says):
        lwprof.profile(write([node], {"x": [1, 3]}, ["y"]))


def test_without_onnx_it_says_how_to_install_it(conv, monkeypatch: pytest.MonkeyPatch) -> None:
    path = conv([1, 3, 8, 8])
    monkeypatch.setitem(__import__("sys").modules, "onnx", None)
    with pytest.raises(BackendError, match=r"pip install 'lwprof\[onnx\]'"):
        lwprof.profile(path)


def test_torch_does_not_build_it(conv) -> None:
    with pytest.raises(InputError, match="ONNX file, which torch does not run"):
        lwprof.build(conv([1, 3, 8, 8]))


def test_weights_beside_the_file_need_not_be_there(conv, tmp_path: Path) -> None:
    """A count needs their shapes alone; what says sizes is small and read."""
    path = conv([1, 3, 8, 8])
    onnx.save(onnx.load(path), path, save_as_external_data=True, location="net.data", size_threshold=64)
    (tmp_path / "net.data").unlink()
    assert lwprof.profile(path).totals.params == 108


def test_sizes_beside_the_file_are_read(write, tmp_path: Path) -> None:
    path = write([("Reshape", "x s", "y"), ("MatMul", "y w", "z")], {"x": [1, 12]}, ["z"],
                 {"s": weights(2, dtype="int64") * 0 + [6, 2], "w": weights(2, 5)})  # fmt: skip
    onnx.save(onnx.load(path), path, save_as_external_data=True, location="net.data", size_threshold=0)
    assert (tmp_path / "net.data").exists()
    assert lwprof.profile(path).totals.mult_adds == 6 * 2 * 5


def test_the_form_of_the_spec() -> None:
    spec = specs.parse("models/my net.onnx")
    assert (spec.kind, spec.place, spec.name, spec.values) == ("onnx", "models/my net.onnx", "my net", {})
