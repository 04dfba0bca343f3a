"""ncnn: what pnnx converts, what it and ncnn refuse, and how their processes and threads end."""

from __future__ import annotations

import errno
import importlib.util
import os
import select
import stat
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import numpy
import pytest
import torch
from prepared_networks import ready
from torch import Tensor, nn

from lwprof.architectures.adder import Adder2d
from lwprof.errors import BackendError
from lwprof.timing import backends
from lwprof.timing.backends import Loaded, Options, Source
from lwprof.timing.backends.ncnn import Ncnn
from lwprof.timing.conversions import pnnx_export, pnnx_program

NCNN = Ncnn()
UNUSABLE = backends.usable(NCNN, Options())

pytestmark = [pytest.mark.slow, pytest.mark.skipif(UNUSABLE is not None, reason=str(UNUSABLE))]


class Unit(nn.Module):
    """Depthwise convolution, squeeze and excitation, channel shuffle, residual."""

    def __init__(self, channels: int = 8) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(channels, channels, 3, padding=1, groups=channels)
        self.norm = nn.BatchNorm2d(channels)
        self.gate = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Conv2d(channels, 4, 1), nn.ReLU(), nn.Conv2d(4, channels, 1)
        )
        self.grouped = nn.Conv2d(channels, channels, 1, groups=2)

    def forward(self, x: Tensor) -> Tensor:
        y = nn.functional.hardswish(self.norm(self.depthwise(x)))
        y = self.grouped(y * torch.sigmoid(self.gate(y)))
        n, c, h, w = y.shape
        return x + y.view(n, 2, c // 2, h, w).transpose(1, 2).reshape(n, c, h, w)


class Function(nn.Module):
    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x)


def network() -> nn.Module:
    torch.manual_seed(0)
    layers = nn.Sequential(nn.Conv2d(3, 8, 3, stride=2), Unit(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 5))
    return layers.eval()


def source(module: nn.Module | None = None, *values: Tensor) -> Source:
    return Source("tiny", network() if module is None else module.eval(), values or (image(),))


def image(batch: int = 1, seed: int = 0) -> Tensor:
    return torch.randn(batch, 3, 16, 16, generator=torch.Generator().manual_seed(seed))


@contextmanager
def loaded(given: Source, folder: Path, options: Options | None = None) -> Iterator[Loaded]:
    options = options or Options()
    conversion = NCNN.conversion(given, options)
    assert conversion is not None
    conversion.write(given, folder)
    found = NCNN.load(given, options, folder)
    try:
        yield found
    finally:
        found.close()


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Have lines of shell run in pnnx's place."""

    def put(lines: str) -> None:
        script = tmp_path / "pnnx"
        script.write_text(f"#!/bin/sh\n{lines}\n")
        script.chmod(script.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setattr(pnnx_program, "program", lambda: script)

    return put


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "converted"
    made.mkdir()
    return made


def test_network_with_depthwise_gates_and_shuffle_agrees() -> None:
    with ready(NCNN, network()) as found:  # for two images at a time
        assert found.difference is not None
        assert found.difference <= 1e-4


def test_only_what_is_loaded_is_kept_and_float16_halves_it(folder: Path) -> None:
    sizes = {}
    for half in (False, True):
        pnnx_export.write(source(nn.Conv2d(3, 64, 3)), folder, half)
        assert {path.name for path in folder.iterdir()} == {"model.param", "model.bin", "interface.json"}
        sizes[half] = (folder / "model.bin").stat().st_size
    weights = 3 * 64 * 9
    assert sizes[False] - sizes[True] == 2 * weights


def test_float16_weights_round_what_float32_does_not(folder: Path) -> None:
    given = source()
    assert given.module is not None
    with torch.inference_mode():
        expected = given.module(*given.values).numpy()
    gaps = {}
    for dtype in ("", "float16-weights"):
        with loaded(given, folder, Options(dtype=dtype)) as found:
            gaps[dtype] = abs(found.outputs(given.values)[0] - expected).max() / (expected.max() - expected.min())
    assert gaps[""] < 1e-5
    assert 1e-5 < gaps["float16-weights"] < 2e-2


def test_float16_is_refused_where_the_cpu_computes_in_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    for has, refused in ((1, False), (0, True)):
        monkeypatch.setattr("ncnn.cpu_support_arm_asimdhp", lambda has=has: has)
        with pytest.raises(BackendError, match="float32 on this CPU") if refused else nullcontext():
            NCNN.conversion(source(), Options(dtype="float16"))


def test_float16_is_another_conversion() -> None:
    names = {pnnx_export.conversion(source(), half).name for half in (False, True)}
    assert len(names) == 2


def test_keywords_integers_and_several_outputs(folder: Path) -> None:
    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.table = nn.Embedding(10, 4)
            self.conv = nn.Conv2d(3, 4, 3)

        def forward(self, image: Tensor, *, words: Tensor, scale: float) -> dict[str, Any]:
            word = self.table(words)
            maps = self.conv(image) * scale
            return {"maps": maps, "word": (word, maps.mean((2, 3)))}

    module = Two().eval()
    values = {"image": image(), "words": torch.tensor([[3, 1]]), "scale": 0.5}
    with torch.inference_mode():
        expected = module(**values)
    with loaded(Source("two", module, values), folder) as found:
        maps, word, mean = found.outputs(values)
    for ours, theirs in ((maps, expected["maps"]), (word, expected["word"][0]), (mean, expected["word"][1])):
        assert ours.shape == theirs.shape
        assert numpy.allclose(ours, theirs, atol=1e-5)


def test_output_without_dimensions_has_none(folder: Path) -> None:
    with loaded(source(Function(lambda x: x.relu().sum())), folder) as found:
        assert found.outputs((image(),))[0].shape == ()


@pytest.mark.parametrize("dtype", [torch.float64, torch.complex64, torch.bool])
def test_dtype_that_ncnn_does_not_hold_is_refused(dtype: torch.dtype, folder: Path) -> None:
    with pytest.raises(BackendError, match="ncnn takes no inputs of ") as raised:
        pnnx_export.write(source(nn.Flatten(), torch.ones(1, 3).to(dtype)), folder)
    assert str(dtype).removeprefix("torch.") in str(raised.value)
    assert not list(folder.iterdir())


def test_input_with_too_many_dimensions_is_refused(folder: Path) -> None:
    with pytest.raises(BackendError, match="of 6 dimensions"):
        pnnx_export.write(source(nn.Flatten(), torch.ones(1, 1, 1, 1, 2, 2)), folder)


@pytest.mark.parametrize(
    ("module", "operator", "path"),
    [
        (Function(lambda x: torch.cumprod(x, 1)), "aten::cumprod", "1.0"),
        (Function(lambda x: torch.special.bessel_j0(x)), "aten::special_bessel_j0", "1.0"),
        (Adder2d(8, 8, 3), "lwprof::adder2d", "1.0"),
    ],
    ids=["ncnn", "pnnx", "own"],
)
def test_missing_operator_is_named_with_its_module(module: nn.Module, operator: str, path: str, folder: Path) -> None:
    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.Sequential(module))
    with pytest.raises(BackendError) as raised:
        pnnx_export.write(source(net), folder)
    assert f"{operator}, which {path} runs" in str(raised.value)
    assert "\n" not in str(raised.value)
    assert not list(folder.iterdir())


def test_network_that_cannot_be_traced_is_a_sentence(folder: Path) -> None:
    def hidden(x: Tensor) -> Tensor:
        raise ValueError("not with this input\nand more")

    with pytest.raises(BackendError, match=r"torch cannot trace tiny: ValueError: not with this input$"):
        pnnx_export.write(source(Function(hidden)), folder)


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("kill -9 $$", r"pnnx was killed \(signal 9\) while it converted tiny"),
        ("echo no shape; exit 3", r"pnnx failed \(exit code 3\) while it converted tiny: no shape$"),
        ("exit 0", "pnnx wrote no network of ncnn for tiny"),
        ("echo 'RuntimeError: no LAPACK' >&2; kill -6 $$", "pnnx cannot convert tiny: no LAPACK$"),
        ("echo 'ort CreateSession failed Fatal error: my:Foo(-1) is no op'; kill -11 $$", r": my:Foo\(-1\) is no op$"),
        (
            "echo 'ort CreateSession failed /a/b.cc:202 A::B(C&&, const D<E>*) Unsupported IR: 14'; kill -11 $$",
            "pnnx cannot convert tiny: Unsupported IR: 14$",
        ),
    ],
)
def test_failed_conversion_is_a_sentence_and_leaves_nothing(
    lines: str, said: str, folder: Path, stand_in: Callable[[str], None], capfd: pytest.CaptureFixture[str]
) -> None:
    stand_in(f"echo noise; echo noise >&2; {lines}")
    with pytest.raises(BackendError, match=said):
        pnnx_export.write(source(), folder)
    assert not list(folder.iterdir())
    assert capfd.readouterr() == ("", "")


def test_program_that_cannot_start_is_a_sentence(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = folder.parent / "broken"
    broken.touch()
    monkeypatch.setattr(pnnx_program, "program", lambda: broken)
    reason = NCNN.unavailable("cpu")
    assert reason is not None
    assert reason.startswith("pnnx has no program that can be run")
    with pytest.raises(BackendError, match="pnnx cannot be started: Permission denied"):
        pnnx_export.write(source(), folder)


def test_hanging_conversion_is_ended(folder: Path, stand_in: Callable[[str], None]) -> None:
    stand_in("sleep 600")
    with pytest.raises(BackendError, match=r"pnnx did not finish converting tiny within 0.001 minutes"):
        pnnx_program.run([], folder, "tiny", limit_s=0.06)


def test_interruption_ends_the_conversion(
    folder: Path, stand_in: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in("sleep 600 & sleep 600")
    started: list[Any] = []
    pipes: list[int] = []

    class Interrupted(subprocess.Popen):  # type: ignore[type-arg]
        def communicate(self, *args: Any, **kwargs: Any) -> Any:
            started.append(self)
            assert self.stdout is not None
            pipes.append(os.dup(self.stdout.fileno()))
            raise KeyboardInterrupt

    monkeypatch.setattr(subprocess, "Popen", Interrupted)
    with pytest.raises(KeyboardInterrupt):
        pnnx_export.write(source(), folder)
    assert started[0].returncode == -9
    assert select.select(pipes, [], [], 10)[0], "what it had started still runs"
    os.close(pipes[0])
    assert not list(folder.iterdir())


def test_full_disk_is_a_sentence(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that pnnx fills: it writes half a network and ends as if all were well."""
    write = Path.open

    def full(path: Path, *args: Any, **kwargs: Any) -> Any:
        if path.name == "probe":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(path, *args, **kwargs)

    monkeypatch.setattr(Path, "open", full)
    with pytest.raises(BackendError, match=r"no space to convert tiny in .*: No space left on device"):
        pnnx_export.write(source(), folder)
    assert not list(folder.iterdir())


def test_weights_that_are_cut_short_are_not_loaded(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    given = source()
    pnnx_export.write(given, folder)
    weights = folder / "model.bin"
    weights.write_bytes(weights.read_bytes()[:200])
    with pytest.raises(BackendError, match="ncnn cannot load tiny"):
        NCNN.load(given, Options(), folder)
    assert capfd.readouterr() == ("", "")


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="counts the threads that Linux shows")
@pytest.mark.parametrize("threads", [1, 2])
def test_as_many_threads_as_asked_for(threads: int, folder: Path) -> None:
    more: list[int] = []

    def count() -> None:  # in a thread of its own: OpenMP keeps those that it gave to others
        before = len(os.listdir("/proc/self/task"))
        found = NCNN.load(given, Options(threads=threads), folder)
        found.run()
        more.append(len(os.listdir("/proc/self/task")) - before)
        found.close()

    given = source(nn.Conv2d(3, 32, 3))
    pnnx_export.write(given, folder)
    runner = threading.Thread(target=count)
    runner.start()
    runner.join()
    assert more == [threads - 1]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.skipif(importlib.util.find_spec("onnx") is None, reason="onnx is not installed")
def test_onnx_file_runs_for_the_inputs_that_it_is_given(folder: Path) -> None:
    module, file = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU()).eval(), folder.parent / "net.onnx"
    torch.onnx.export(
        module, (image(),), str(file), dynamo=False, input_names=["x"], dynamic_axes={"x": {0: "n", 2: "h", 3: "w"}}
    )
    given = [Source("net", None, (image()[:, :, :size],), file, "same") for size in (16, 12)]
    assert len({pnnx_export.conversion(item, half=False).name for item in given}) == 2
    with torch.inference_mode():
        expected = module(*given[1].values).numpy()
    with loaded(given[1], folder) as found:
        output = found.outputs(given[1].values)[0]
    assert output.shape == expected.shape
    assert numpy.allclose(output, expected, atol=1e-5)


@pytest.mark.skipif(importlib.util.find_spec("onnx") is None, reason="onnx is not installed")
def test_onnx_file_with_weights_beside_it_and_among_its_inputs(folder: Path) -> None:
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    weights = numpy.random.default_rng(0).standard_normal((4, 3, 3, 3)).astype(numpy.float32)
    given = [helper.make_tensor_value_info("w", TensorProto.FLOAT, weights.shape)]  # first, as in files of before 2019
    given.append(helper.make_tensor_value_info("x", TensorProto.FLOAT, (1, 3, 16, 16)))
    kept = helper.make_tensor_value_info("y", TensorProto.FLOAT, (1, 4, 14, 14))
    node = helper.make_node("Conv", ["x", "w"], ["y"], kernel_shape=[3, 3])
    graph = helper.make_graph([node], "net", given, [kept], [numpy_helper.from_array(weights, "w")])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 12)], ir_version=7)
    file = folder.parent / "net.onnx"
    onnx.save_model(model, file, save_as_external_data=True, location="net.data", size_threshold=0)
    values = (torch.rand(1, 3, 16, 16),)
    with loaded(Source("net", None, values, file, "same"), folder) as found:
        (output,) = found.outputs(values)
    expected = nn.functional.conv2d(values[0], torch.from_numpy(weights)).numpy()
    assert numpy.allclose(output, expected, atol=1e-4)
